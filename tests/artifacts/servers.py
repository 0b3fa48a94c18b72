"""An S3 server of the tests' own, plain requests to Fettle, and the MLflow client turned to it."""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

import boto3
import mlflow
import requests

KEY, SECRET = "test-key", "test-secret"


@dataclasses.dataclass
class S3:
    """moto's server on a private port; `port` stays when it is started again."""
    folder: pathlib.Path
    port: int = 0
    process: subprocess.Popen = None
    environment: dict = dataclasses.field(default_factory=dict)

    def start(self):
        log = self.folder / "moto.log"
        log.write_bytes(b"")
        with open(log, "ab") as file:
            self.process = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)], stdout=file, stderr=file,
                                            env=os.environ | self.environment)
        deadline = time.monotonic() + 60
        while not (found := re.search(r"http://127.0.0.1:(\d+)", log.read_text())):
            assert self.process.poll() is None and time.monotonic() < deadline, log.read_text()
        self.port = int(found.group(1))

    def stop(self):
        self.process.kill()
        self.process.wait()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def uri(self, path):
        return f"s3://{path}?endpoint_override=127.0.0.1:{self.port}&scheme=http"

    def client(self):
        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET, region_name="us-east-1")

    def keys(self, bucket):
        return [entry["Key"] for page in self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket) for entry in page.get("Contents", [])]


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
