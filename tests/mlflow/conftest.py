"""A server and an unmodified MLflow client that talks to it; MLflow's own server, to compare with."""
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # a 5xx must show, not be retried

import signal
import socket
import subprocess
import time

import mlflow
import pytest
import requests


def use(running):
    """MLflow's client talks to this server until the test ends; what it remembers of an earlier one is forgotten."""
    mlflow.set_tracking_uri(running.control)
    mlflow.set_registry_uri(running.control)
    mlflow.tracking.fluent._active_experiment_id = None
    os.environ.pop("MLFLOW_EXPERIMENT_ID", None)
    yield running
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def server(start_server):
    yield from use(start_server())


@pytest.fixture
def client(server):
    return mlflow.MlflowClient()


class Api:
    """Plain requests, to see the wire."""

    def __init__(self, url):
        self.url = url
        self.session = requests.Session()

    def post(self, path, body=None, **options):
        return self.session.post(f"{self.url}/api/2.0/mlflow/{path}", json={} if body is None else body, timeout=20,
                                 **options)

    def get(self, route, **query):
        return self.session.get(f"{self.url}/api/2.0/mlflow/{route}", params=query, timeout=20)


@pytest.fixture
def api(server):
    return Api(server.control)


@pytest.fixture(scope="session")
def shared_server(server_class, tmp_path_factory):
    """One server for tests that make their own experiments and models and mind nobody else's."""
    running = server_class(tmp_path_factory.mktemp("shared"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def shared(shared_server):
    yield from use(shared_server)


@pytest.fixture(scope="session", autouse=True)
def mlflow_server_starting(request, tmp_path_factory):
    """MLflow's own server on SQLite. It needs seconds to start, so it starts with the first test if any wants it."""
    if not any("mlflow_server" in item.fixturenames for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--backend-store-uri",
             f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder / "artifacts")],
            stdout=log, stderr=log, start_new_session=True, cwd=folder)
    yield process, f"http://127.0.0.1:{port}", folder
    os.killpg(process.pid, signal.SIGKILL)  # its workers with it
    process.wait()


@pytest.fixture(scope="session")
def mlflow_server(mlflow_server_starting):
    process, url, folder = mlflow_server_starting
    while True:
        assert process.poll() is None, (folder / "log").read_text()
        try:
            if requests.get(url + "/health", timeout=5).status_code == 200:
                return url
        except requests.ConnectionError:
            time.sleep(0.05)
