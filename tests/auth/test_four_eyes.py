"""A protected alias moves only when two people agree, whichever way it is moved."""
import json
import os
import subprocess

import pytest
from mlflow.exceptions import MlflowException


@pytest.fixture
def people(admin, person):
    ada = person("ada", ("writer", "model", "flights*"))
    bob = person("bob", ("approver", "model", "flights*"))
    made = admin.mlflow("POST", "registered-models/create", {"name": "flights"})
    assert made.status_code == 200, made.text
    for _ in range(3):
        answer = admin.mlflow("POST", "model-versions/create", {"name": "flights", "source": "mlflow-artifacts:/0/x/artifacts/m"})
        assert answer.status_code == 200, answer.text
    assert admin.fettle("PUT", "models/flights/aliases/champion", {"version": 1}).status_code == 200
    assert admin.fettle("PUT", "alias-protections", {"model": "flights*", "alias": "champion"}).status_code == 200
    return admin, ada, bob


def champion(who):
    return who.mlflow("GET", "registered-models/alias", name="flights", alias="champion").json()["model_version"]["version"]


def requests_of(who, state="open"):
    return who.fettle("GET", f"alias-requests?model=flights&state={state}").json()["requests"]


def test_a_move_waits_for_a_second_person(people):
    _, ada, bob = people
    asked = ada.fettle("PUT", "models/flights/aliases/champion",
                       {"version": 2, "expected": 1, "reason": "better", "actor": "bob"}).json()["request"]
    assert asked["requested_by"] == "ada" and asked["state"] == "open" and champion(ada) == "1"
    assert ada.fettle("POST", f"alias-requests/{asked['id']}/approve", {}).status_code == 403
    done = bob.fettle("POST", f"alias-requests/{asked['id']}/approve", {"reason": "checked"})
    assert done.status_code == 200 and done.json()["request"]["decided_by"] == "bob" and champion(ada) == "2"
    change = ada.fettle("GET", "models/flights/alias-changes?alias=champion").json()["changes"][0]
    assert (change["actor"], change["approved_by"], change["request"]) == ("ada", "bob", asked["id"])
    lineage = ada.fettle("GET", "models/flights/versions/2/lineage").json()
    assert lineage["requests"][0]["state"] == "approved"
    assert bob.fettle("POST", f"alias-requests/{asked['id']}/approve", {}).status_code == 409


def test_nobody_approves_his_own(people):
    admin, _, bob = people
    for who in (admin, bob):
        asked = who.fettle("PUT", "models/flights/aliases/champion", {"version": 3}).json()["request"]
        answer = who.fettle("POST", f"alias-requests/{asked['id']}/approve", {})
        assert answer.status_code == 403 and "somebody else" in answer.json()["error"]["message"]
    assert champion(bob) == "1"


def test_mlflows_client_is_told_of_the_request(people):
    admin, ada, bob = people
    with admin.client() as client, pytest.raises(MlflowException, match="protected alias 'champion'"):
        client.delete_model_version("flights", "1")
    with ada.client() as client:
        with pytest.raises(MlflowException, match="fettle model approve") as refused:
            client.set_registered_model_alias("flights", "champion", 2)
        assert refused.value.error_code == "PERMISSION_DENIED"
        with pytest.raises(MlflowException, match="is protected"):
            client.delete_registered_model_alias("flights", "champion")
        client.set_registered_model_alias("flights", "candidate", 2)
    asked = [r for r in requests_of(bob) if r["version"] == 2]
    assert len(asked) == 1 and bob.fettle("POST", f"alias-requests/{asked[0]['id']}/approve", {}).status_code == 200
    assert champion(ada) == "2"
    stale = requests_of(bob)[0]  # the removal: the alias has moved since
    assert bob.fettle("POST", f"alias-requests/{stale['id']}/approve", {}).status_code == 409
    assert [r["id"] for r in requests_of(bob, "stale")] == [stale["id"]] and champion(ada) == "2"


def test_who_may_not(people, person):
    admin, ada, _ = people
    eve, tom = person("eve", ("none", "model", "*")), person("tom", ("reader", "model", "*"))
    asked = ada.fettle("PUT", "models/flights/aliases/champion", {"version": 2}).json()["request"]
    for path in ("models/flights/alias-changes", "models/flights/versions/1/lineage"):
        assert eve.fettle("GET", path).status_code == 404 and tom.fettle("GET", path).status_code == 200
    assert not requests_of(eve) and len(requests_of(tom)) == 1
    assert tom.fettle("PUT", "models/flights/aliases/champion", {"version": 2}).status_code == 403
    assert eve.fettle("PUT", "models/flights/aliases/champion", {"version": 2}).status_code == 404
    for who in (ada, tom, eve):
        assert who.fettle("POST", f"alias-requests/{asked['id']}/approve", {}).status_code in (403, 404)
        assert who.fettle("POST", "webhooks", {"name": "w", "url": "https://example.com", "events": ["approval.given"]}
                          ).status_code == 403
    for who in (tom, eve):
        assert who.fettle("PUT", "alias-protections", {"model": "flights", "alias": "x"}).status_code in (403, 404)
        assert who.fettle("DELETE", "alias-protections?model=flights*&alias=champion").status_code in (403, 404)
    assert champion(admin) == "1"


def test_the_verbs(server, people):
    _, ada, bob = people

    def fettle(who, *arguments, code=0):
        secrets = {"MLFLOW_TRACKING_USERNAME": who.name, "MLFLOW_TRACKING_PASSWORD": who.password}
        done = subprocess.run(["fettle", *arguments, "--server", server.control], capture_output=True, text=True, timeout=60,
                              env=os.environ | secrets)
        assert done.returncode == code, done.stderr + done.stdout
        return done.stdout if code == 0 else done.stderr

    assert "waits for somebody else" in fettle(ada, "model", "alias", "set", "flights", "champion", "2", "--reason", "new")
    asked = json.loads(fettle(bob, "model", "requests", "flights", "--json"))["requests"][0]["id"]
    assert asked in fettle(bob, "model", "requests")
    assert "needs role" in fettle(ada, "model", "approve", asked, code=7)
    assert "champion of flights is now at v2" in fettle(bob, "model", "approve", asked, "--reason", "checked")
    assert "bob" in fettle(ada, "model", "alias", "history", "flights", "champion").splitlines()[1]
    fettle(ada, "model", "alias", "undo", "flights", "champion")
    asked = json.loads(fettle(bob, "model", "requests", "--json"))["requests"][0]["id"]
    assert "is rejected" in fettle(bob, "model", "reject", asked, "--reason", "no")
    assert champion(ada) == "2" and "rejected" in fettle(ada, "model", "requests", "--state", "all")
    assert "flights*" in fettle(bob, "model", "protect")
