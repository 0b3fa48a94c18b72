"""Fixtures: Fettle with its artifacts in the data folder or in an S3 server."""
import os
import re

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # a 5xx must show, not be retried

import mlflow
import pytest
from s3_server import S3, environment
from servers import Api, use


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    server = S3(tmp_path_factory.mktemp("s3"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch, request):
    """A bucket of the test's own, and the environment in which Fettle and boto3 reach it."""
    for name, value in environment(s3).items():
        monkeypatch.setenv(name, value)
    name = "b-" + re.sub("[^a-z0-9]", "-", request.node.name.lower())[:40].strip("-") + "-" + os.urandom(3).hex()
    s3.client().create_bucket(Bucket=name)
    return name


@pytest.fixture(params=["local", "s3"])
def store(request):
    """Server arguments of one kind of artifact store."""
    if request.param == "local":
        return ()
    return ("--artifact-store", request.getfixturevalue("s3").uri(request.getfixturevalue("bucket") + "/store"))


@pytest.fixture
def api(start_server, store):
    return Api(use(start_server(*store)))


@pytest.fixture
def client(api):
    return mlflow.MlflowClient(api.url, api.url)
