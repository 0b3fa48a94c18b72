"""A server and an unmodified MLflow client that talks to it."""
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # a 5xx must show, not be retried

import mlflow
import pytest
import requests


@pytest.fixture
def server(start_server):
    running = start_server()
    mlflow.set_tracking_uri(running.control)
    mlflow.set_registry_uri(running.control)
    yield running
    while mlflow.active_run():
        mlflow.end_run()


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
