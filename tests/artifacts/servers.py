"""Plain requests to Fettle, and the MLflow client turned to it."""
import pathlib

import mlflow
import requests
from s3_server import KEY, S3, SECRET  # noqa: F401: for the tests of this folder


class Api:
    def __init__(self, server):
        self.server = server
        self.url = server.control
        self.artifacts = self.url + "/api/2.0/mlflow-artifacts"
        self.session = requests.Session()

    def post(self, path, body=None):
        return self.session.post(f"{self.url}/api/2.0/mlflow/{path}", json={} if body is None else body, timeout=30)

    def get(self, route, **query):
        return self.session.get(f"{self.url}/api/2.0/mlflow/{route}", params=query, timeout=30)

    def put_file(self, path, data):
        return self.session.put(f"{self.artifacts}/artifacts/{path}", data=data, timeout=60)

    def get_file(self, path, **options):
        return self.session.get(f"{self.artifacts}/artifacts/{path}", timeout=60, **options)

    def run(self, experiment="0"):
        return self.post("runs/create", {"experiment_id": experiment}).json()["run"]["info"]

    def upload(self, step, folder, **body):
        return self.session.post(f"{self.artifacts}/mpu/{step}/{folder}", json=body, timeout=60)


def use(server):
    mlflow.set_tracking_uri(server.control)
    mlflow.set_registry_uri(server.control)
    return server


def files(folder: pathlib.Path):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
