"""An S3 server of the tests' own, and its fixtures: a conftest imports those that its tests use."""
import dataclasses
import os
import pathlib
import re
import subprocess
import sys
import time

import boto3
import pytest

KEY, SECRET = "test-key", "test-secret"


def environment(server):
    """In which Fettle, boto3 and MLflow's client reach it."""
    return {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "MLFLOW_S3_ENDPOINT_URL": server.url}


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


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch, request):
    """A bucket of the test's own, and the environment in which Fettle, boto3 and MLflow's client reach it."""
    for name, value in environment(s3).items():
        monkeypatch.setenv(name, value)
    name = "b-" + re.sub("[^a-z0-9]", "-", request.node.name.lower())[:40].strip("-") + "-" + os.urandom(3).hex()
    s3.client().create_bucket(Bucket=name)
    return name
