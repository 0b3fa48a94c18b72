"""Aliases that move by compare-and-set, with history and undo; lineage; registry invariants under many clients."""
import concurrent.futures
import json
import subprocess

import mlflow
import numpy
import pandas
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature


def fettle(server, *arguments, code=0):
    done = subprocess.run(["fettle", *arguments, "--server", server.control], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def model(client):
    client.create_registered_model("flights")
    for _ in range(3):
        client.create_model_version("flights", "mlflow-artifacts:/0/x/artifacts/m")
    return "flights"


def champion(client):
    return client.get_model_version_by_alias("flights", "champion").version


def test_aliases_move_with_reasons_and_go_back(server, client, model):
    move = ["model", "alias", "set", model, "champion"]
    assert "champion of flights: - -> v1" in fettle(server, *move, "1", "--expected", "none", "--actor", "ada")
    assert "v1 -> v2" in fettle(server, *move, "v2", "--expected", "1", "--reason", "better on holidays")
    assert "points to version 2, not to version 1" in fettle(server, *move, "3", "--expected", "1", code=8)
    client.set_registered_model_alias(model, "champion", 3)  # MLflow's route asks for nothing
    assert "v3 -> v2" in fettle(server, "model", "alias", "undo", model, "champion", "--actor", "bob")
    assert champion(client) == "2"
    assert "was at v2 already" in fettle(server, *move, "2")
    lines = fettle(server, "model", "alias", "history", model, "champion").splitlines()
    assert len(lines) == 5 and "bob" in lines[1] and "undo of the move to version 3" in lines[1]
    assert "mlflow client" in lines[2] and "better on holidays" in lines[3] and "ada" in lines[4]
    changes = json.loads(fettle(server, "model", "alias", "history", model, "--json"))["changes"]
    assert [(c["from"], c["version"]) for c in changes] == [(3, 2), (2, 3), (1, 2), (0, 1)]
    assert "removed" in fettle(server, "model", "alias", "remove", model, "champion")
    assert "removed" not in fettle(server, "model", "alias", "undo", model, "champion") and champion(client) == "2"
    assert "not found" in fettle(server, *move, "9", code=3)
    assert "no version" in fettle(server, *move, "best", code=2)
    assert "nothing to undo" in fettle(server, "model", "alias", "undo", model, "other", code=5)
    assert "reserved" in fettle(server, "model", "alias", "set", model, "latest", "1", code=2)


def test_without_access_control_nothing_can_be_protected(server, model):
    """Four eyes need two people that can be told apart."""
    assert "access control" in fettle(server, "model", "protect", "flights*", "champion", code=5)
    assert "no alias is protected" in fettle(server, "model", "protect")
    assert "no open requests" in fettle(server, "model", "requests")
    assert "no request" in fettle(server, "model", "approve", "0123456789ab", code=3)


@pytest.mark.parametrize("body", [{}, {"version": "x"}, {"version": -1}, {"version": 1, "expected": "y"}, {"versoin": 1}, 7,
                                  {"version": 1, "reason": "x" * 5001}])
def test_bad_moves(server, api, model, body):
    url = f"{server.control}/api/fettle/v1/models/flights/aliases/champion"
    answer = api.session.put(url, json=body, timeout=20)
    assert 400 <= answer.status_code < 500 and answer.json()["error"]["message"], answer.text
    assert api.session.put(url.replace("flights", "none"), json={"version": 1}, timeout=20).status_code == 404


def lineage(server, name):
    return json.loads(fettle(server, "model", "show", name, "--json"))


def test_lineage_of_what_plain_mlflow_code_registered(server, client):
    frame = pandas.DataFrame({"hour": [1.0, 2.0], "distance": [3.0, 4.0]})
    class Model(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return numpy.zeros(len(model_input))
    with mlflow.start_run(run_name="train") as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="flights-2001"), context="training")
        mlflow.set_tag("mlflow.source.git.commit", "0123abcd")
        logged = mlflow.pyfunc.log_model(name="model", python_model=Model(), registered_model_name="flights",
                                         signature=infer_signature(frame, numpy.zeros(2)))
    client.set_registered_model_alias("flights", "champion", 1)
    got = lineage(server, "flights@champion")
    assert got["run"]["run_id"] == run.info.run_id and got["run"]["name"] == "train"
    assert [(d["name"], d["context"]) for d in got["data"]] == [("flights-2001", "training")] and got["data"][0]["digest"]
    assert got["commit"] == "0123abcd" and got["logged_model"] == logged.model_id and got["bundle"] is None
    assert [(c["name"], c["type"]) for c in got["signature"]["inputs"]] == [("hour", "double"), ("distance", "double")]
    assert got["alias_changes"][0]["alias"] == "champion" and got["requests"] == [] and got["verdicts"] == []
    text = fettle(server, "model", "show", "flights/1")
    for part in ["version 1 of flights: champion", "0123abcd", "flights-2001", "hour: double", run.info.run_id]:
        assert part in text
    assert "not found" in fettle(server, "model", "show", "flights/2", code=3)
    assert "not found" in fettle(server, "model", "show", "flights@nobody", code=2)


def test_lineage_of_a_bare_version(server, client, model):
    got = lineage(server, "flights/1")
    assert got["run"] is None and got["commit"] is None and got["signature"] is None and got["data"] == []
    assert "not known" in fettle(server, "model", "show", "flights/1")


def test_200_clients_at_once_break_no_rule(server, client, model, api):
    """Every version number is given once, no alias points nowhere, of equal compare-and-sets one wins."""
    import requests
    client.set_registered_model_alias(model, "champion", 1)
    alias = f"{server.control}/api/fettle/v1/models/{model}/aliases/champion"

    def work(i):
        with requests.Session() as session:
            made = session.post(f"{api.url}/api/2.0/mlflow/model-versions/create",
                                json={"name": model, "source": "mlflow-artifacts:/0/x/artifacts/m"}, timeout=60)
            assert made.status_code == 200, made.text
            number = int(made.json()["model_version"]["version"])
            moved = session.put(alias, json={"version": number, "expected": 1}, timeout=60)
            assert moved.status_code in (200, 409), moved.text
            kept = session.post(f"{api.url}/api/2.0/mlflow/registered-models/alias",
                                json={"name": model, "alias": f"a{i % 10}", "version": str(number)}, timeout=60)
            assert kept.status_code == 200, kept.text
            return number, moved.status_code == 200

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        done = list(pool.map(work, range(200)))
    assert sorted(number for number, _ in done) == list(range(4, 204))
    assert sum(won for _, won in done) == 1
    got = client.get_registered_model(model)
    assert got.aliases["champion"] == str(next(number for number, won in done if won))
    versions = {v.version for v in client.search_model_versions(f"name = '{model}'")}
    assert len(versions) == 203 and set(got.aliases.values()) <= versions
    changes = json.loads(fettle(server, "model", "alias", "history", model, "--json"))["changes"]
    for name in got.aliases:  # each move began where the one before ended
        moves = [(c["from"], c["version"]) for c in reversed(changes) if c["alias"] == name]
        assert moves[0][0] == 0 and all(a[1] == b[0] for a, b in zip(moves, moves[1:]))


def test_a_renamed_model_keeps_its_history(server, client, model):
    client.set_registered_model_alias(model, "champion", 1)
    client.rename_registered_model(model, "departures")
    assert "mlflow client" in fettle(server, "model", "alias", "history", "departures")
    client.delete_model_version("departures", "1")
    assert "the version was deleted" in fettle(server, "model", "alias", "history", "departures")
    with pytest.raises(MlflowException, match="nobody"):
        client.get_model_version_by_alias("departures", "nobody")
