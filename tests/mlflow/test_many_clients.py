"""200 clients at once: each is answered, and no update is lost."""
import json
import threading

import requests

CLIENTS, POINTS = 200, 10


def work(api, start, number, shared_run, model, failures):
    session = requests.Session()

    def post(path, body):
        answer = session.post(f"{api}/{path}", json=body, timeout=120)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    start.wait()
    try:
        run = post("runs/create", {"experiment_id": "0", "run_name": f"client {number}"})["run"]["info"]["run_id"]
        points = [{"key": "own", "value": i, "timestamp": i, "step": i} for i in range(POINTS)]
        post("runs/log-batch", {"run_id": run, "metrics": points, "params": [{"key": "number", "value": str(number)}]})
        post("runs/log-metric", {"run_id": shared_run, "key": "shared", "value": number, "timestamp": number, "step": number})
        post("runs/set-tag", {"run_id": shared_run, "key": f"client {number}", "value": "x"})
        made = post("model-versions/create", {"name": "of many", "source": f"s3://bucket/{number}", "model_id": model})
        post("registered-models/alias", {"name": "of many", "alias": f"a{number}", "version": made["model_version"]["version"]})
        post("runs/search", {"experiment_ids": ["0"], "filter": "metrics.own > 5", "max_results": 5})
    except Exception as error:
        failures.append(error)


def test_no_update_of_many_clients_is_lost(api):
    shared_run = api.post("runs/create", {"experiment_id": "0", "run_name": "shared"}).json()["run"]["info"]["run_id"]
    model = api.post("logged-models", {"experiment_id": "0"}).json()["model"]["info"]["model_id"]
    assert api.post("registered-models/create", {"name": "of many"}).status_code == 200
    start, failures = threading.Barrier(CLIENTS), []
    threads = [threading.Thread(target=work, args=(f"{api.url}/api/2.0/mlflow", start, number, shared_run, model, failures))
               for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[:3]
    runs = api.post("runs/search", {"experiment_ids": ["0"], "filter": "run_name LIKE 'client %'"}).json()["runs"]
    assert sorted(int(run["data"]["params"][0]["value"]) for run in runs) == list(range(CLIENTS))
    assert all(run["data"]["metrics"][0]["step"] == POINTS - 1 for run in runs)
    shared = api.get("metrics/get-history", run_id=shared_run, metric_key="shared").json()["metrics"]
    assert [point["step"] for point in shared] == list(range(CLIENTS))
    tags = api.get("runs/get", run_id=shared_run).json()["run"]["data"]["tags"]
    assert sum(tag["key"].startswith("client ") for tag in tags) == CLIENTS
    versions = api.get("model-versions/search").json()["model_versions"]
    assert sorted(int(version["version"]) for version in versions) == list(range(1, CLIENTS + 1))
    assert len({version["source"] for version in versions}) == CLIENTS
    assert len(api.get("registered-models/get", name="of many").json()["registered_model"]["aliases"]) == CLIENTS
    noted = {tag["key"]: tag["value"] for tag in api.get(f"logged-models/{model}").json()["model"]["info"]["tags"]}
    assert sorted(one["version"] for one in json.loads(noted["mlflow.modelVersions"])) == list(range(1, CLIENTS + 1))
