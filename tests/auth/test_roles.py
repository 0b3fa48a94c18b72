"""What each role may do, that nothing hidden shows, and that pages are full."""
import mlflow
import pytest

from conftest import Person, close, grant


@pytest.fixture
def world(server, admin):
    """An experiment with a run, a file and a logged model; a registered model with a version. Closed to all."""
    close(admin)
    post = lambda path, **body: admin.mlflow("POST", path, body).json()
    experiment = post("experiments/create", name="secret-1")["experiment_id"]
    run = post("runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    post("runs/log-metric", run_id=run, key="auc", value=0.9, timestamp=1)
    model = post("logged-models", experiment_id=experiment, name="m")["model"]["info"]["model_id"]
    file = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/notes.txt"
    assert admin.ask("PUT", file, data=b"kept").status_code == 200
    post("registered-models/create", name="churn")
    post("model-versions/create", name="churn", source=f"mlflow-artifacts:/{experiment}/{run}/artifacts", run_id=run)
    return {"experiment": experiment, "run": run, "model": model, "file": file}


def calls(world):
    """(role, is it about the registered model, method, path, body or query) of a call of each sort."""
    e, r, m = world["experiment"], world["run"], world["model"]
    return [
        ("reader", False, "GET", "experiments/get", {"experiment_id": e}),
        ("reader", False, "GET", "experiments/get-by-name", {"experiment_name": "secret-1"}),
        ("reader", False, "GET", "runs/get", {"run_id": r}),
        ("reader", False, "GET", "runs/get", {"run_uuid": r}),
        ("reader", False, "GET", "metrics/get-history", {"run_id": r, "metric_key": "auc"}),
        ("reader", False, "GET", "metrics/get-history-bulk-interval", {"run_ids": r, "metric_key": "auc", "max_results": 9}),
        ("reader", False, "GET", "artifacts/list", {"run_id": r}),
        ("reader", False, "GET", f"logged-models/{m}", {}),
        ("writer", False, "POST", "experiments/set-experiment-tag", {"experiment_id": e, "key": "k", "value": "v"}),
        ("writer", False, "POST", "runs/create", {"experiment_id": e}),
        ("writer", False, "POST", "runs/update", {"run_id": r, "status": "FINISHED"}),
        ("writer", False, "POST", "runs/log-metric", {"run_id": r, "key": "a", "value": 1, "timestamp": 1}),
        ("writer", False, "POST", "runs/log-batch", {"run_id": r, "params": [{"key": "p", "value": "1"}]}),
        ("writer", False, "POST", "runs/log-parameter", {"run_id": r, "key": "q", "value": "1"}),
        ("writer", False, "POST", "runs/set-tag", {"run_id": r, "key": "t", "value": "1"}),
        ("writer", False, "POST", "runs/delete-tag", {"run_id": r, "key": "t"}),
        ("writer", False, "POST", "runs/log-inputs", {"run_id": r, "datasets": []}),
        ("writer", False, "POST", "logged-models", {"experiment_id": e, "name": "n"}),
        ("writer", False, "PATCH", f"logged-models/{m}/tags", {"tags": [{"key": "k", "value": "v"}]}),
        ("writer", False, "POST", "runs/delete", {"run_id": r}),
        ("writer", False, "POST", "runs/restore", {"run_id": r}),
        ("admin", False, "POST", "experiments/update", {"experiment_id": e, "new_name": "secret-1"}),
        ("admin", False, "POST", "experiments/delete", {"experiment_id": e}),
        ("admin", False, "POST", "experiments/restore", {"experiment_id": e}),
        ("reader", True, "GET", "registered-models/get", {"name": "churn"}),
        ("reader", True, "GET", "model-versions/get", {"name": "churn", "version": "1"}),
        ("reader", True, "GET", "model-versions/get-download-uri", {"name": "churn", "version": "1"}),
        ("reader", True, "POST", "registered-models/get-latest-versions", {"name": "churn"}),
        ("writer", True, "POST", "registered-models/set-tag", {"name": "churn", "key": "k", "value": "v"}),
        ("writer", True, "POST", "registered-models/alias", {"name": "churn", "alias": "a", "version": "1"}),
        ("writer", True, "PATCH", "model-versions/update", {"name": "churn", "version": "1", "description": "d"}),
        ("writer", True, "POST", "model-versions/create", {"name": "churn", "source": "s3://elsewhere/m"}),
        ("admin", True, "DELETE", "model-versions/delete", {"name": "churn", "version": "1"}),
        ("admin", True, "DELETE", "registered-models/delete", {"name": "churn"}),
    ]


RANK = ["none", "predictor", "reader", "writer", "approver", "admin"]


@pytest.mark.parametrize("role", RANK)
def test_a_role_may_do_what_it_says(world, person, admin, role):
    ada = person("ada")
    if role != "none":
        grant(admin, "ada", role, "experiment", "secret-*")
        grant(admin, "ada", role, "model", "chu*")
    missing = Person(ada.server, "ada", ada.password)
    for needed, _, method, path, given in calls(world):
        query, body = (given, None) if method == "GET" else ({}, given)
        answer = ada.mlflow(method, path, body, **query)
        said = f"{role}: {method} {path}: {answer.status_code} {answer.text[:200]}"
        if RANK.index(role) >= RANK.index(needed):
            assert answer.status_code == 200, said
        elif RANK.index(role) >= RANK.index("reader"):
            assert answer.status_code == 403 and answer.json()["error_code"] == "PERMISSION_DENIED", said
            assert f"needs role '{needed}'" in answer.json()["message"]
        else:
            assert answer.status_code == 404, said


def test_what_is_hidden_answers_as_what_is_missing(world, person):
    eve = person("eve")
    def differs(method, path, hidden, missing, **more):
        def one(values):
            query, body = ({**values, **more}, None) if method == "GET" else ({}, {**values, **more})
            answer = eve.mlflow(method, path, body, **query)
            text = answer.text
            for value in values.values():
                text = text.replace(value, "?")
            return answer.status_code, text
        assert one(hidden) == one(missing), path
    differs("GET", "runs/get", {"run_id": world["run"]}, {"run_id": "0" * 32})
    differs("GET", "experiments/get", {"experiment_id": world["experiment"]}, {"experiment_id": "987654"})
    differs("GET", "experiments/get-by-name", {"experiment_name": "secret-1"}, {"experiment_name": "none such"})
    differs("GET", "registered-models/get", {"name": "churn"}, {"name": "none such"})
    differs("POST", "registered-models/create", {"name": "churn"}, {"name": "none such"})
    differs("POST", "experiments/create", {"name": "secret-1"}, {"name": "none such"})
    differs("GET", "metrics/get-history", {"run_id": world["run"]}, {"run_id": "0" * 32}, metric_key="auc")
    hidden, missing = (eve.ask("GET", world["file"].replace("notes.txt", name)) for name in ("notes.txt", "none.txt"))
    assert hidden.status_code == missing.status_code == 404
    assert eve.ask("PUT", world["file"], data=b"x").status_code == 404
    assert eve.mlflow("POST", "runs/search", {"experiment_ids": [world["experiment"]]}).json() == {}
    assert eve.mlflow("POST", "experiments/search-datasets", {"experiment_ids": [world["experiment"]]}).json() == {}
    assert "models" not in eve.mlflow("POST", "logged-models/search", {"experiment_ids": [world["experiment"]]}).json()
    assert eve.mlflow("GET", "registered-models/search").json() == {}
    assert eve.mlflow("GET", "model-versions/search").json() == {}
    assert eve.mlflow("POST", "experiments/search", {"max_results": 100}).json() == {}


def test_pages_of_searches_are_full(server, admin, person):
    close(admin)
    ada = person("ada", ("reader", "experiment", "team-*"), ("reader", "model", "*-shared"))
    for i in range(30):
        admin.mlflow("POST", "experiments/create", {"name": f"{'team' if i % 3 == 0 else 'other'}-{i:02}"})
        admin.mlflow("POST", "registered-models/create", {"name": f"m{i:02}-{'shared' if i % 3 == 0 else 'own'}"})

    def pages(search, **query):
        sizes, names, token = [], [], ""
        while token is not None:
            items, token = search(token, query)
            sizes.append(len(items))
            names += [item["name"] for item in items]
        return sizes, names

    def experiments(token, query):
        out = ada.mlflow("POST", "experiments/search", {"max_results": 4, "page_token": token, "order_by": ["name ASC"]}).json()
        return out["experiments"], out.get("next_page_token")

    def models(token, query):
        out = ada.mlflow("GET", "registered-models/search", max_results=4, page_token=token).json()
        return out["registered_models"], out.get("next_page_token")

    assert pages(experiments) == ([4, 4, 2], [f"team-{i:02}" for i in range(0, 30, 3)])
    assert pages(models) == ([4, 4, 2], [f"m{i:02}-shared" for i in range(0, 30, 3)])


def test_changed_grants_count_from_the_next_request_on(world, person, admin):
    ada = person("ada")
    get = lambda: ada.mlflow("GET", "runs/get", run_id=world["run"]).status_code
    assert get() == 404
    grant(admin, "ada", "reader", "experiment", int(world["experiment"]))
    assert get() == 200
    gone = {"subject": "ada", "kind": "experiment", "on": world["experiment"], "exact": True}
    assert admin.fettle("DELETE", "grants", gone).status_code == 200
    assert get() == 404
    grant(admin, "ada", "reader", "experiment", "secret-*")
    assert get() == 200
    admin.mlflow("POST", "experiments/update", {"experiment_id": world["experiment"], "new_name": "renamed"})
    assert get() == 404


def test_makers_own_what_they_make(server, admin, person):
    close(admin)
    ada = person("ada", ("writer", "experiment", "*"), ("writer", "model", "*"))
    ada.mlflow("POST", "registered-models/create", {"name": "mine"})
    assert ada.mlflow("POST", "registered-models/rename", {"name": "mine", "new_name": "still mine"}).status_code == 200
    assert ada.mlflow("DELETE", "registered-models/delete", {"name": "still mine"}).status_code == 200
    grants = ada.fettle("GET", "grants").json()["grants"]
    assert not [g for g in grants if g["exact"]]
    # extra parameters do not let a grant outlive its model
    ada.mlflow("POST", "registered-models/create", {"name": "mine"})
    ada.mlflow("DELETE", "registered-models/delete", {"name": "mine", "version": "1"})
    assert not [g for g in ada.fettle("GET", "grants").json()["grants"] if g["exact"]]


def test_files_cannot_be_reached_around_their_experiment(world, person, admin):
    eve = person("eve", ("writer", "experiment", "eve-*"), ("writer", "model", "eve-*"))
    folder = f"mlflow-artifacts:/{world['experiment']}/{world['run']}/artifacts"
    refused = eve.mlflow("POST", "experiments/create", {"name": "eve-1", "artifact_location": folder})
    assert refused.status_code == 403
    eve.mlflow("POST", "registered-models/create", {"name": "eve-model"})
    for source in (folder, f"models:/churn/1", f"models:/{world['model']}"):
        made = eve.mlflow("POST", "model-versions/create", {"name": "eve-model", "source": source})
        assert made.status_code == 404, source
    own = eve.mlflow("POST", "experiments/create", {"name": "eve-1"}).json()["experiment_id"]
    run = eve.mlflow("POST", "runs/create", {"experiment_id": own}).json()["run"]["info"]["run_id"]
    for path in (f"/api/2.0/mlflow-artifacts/artifacts/{own}/../{world['experiment']}/x",
                 f"/api/2.0/mlflow-artifacts/artifacts/{own}%2F..%2F{world['experiment']}/x",
                 "/api/2.0/mlflow-artifacts/artifacts/0%2Fx/y", "/api/2.0/mlflow-artifacts/artifacts/shared/x"):
        assert eve.ask("PUT", path, data=b"x").status_code in (400, 403, 404), path
    assert eve.ask("GET", "/api/2.0/mlflow-artifacts/artifacts", params={"path": world["experiment"]}).status_code == 404
    assert eve.ask("GET", "/api/2.0/mlflow-artifacts/artifacts").status_code in (403, 404)
    got = eve.ask("GET", "/get-artifact", params={"run_id": world["run"], "path": "notes.txt"})
    assert got.status_code == 404
    assert eve.ask("GET", "/get-artifact", params={"run_id": run, "path": "../../x"}).status_code == 400


def test_points_reach_no_model_of_another_experiment(world, person, admin):
    eve = person("eve", ("writer", "experiment", "eve-*"))
    own = eve.mlflow("POST", "experiments/create", {"name": "eve-1"}).json()["experiment_id"]
    run = eve.mlflow("POST", "runs/create", {"experiment_id": own}).json()["run"]["info"]["run_id"]
    mine = eve.mlflow("POST", "logged-models", {"experiment_id": own, "name": "n"}).json()["model"]["info"]["model_id"]
    point = {"key": "auc", "value": 0.1, "timestamp": 1}
    batch = lambda model: {"run_id": run, "metrics": [point, {**point, "key": "b", "model_id": model}]}
    for path, body in (("runs/log-metric", {"run_id": run, **point, "model_id": world["model"]}),
                       ("runs/log-batch", batch(world["model"])),
                       ("runs/log-batch", {**batch(world["model"]), "tags": [{"key": "k", "value": "\u00e9"}]})):
        assert eve.mlflow("POST", path, body).status_code == 404, path
    assert "metrics" not in admin.mlflow("GET", f"logged-models/{world['model']}").json()["model"].get("data", {})
    assert "metrics" not in eve.mlflow("GET", "runs/get", run_id=run).json()["run"]["data"]
    assert eve.mlflow("POST", "runs/log-batch", batch(mine)).status_code == 200


def test_a_version_shows_its_run_to_those_who_may_read_it(world, person, admin):
    admin.mlflow("POST", "runs/log-inputs", {"run_id": world["run"], "datasets": [
        {"dataset": {"name": "flights", "digest": "d", "source_type": "local", "source": "/data"}}]})
    lineage = lambda who: who.fettle("GET", "models/churn/versions/1/lineage").json()
    owner, reader = lineage(admin), lineage(person("rita", ("reader", "model", "churn*")))
    assert owner["run"]["run_id"] == world["run"] and owner["data"][0]["name"] == "flights"
    assert reader["version"] == 1 and reader["run"] is None and reader["data"] == []
    both = lineage(person("ruth", ("reader", "model", "churn*"), ("reader", "experiment", "secret-*")))
    assert both == owner


def test_a_token_may_be_narrower_than_its_owner(world, person, admin):
    ada = person("ada", admin_too=True)
    narrow = ada.fettle("POST", "tokens", {"name": "dashboard", "role": "reader"}).json()
    reader = Person(ada.server, token=narrow["token"])
    assert reader.mlflow("GET", "runs/get", run_id=world["run"]).status_code == 200
    denied = reader.mlflow("POST", "runs/delete", {"run_id": world["run"]})
    assert denied.status_code == 403 and "with this token" in denied.json()["message"]
    assert reader.fettle("GET", "users").status_code == 403
    wider = reader.fettle("POST", "tokens", {"name": "escape", "role": "admin"}).json()
    assert wider["role"] == "reader"
    assert reader.fettle("PATCH", "users/ada", {"password": "taken over"}).status_code == 403
    listed = ada.fettle("GET", "tokens").json()["tokens"]
    assert {t["name"] for t in listed} == {"dashboard", "escape"} and "token" not in str([t.keys() for t in listed])
    assert ada.fettle("DELETE", f"tokens/{narrow['id']}").status_code == 200
    assert reader.mlflow("GET", "runs/get", run_id=world["run"]).status_code == 401
