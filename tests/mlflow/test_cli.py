"""`fettle run` and `fettle model` over what an MLflow client logged."""
import json
import subprocess

import pytest


def fettle(server, *arguments, code=0):
    done = subprocess.run(["fettle", *arguments, "--server", server.control], capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def logged(server, client):
    experiment = client.create_experiment("flights")
    ids = []
    for i in range(3):
        run = client.create_run(experiment, run_name=f"run {i}", start_time=1000 + i).info.run_id
        client.log_metric(run, "auc", 0.6 + i / 10)
        client.log_metric(run, "odd", float("nan"))
        client.log_param(run, "depth", i)
        client.set_terminated(run, end_time=61_000 + i)
        ids.append(run)
    client.create_registered_model("it's")
    client.create_model_version("it's", "mlflow-artifacts:/1/x", ids[0], tags={"fettle.bundle": "a" * 64})
    client.create_model_version("it's", "mlflow-artifacts:/1/x", ids[1])
    client.set_registered_model_alias("it's", "champion", 1)
    return server, ids


def test_runs_are_listed_and_shown(logged):
    server, ids = logged
    lines = fettle(server, "run", "list").splitlines()
    assert len(lines) == 4 and ids[2] in lines[1] and "auc 0.8" in lines[1] and "finished" in lines[1]
    some = json.loads(fettle(server, "run", "search", "metrics.auc > 0.65", "--order", "metrics.auc ASC",
                             "--experiment", "flights", "--json"))
    assert [r["info"]["run_id"] for r in some["runs"]] == ids[1:]
    text = fettle(server, "run", "show", ids[1])
    assert "run 1" in text and "depth" in text and "auc" in text and "NaN" in text
    assert "there are more" in fettle(server, "run", "list", "--limit", "2")
    assert "there is no run" in fettle(server, "run", "show", "f" * 32, code=3)
    assert "Invalid clause" in fettle(server, "run", "search", "metrics.auc", code=2)


def test_models_are_listed_and_shown(logged):
    server, ids = logged
    assert "champion -> v1" in fettle(server, "model", "list")
    lines = fettle(server, "model", "show", "it's").splitlines()
    assert lines[2].startswith("v2") and "champion" in lines[3] and "a" * 12 in lines[3] and ids[0] in lines[3]
    document = json.loads(fettle(server, "model", "show", "it's", "--json"))
    assert [v["version"] for v in document["versions"]] == ["2", "1"]
    assert "there is no registered model" in fettle(server, "model", "show", "other", code=3)
