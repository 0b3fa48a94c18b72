"""One script written against MLflow, run against MLflow's server and against Fettle: only the URI differs, and what they keep is
the same. With the current client, and with one of MLflow 2."""
import json
import os
import pathlib
import subprocess

import mlflow
import pytest

import contents
import workflow

OLD = pathlib.Path(os.environ["FETTLE_VENV_MLFLOW2"]) / "bin/python"


def by_this_client(url, team):
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    return json.loads(json.dumps(workflow.main(team)))


def by_old_client(url, team):
    done = subprocess.run([OLD, pathlib.Path(__file__).with_name("workflow.py"), team], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"MLFLOW_TRACKING_URI": url, "MLFLOW_REGISTRY_URI": url})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check_same(ours, theirs, where=""):
    """Names the first place that differs."""
    assert type(ours) is type(theirs), (where, ours, theirs)
    if isinstance(ours, dict):
        assert sorted(ours) == sorted(theirs), where
        for key in ours:
            check_same(ours[key], theirs[key], f"{where}/{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), (where, ours, theirs)
        for number, pair in enumerate(zip(ours, theirs)):
            check_same(*pair, f"{where}[{number}]")
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("client, team", [(by_this_client, "new"), (by_old_client, "old")])
def test_a_script_needs_nothing_but_the_uri_changed(shared, mlflow_server, client, team):
    check_same(client(shared.control, team), client(mlflow_server, team), "found")
    check_same(contents.contents(shared.control, team), contents.contents(mlflow_server, team))
