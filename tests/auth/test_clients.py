"""MLflow's client with a name and password, or a token, as its environment variables say; MLflow's own user API."""
import sys
import types

import mlflow
import mlflow.server
import pytest
from mlflow.exceptions import MlflowException, RestException

from conftest import ADMIN, Person, close


def test_nobody_gets_in_without_a_name(server):
    nobody = Person(server)
    refused = nobody.mlflow("GET", "experiments/get", experiment_id="0")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Basic realm="mlflow"'
    assert refused.json()["error_code"] == "UNAUTHENTICATED"
    assert nobody.ask("GET", "/health").text == "OK"
    assert nobody.ask("GET", "/version").status_code == 200
    assert nobody.ask("GET", "/metrics").status_code == 401
    assert nobody.fettle("GET", "status").status_code == 401
    with pytest.raises(MlflowException, match="401|UNAUTHENTICATED|not authenticated"):
        mlflow.set_tracking_uri(server.control)
        mlflow.MlflowClient().search_experiments()


@pytest.mark.parametrize("how", ["password", "token", "token as password"])
def test_a_script_of_mlflow_runs_as_its_user(server, person, how, tmp_path):
    ada = person("ada", ("writer", "experiment", "*"), ("writer", "model", "*"))
    if how != "password":
        token = ada.fettle("POST", "tokens", {"name": "script"}).json()["token"]
        ada = Person(server, token=token) if how == "token" else Person(server, "ada", token)
    with ada.client() as client:
        mlflow.set_experiment("flights")
        with mlflow.start_run() as run:
            mlflow.log_param("depth", 3)
            mlflow.log_metrics({"auc": 0.7, "loss": 0.3})
            mlflow.set_tag("kind", "test")
            (tmp_path / "notes.txt").write_text("kept")
            mlflow.log_artifact(str(tmp_path / "notes.txt"), "docs")
        assert client.get_run(run.info.run_id).data.metrics["auc"] == 0.7
        assert [a.path for a in client.list_artifacts(run.info.run_id, "docs")] == ["docs/notes.txt"]
        assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/docs/notes.txt") == "kept"
        client.create_registered_model("flights")
        version = client.create_model_version("flights", run.info.artifact_uri + "/docs", run.info.run_id)
        client.set_registered_model_alias("flights", "champion", version.version)
        assert client.get_model_version_by_alias("flights", "champion").version == version.version
        assert len(client.search_runs([run.info.experiment_id], "metrics.auc > 0.5")) == 1


def test_wrong_and_changed_passwords(server, person, admin):
    bob = person("bob")
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 200
    assert Person(server, "bob", "wrong").mlflow("GET", "experiments/get", experiment_id="0").status_code == 401
    assert admin.fettle("PATCH", "users/bob", {"password": "a new password"}).status_code == 200
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 401
    bob.password = "a new password"
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 200
    assert admin.fettle("DELETE", "users/bob").status_code == 200
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 401


@pytest.fixture
def auth_client(server, monkeypatch):
    """The class behind mlflow.server.get_app_client("basic-auth"). Its package imports the server, too, which wants a
    form library that only that server uses."""
    if "flask_wtf" not in sys.modules:
        stub = types.ModuleType("flask_wtf.csrf")
        stub.CSRFProtect = object
        monkeypatch.setitem(sys.modules, "flask_wtf", types.ModuleType("flask_wtf"))
        monkeypatch.setitem(sys.modules, "flask_wtf.csrf", stub)
    return lambda: mlflow.server.get_app_client("basic-auth", tracking_uri=server.control)


def test_mlflows_client_for_users(server, auth_client, person):
    with Person(server, *ADMIN).client():
        users = auth_client()
        made = users.create_user("newuser", "new password")
        assert (made.username, made.is_admin) == ("newuser", False)
        with pytest.raises(RestException, match="already exists"):
            users.create_user("newuser", "new password")
        assert users.get_user("newuser").id == made.id
        users.update_user_password("newuser", "another password")
        users.update_user_admin("newuser", True)
        assert users.get_user("newuser").is_admin
        users.update_user_admin("newuser", False)
    with Person(server, "newuser", "another password").client():
        users = auth_client()
        users.get_user("newuser")
        with pytest.raises(RestException, match="PERMISSION_DENIED"):
            users.get_user("admin")
        with pytest.raises(RestException, match="PERMISSION_DENIED"):
            users.create_user("friend", "friend's password")
        with pytest.raises(RestException, match="current password"):
            users.update_user_password("newuser", "third password")
        users.update_user_password("newuser", "third password", current_password="another password")
    with Person(server, *ADMIN).client():
        users = auth_client()
        users.delete_user("newuser")
        with pytest.raises(RestException, match="RESOURCE_DOES_NOT_EXIST"):
            users.get_user("newuser")


def test_mlflows_permissions_are_grants(server, auth_client, person, admin):
    close(admin)
    person("ada")
    with Person(server, *ADMIN).client() as client:
        experiment = client.create_experiment("flights")
        client.create_registered_model("churn")
        users = auth_client()
        for kind, on in (("experiment", experiment), ("registered_model", "churn")):
            assert users.get_user_permission("ada", kind, on).permission == "NO_PERMISSIONS"
            for permission in ("READ", "EDIT", "MANAGE", "NO_PERMISSIONS"):
                users.grant_user_permission("ada", kind, on, permission)
                assert users.get_user_permission("ada", kind, on).permission == permission
            users.revoke_user_permission("ada", kind, on)
    # the calls of clients before 3.12
    def ask(method, what, **body):
        query = body if method == "GET" else {}
        return admin.mlflow(method, f"experiments/permissions/{what}", None if query else body, **query)
    one = {"experiment_id": experiment, "username": "ada"}
    made = ask("POST", "create", permission="EDIT", **one)
    assert made.json()["experiment_permission"]["permission"] == "EDIT"
    assert ask("POST", "create", permission="EDIT", **one).json()["error_code"] == "RESOURCE_ALREADY_EXISTS"
    assert ask("PATCH", "update", permission="USE", **one).status_code == 200
    assert ask("GET", "get", **one).json()["experiment_permission"]["permission"] == "READ"
    assert ask("DELETE", "delete", **one).status_code == 200
    assert ask("GET", "get", **one).status_code == 404
    assert ask("POST", "create", permission="ALL", **one).status_code == 400


def test_who_owns_may_share(server, person, admin):
    close(admin)
    ada = person("ada", ("writer", "experiment", "ada-*"))
    bob = person("bob")
    made = ada.mlflow("POST", "experiments/create", {"name": "ada-1"}).json()["experiment_id"]
    assert bob.mlflow("GET", "experiments/get", experiment_id=made).status_code == 404
    share = {"subject": "bob", "kind": "experiment", "on": made, "exact": True, "role": "reader"}
    assert bob.fettle("PUT", "grants", share).status_code == 404
    assert ada.fettle("PUT", "grants", share).status_code == 200
    assert bob.mlflow("GET", "experiments/get", experiment_id=made).status_code == 200
    assert bob.fettle("PUT", "grants", {**share, "role": "admin"}).status_code == 403
    assert ada.fettle("PUT", "grants", {**share, "on": "*", "exact": False}).status_code == 403
