"""A server with access control, people who use it, and unmodified MLflow clients that say who they are."""
import contextlib
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow
import pytest
import requests

ADMIN = ("admin", "admin's password")
SECRETS = ("FETTLE_TOKEN", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    monkeypatch.setenv("FETTLE_ADMIN_PASSWORD", ADMIN[1])
    for name in SECRETS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(start_server):
    return start_server("--access-control")


class Person:
    """One who asks the server: over the wire, and through MLflow's client."""

    def __init__(self, server, name=None, password=None, token=None):
        self.server, self.name, self.password, self.token = server, name, password, token

    def ask(self, method, path, body=None, **options):
        if self.token:
            options.setdefault("headers", {})["Authorization"] = f"Bearer {self.token}"
        elif self.name:
            options["auth"] = (self.name, self.password)
        if body is not None:
            options["json"] = body
        return requests.request(method, self.server.control + path, timeout=20, **options)

    def mlflow(self, method, path, body=None, **query):
        if method != "GET" and body is None:
            body = {}
        return self.ask(method, f"/api/2.0/mlflow/{path}", body, params=query)

    def fettle(self, method, path, body=None):
        return self.ask(method, f"/api/fettle/v1/{path}", body)

    @contextlib.contextmanager
    def client(self):
        """MlflowClient and the fluent API as this person, by the environment that MLflow reads."""
        wanted = {"MLFLOW_TRACKING_TOKEN": self.token} if self.token else {
            "MLFLOW_TRACKING_USERNAME": self.name, "MLFLOW_TRACKING_PASSWORD": self.password}
        with pytest.MonkeyPatch.context() as patch:
            for name, value in wanted.items():
                patch.setenv(name, value)
            mlflow.set_tracking_uri(self.server.control)
            mlflow.set_registry_uri(self.server.control)
            try:
                yield mlflow.MlflowClient()
            finally:
                while mlflow.active_run():
                    mlflow.end_run()


@pytest.fixture
def admin(server):
    return Person(server, *ADMIN)


@pytest.fixture
def person(server, admin):
    """Makes a user; `grants` are (role, kind, on) with a pattern, or an experiment's id as int."""
    def make(name, *grants, admin_too=False):
        made = admin.fettle("POST", "users", {"name": name, "password": f"{name}'s password", "admin": admin_too})
        assert made.status_code == 200, made.text
        for role, kind, on in grants:
            grant(admin, name, role, kind, on)
        return Person(server, name, f"{name}'s password")
    return make


def grant(admin, subject, role, kind, on):
    body = {"subject": subject, "role": role, "kind": kind, "on": str(on), "exact": isinstance(on, int)}
    answer = admin.fettle("PUT", "grants", body)
    assert answer.status_code == 200, answer.text


def close(admin):
    """Nobody sees anything that he was not granted."""
    for kind in ("experiment", "model"):
        grant(admin, "@everyone", "none", kind, "*")
