"""Predictions over HTTP and gRPC, and Fettle's own records, for who may and who may not; a retraining's own token."""
import json
import pathlib
import sys

import pytest
import requests
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from conftest import Person, close, grant

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "serving"))
import bundles  # noqa: E402


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    bundles.make(folder, bundles.train())
    return folder


@pytest.fixture(scope="module")
def second_bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("second")
    bundles.make(folder, bundles.train(seed=2))
    return folder


def push(person, folder):
    manifest = (folder / "bundle.json").read_bytes()
    for file in json.loads(manifest)["files"]:
        sent = person.ask("PUT", f"/api/fettle/v1/blobs/{file['digest']}", data=(folder / file["path"]).read_bytes())
        if sent.status_code != 200:
            return sent
    return person.ask("POST", "/api/fettle/v1/bundles", data=manifest)


def place(person, digest, version=1):
    return person.fettle("POST", "versions", {"model": "flights", "version": version, "bundle": digest, "endpoint": "flights"})


@pytest.fixture
def deployed(server, admin, bundle):
    close(admin)
    digest = push(admin, bundle).json()["digest"]
    assert place(admin, digest).json()["deployed"]
    return digest


BODY = {"dataframe_split": {"columns": ["hour", "distance", "origin"], "data": [[8, 500.0, "ATL"]]}}


def invoke(server, token=None, path="/invocations"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return requests.post(server.predict + path, json=BODY, headers=headers, timeout=20)


def token(person, **more):
    return person.fettle("POST", "tokens", {"name": "t", **more}).json()["token"]


def test_predictions_want_a_predictor(server, admin, person, deployed):
    app, eve = token(person("app", ("predictor", "model", "fli*"))), token(person("eve"))
    for path in ("/invocations", "/endpoints/flights/invocations"):
        assert invoke(server, path=path).status_code == 401
        assert invoke(server, eve, path).status_code == 404
        assert invoke(server, app, path).status_code == 200
    assert invoke(server, token(admin)).status_code == 200
    get = lambda path, who: requests.get(server.predict + path, headers={"Authorization": f"Bearer {who}"}, timeout=20)
    hidden, missing = get("/v2/models/flights", eve), get("/v2/models/none-such", eve)
    assert hidden.status_code == 404 and hidden.text.replace("flights", "none-such") == missing.text
    assert get("/v2/models/flights", app).status_code == 200
    assert "flights" not in get("/v2/models/none-such", app).text
    index = lambda who: requests.post(server.predict + "/v2/repository/index", headers={"Authorization": f"Bearer {who}"}, timeout=20).json()
    assert [m["name"] for m in index(app)] == ["flights"] and index(eve) == []
    outcomes = lambda who: requests.post(server.predict + "/v2/outcomes", json={"ids": ["x:0"], "labels": [1]},
                                         headers={"Authorization": f"Bearer {who}"}, timeout=20).status_code
    assert outcomes(eve) == 403 and outcomes(app) == 200
    # a predictor sees nothing else
    program = Person(server, token=app)
    assert program.fettle("GET", "endpoints/flights").status_code == 404
    assert program.fettle("GET", "endpoints").json() == {"endpoints": []}
    assert program.mlflow("GET", "registered-models/search").json() == {}
    assert requests.get(server.predict + "/v2/health/ready", timeout=20).status_code == 200
    assert requests.get(server.predict + "/metrics", timeout=20).status_code == 401


def test_grpc_wants_a_token(server, person, deployed):
    app, eve = token(person("app", ("predictor", "model", "flights*"))), token(person("eve"))
    client = triton.InferenceServerClient(server.grpc)
    headers = lambda who: {"authorization": f"Bearer {who}"}
    assert client.is_server_live()
    with pytest.raises(InferenceServerException, match="(?i)unauthenticated"):
        client.get_model_metadata("flights")
    with pytest.raises(InferenceServerException, match="there is no model 'flights'"):
        client.get_model_metadata("flights", headers=headers(eve))
    assert client.get_model_metadata("flights", headers=headers(app)).name == "flights"
    assert [m.name for m in client.get_model_repository_index(headers=headers(app)).models] == ["flights"]
    with pytest.raises(InferenceServerException):
        client.get_model_repository_index(headers=headers("fettle_wrong"))


def test_fettles_records_have_their_models_roles(server, admin, person, deployed, second_bundle):
    reader, writer = person("rita"), person("wim")
    for who, role in (("rita", "reader"), ("wim", "writer")):
        grant(admin, who, role, "model", "flights*")
    eve = person("eve")
    for path in ("endpoints/flights", "endpoints/flights/windows?kind=day"):
        assert eve.fettle("GET", path).status_code == 404
        assert reader.fettle("GET", path).status_code == 200
    for path, name in (("status", "endpoints"), ("endpoints", "endpoints"), ("changes", "changes")):
        assert eve.fettle("GET", path).json()[name] == []
        assert reader.fettle("GET", path).json()[name] != []
    assert push(eve, second_bundle).status_code == 403
    sent = push(writer, second_bundle)
    assert sent.status_code == 200
    second_digest = sent.json()["digest"]
    assert place(eve, second_digest, 2).status_code == 404
    assert place(reader, second_digest, 2).status_code == 403
    second = place(writer, second_digest, 2)
    assert second.status_code == 200
    rollout = second.json()["rollout"]
    assert eve.fettle("GET", f"rollouts/{rollout}").status_code == 404
    assert reader.fettle("GET", f"rollouts/{rollout}").json()["rollout"]["created_by"] == "wim"
    command = lambda who, verb: who.fettle("POST", f"rollouts/{rollout}/{verb}", {"actor": "somebody else", "reason": "test"})
    assert command(reader, "hold").status_code == 403
    assert command(writer, "hold").status_code == 200
    denied = command(writer, "promote")
    assert denied.status_code == 403 and "approver" in denied.text
    grant(admin, "wim", "approver", "model", "flights*")
    assert command(writer, "promote").status_code == 200
    decisions = reader.fettle("GET", f"rollouts/{rollout}").json()["decisions"]
    assert {d["actor"] for d in decisions if d["action"] in ("hold", "promote")} == {"wim"}
    project = {"name": "p", "folder": "/tmp", "endpoint": "flights", "monitor": None, "rollout": None, "retrain": {"command": ["id"]}}
    assert writer.fettle("PUT", "projects/p", project).status_code == 403  # it would run a command on the server
