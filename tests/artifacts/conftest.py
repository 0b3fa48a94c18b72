"""Fixtures: Fettle with its artifacts in the data folder or in an S3 server."""
import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # a 5xx must show, not be retried

import mlflow
import pytest
from s3_server import bucket, s3
from servers import Api, use


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
