"""docs/guide/move-from-mlflow.md as a new user follows it: its files are written, its commands run, in its order."""
import os
import pathlib
import re
import socket
import subprocess

import mlflow
import pytest

import workflow

GUIDE = pathlib.Path(__file__).resolve().parents[2] / "docs/guide/move-from-mlflow.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def old_server(mlflow_server):
    """MLflow's server, with what a team has."""
    mlflow.set_tracking_uri(mlflow_server)
    mlflow.set_registry_uri(mlflow_server)
    workflow.explore("team", *workflow.table())
    return mlflow_server


def test_the_guide_is_true(old_server, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = ["set -eu", "trap 'kill $(jobs -p)' EXIT"]
    for kind, name, text in BLOCK.findall(GUIDE.read_text()):
        if kind == "python":
            (tmp_path / name).write_text(text)
        else:
            script.append(text.replace("127.0.0.1:5000", f"127.0.0.1:{port}").replace("http://mlflow.example:5000", old_server)
                          .replace("fettle server --data ./fettle-data",
                                   f"fettle server --data ./fettle-data --control 127.0.0.1:{port} --predict 127.0.0.1:0 --grpc 127.0.0.1:0"))
    names = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "FETTLE_SERVER")
    done = subprocess.run(["bash", "-c", "\n".join(script)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          env={key: value for key, value in os.environ.items() if key not in names})
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("3.") and "[0 1]" in done.stdout
    imported = [line for line in done.stdout.splitlines() if line.startswith("run ")]
    assert imported, "the import says how many runs it took"
    for said in ("team/explore", "late flights", "logistic", "accuracy"):
        assert said in done.stdout, (said, done.stdout)
