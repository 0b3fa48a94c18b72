"""`fettle import mlflow`: from MLflow's database, folder and server, with what a client sees compared on both sides."""
import json

import pytest
from conftest import client_of, fettle, see


def imported(server, source, *more, code=0):
    return fettle("import", "mlflow", source, "--server", server.control, *more, code=code)


def differences(here, there, path=""):
    """Where two values differ, in words."""
    if isinstance(here, dict) and isinstance(there, dict):
        return [text for key in here | there for text in differences(here.get(key), there.get(key), f"{path}.{key}")]
    return [] if here == there else [f"{path}: {there!r} became {here!r}"[:300]]


@pytest.fixture(params=["sqlite", "folder"])
def source(request):
    return request.getfixturevalue(f"{request.param}_source")


def test_all_that_a_client_sees_is_there(start_server, source):
    uri, ids = source
    server = start_server()
    document = json.loads(imported(server, uri, "--check", "--json"))
    assert document["check"]["differing"] == 0 and document["conflicts"] == [], document
    there, here = see(client_of(uri)), see(client_of(server.control))
    if uri.startswith("file:"):  # its own reader drops the step of a line that names a dataset
        there["runs"][ids["run"]]["history"]["auc"] = [(9, 3, 0.9)]
    for kind in there:
        assert here[kind].keys() == there[kind].keys(), kind
        for name in there[kind]:
            assert here[kind][name] == there[kind][name], (kind, name, differences(here[kind][name], there[kind][name]))
    assert len(there["runs"][ids["run"]]["history"]["loss"]) == 301

    again = json.loads(imported(server, uri, "--json"))
    for kind in ["experiment", "logged_model", "run", "registered_model"]:
        assert again[kind]["unchanged"] == sum(again[kind].values()) > 0, again
    assert again["points"] == 0 and again["files"] == 0
