"""The wire rules that clients rely on: codes, words, prefixes, types, limits."""
import pytest


def test_prefixes_version_and_shape(api):
    made = api.post("experiments/create", {"name": "x"})
    assert made.headers["Content-Type"].startswith("application/json")
    assert made.text == '{\n  "experiment_id": "1"\n}'
    ajax = api.session.get(f"{api.url}/ajax-api/2.0/mlflow/experiments/get", params={"experiment_id": "1"}, timeout=20)
    experiment = ajax.json()["experiment"]
    assert experiment["lifecycle_stage"] == "active" and isinstance(experiment["creation_time"], int)
    assert "tags" not in experiment
    assert api.post("experiments/delete", {"experiment_id": "1"}).text == "{}"
    assert api.session.get(f"{api.url}/version", timeout=20).text.startswith("3.")


@pytest.mark.parametrize("path, body, words", [
    ("experiments/create", {}, "Missing value for required parameter 'name'"),
    ("experiments/create", {"name": 5}, "Invalid value 5 for parameter 'name' supplied"),
    ("experiments/create", {"name": "a", "artifact_location": "runs:/x"}, "artifact_location"),
    ("experiments/create", {"name": "a" * 501}, "exceeds the maximum length of 500"),
    ("experiments/search", {}, "max_results"),
    ("experiments/search", {"max_results": 50001}, "at most 50000"),
    ("runs/search", {"experiment_ids": ["0"], "max_results": 0}, "max_results"),
    ("runs/search", {"experiment_ids": ["x"]}, "Invalid experiment ID"),
    ("runs/search", {"experiment_ids": ["0"], "page_token": "garbage"}, "Invalid page token"),
    ("runs/search", {"experiment_ids": ["0"], "page_token": "WzEsMl0="}, "Invalid page token"),
    ("runs/search", {"experiment_ids": ["0"], "order_by": ["metrics.a", "metrics.a DESC"]}, "duplicate fields"),
    ("runs/search", {"experiment_ids": ["0"], "order_by": ["attributes.nothing"]}, "Invalid attribute key"),
    ("runs/create", {"experiment_id": "0", "run_name": "a", "tags": [{"key": "mlflow.runName", "value": "b"}]},
     "different values"),
    ("runs/create", {"experiment_id": "0", "start_time": "soon"}, "start_time"),
    ("runs/create", {"experiment_id": "0", "tags": [{"value": "b"}]}, r"tags\[0\].key"),
    ("runs/update", {"run_id": "RUN", "status": "HAPPY"}, "status"),
    ("runs/log-metric", {"run_id": "RUN", "key": "a//b", "value": 1, "timestamp": 1}, "would resolve to 'a/b'"),
    ("runs/log-metric", {"run_id": "RUN", "key": "a;b", "value": 1, "timestamp": 1}, "Names may only contain"),
    ("runs/log-metric", {"run_id": "RUN", "key": "../b", "value": 1, "timestamp": 1}, "must not resolve"),
    ("runs/log-metric", {"run_id": "RUN", "key": "a", "value": "x", "timestamp": 1}, "Invalid value \"x\""),
    ("runs/log-metric", {"run_id": "RUN", "key": "a", "timestamp": 1}, "Missing value for required parameter 'value'"),
    ("runs/log-metric", {"run_id": "RUN", "key": "a" * 251, "value": 1, "timestamp": 1}, "maximum length of 250"),
    ("runs/log-metric", {"run_id": "RUN", "key": "a", "value": 1, "timestamp": -1}, "timestamp"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "a", "value": 1, "timestamp": 1}, {"key": "b"}]},
     r"metrics\[1\].value"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": {"key": "a"}}, "parameter 'metrics'"),
    ("runs/log-batch", {"run_id": "RUN", "params": [{"key": "p", "value": "1"}] * 2}, "Duplicate parameter keys"),
    ("runs/log-batch", {"run_id": "RUN", "tags": [{"key": f"t{i}", "value": "1"} for i in range(101)]},
     "at most 100 tags"),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 1001},
     "at most 1000 metrics"),
    ("runs/log-inputs", {"run_id": "RUN", "datasets": [{}]}, r"datasets\[0\].dataset"),
    ("runs/log-model", {"run_id": "RUN", "model_json": "{}"}, "missing mandatory field"),
    ("logged-models", {"experiment_id": "0", "name": "a/b"}, "Invalid model name"),
    ("registered-models/create", {"name": "a/b"}, "Invalid model name"),
    ("model-versions/create", {"name": "m"}, "Missing value for required parameter 'source'"),
])
def test_a_users_mistake_is_a_400_that_says_what_is_wrong(api, path, body, words):
    import re
    run = api.post("runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]
    if body.get("run_id") == "RUN":
        body = {**body, "run_id": run}
    answer = api.post(path, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert re.search(words, answer.json()["message"]), answer.text
    assert "\n" not in answer.text.strip()


@pytest.mark.parametrize("path, query", [
    ("experiments/get", {"experiment_id": "99"}), ("experiments/get-by-name", {"experiment_name": "no"}),
    ("runs/get", {"run_id": "f" * 32}), ("registered-models/get", {"name": "no"}),
    ("model-versions/get", {"name": "no", "version": "1"}), ("logged-models/m-no", {}),
    ("artifacts/list", {"run_id": "f" * 32}), ("registered-models/alias", {"name": "no", "alias": "a"}),
])
def test_what_is_not_there_is_a_404(api, path, query):
    answer = api.get(path, **query)
    assert answer.status_code == 404 and answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST", answer.text


def test_names_that_are_taken(api):
    for path in ["experiments/create", "registered-models/create"]:
        assert api.post(path, {"name": "n"}).status_code == 200
        answer = api.post(path, {"name": "n"})
        assert answer.status_code == 400 and answer.json()["error_code"] == "RESOURCE_ALREADY_EXISTS"


def test_what_old_and_odd_clients_send(api):
    run = api.post("runs/create", {"user_id": "me", "start_time": "123"}).json()["run"]["info"]
    assert run["experiment_id"] == "0" and run["start_time"] == 123 and run["run_uuid"] == run["run_id"]
    assert api.get("runs/get", run_uuid=run["run_id"]).status_code == 200
    body = {"run_uuid": run["run_id"], "key": "m", "value": "NaN", "timestamp": "5", "ignored": [1]}
    assert api.post("runs/log-metric", body).text == "{}"
    import json
    doubled = json.dumps(json.dumps({"run_id": run["run_id"], "key": "t", "value": "v"}))
    headers = {"Content-Type": "application/json; charset=utf-8"}
    url = f"{api.url}/api/2.0/mlflow/runs/set-tag"
    assert api.session.post(url, data=doubled, headers=headers, timeout=20).status_code == 200
    bare = '{"run_id": "%s", "key": "n", "value": NaN, "timestamp": 1}' % run["run_id"]
    assert api.session.post(f"{api.url}/api/2.0/mlflow/runs/log-metric", data=bare, headers=headers,
                            timeout=20).status_code == 200
    text = api.get("runs/get", run_id=run["run_id"]).json()["run"]
    assert {m["key"]: m["value"] for m in text["data"]["metrics"]} == {"m": "NaN", "n": "NaN"}
    assert {"key": "t", "value": "v"} in text["data"]["tags"]


def test_content_types_and_broken_bodies(api):
    url = f"{api.url}/api/2.0/mlflow/experiments/create"
    for headers in [{"Content-Type": "text/plain"}, {}]:
        answer = api.session.post(url, data=b'{"name": "x"}', headers=headers, timeout=20)
        assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    answer = api.session.post(url, data=b'{"name": ', headers={"Content-Type": "application/json"}, timeout=20)
    assert answer.status_code == 400 and "Missing value for required parameter 'name'" in answer.json()["message"]
    deep = b'{"name": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    answer = api.session.post(url, data=deep, headers={"Content-Type": "application/json"}, timeout=20)
    assert answer.status_code == 400


def test_long_values_are_cut_between_characters(api):
    run = api.post("runs/create", {}).json()["run"]["info"]["run_id"]
    api.post("runs/log-parameter", {"run_id": run, "key": "p", "value": "ä" * 6000})
    api.post("runs/set-tag", {"run_id": run, "key": "t", "value": "x" * 9000})
    data = api.get("runs/get", run_id=run).json()["run"]["data"]
    assert data["params"][0]["value"] == "ä" * 3000
    assert [t["value"] for t in data["tags"] if t["key"] == "t"] == ["x" * 8000]


def test_metric_history_in_pages_and_samples(api):
    run = api.post("runs/create", {}).json()["run"]["info"]["run_id"]
    points = [{"key": "m", "value": i * 0.5, "timestamp": i, "step": i} for i in range(1000)]
    assert api.post("runs/log-batch", {"run_id": run, "metrics": points}).status_code == 200
    assert len(api.get("metrics/get-history", run_id=run, metric_key="m").json()["metrics"]) == 1000
    seen, token = [], None
    for _ in range(20):  # far more pages than there can be
        query = {"run_id": run, "metric_key": "m", "max_results": 300} | ({"page_token": token} if token else {})
        page = api.get("metrics/get-history", **query).json()
        seen += [p["step"] for p in page["metrics"]]
        token = page.get("next_page_token")
        if not token:
            break
    assert seen == list(range(1000))
    assert api.get("metrics/get-history", run_id="0" * 32, metric_key="m").text == "{}"
    sample = api.get("metrics/get-history-bulk-interval", run_ids=[run], metric_key="m", max_results=50).json()["metrics"]
    steps = [p["step"] for p in sample]
    assert steps[0] == 0 and steps[-1] == 999 and 50 <= len(steps) <= 53 and sample[0]["run_id"] == run
    part = api.get("metrics/get-history-bulk-interval", run_ids=[run], metric_key="m", start_step=10, end_step=12)
    assert [p["step"] for p in part.json()["metrics"]] == [10, 11, 12]
    bulk = api.session.get(f"{api.url}/ajax-api/2.0/mlflow/metrics/get-history-bulk", timeout=20,
                           params={"run_id": [run], "metric_key": "m", "max_results": 5})
    assert [p["step"] for p in bulk.json()["metrics"]] == [0, 1, 2, 3, 4]
