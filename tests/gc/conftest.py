"""A server, MLflow's client and the verb `fettle gc`."""
import importlib.util
import json
import os
import pathlib
import sqlite3
import subprocess

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow
import pytest
from s3_server import bucket, s3

# Several files are named conftest: the loop's by its path.
_path = pathlib.Path(__file__).resolve().parent.parent / "loop/conftest.py"
_spec = importlib.util.spec_from_file_location("fettle_loop_conftest", _path)
_loop = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_loop)

models, rest, flights = _loop.models, _loop.rest, _loop.flights
NOW = ["--older-than", "0s", "--unused-for", "0s"]  # everything that is deleted is old, everything that is unused goes


def run(*arguments, code=0, **options):
    done = subprocess.run(["fettle", *map(str, arguments)], capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


class Place:
    """A server with what tests look at: its client, its objects on disk, its rows."""

    def __init__(self, server, rows):
        self.server, self.rows = server, rows
        self.client = mlflow.MlflowClient(tracking_uri=server.control, registry_uri=server.control)

    def gc(self, *options, code=0):
        """The report, or with another exit code what was said."""
        said = run("gc", "--server", self.server.control, "--json", *options, code=code)
        return json.loads(said) if code == 0 else said

    def objects(self):
        return {path for path in (self.server.data / "blobs").rglob("*") if path.is_file()}

    def bytes(self):
        return sum(path.stat().st_size for path in self.objects())

    def run(self, experiment="0", **texts):
        """A run with params, metrics, tags and an artifact for each of `texts`."""
        made = self.client.create_run(experiment, tags={"team": "a"}).info.run_id
        self.client.log_param(made, "depth", "6")
        for step in range(5):
            self.client.log_metric(made, "loss", 1 / (step + 1), step=step)
        for name, text in texts.items():
            self.client.log_text(made, text, f"deep/{name}.txt")
        return made


@pytest.fixture
def rows(records_of):
    """Counts rows of a table of a server's records: rows(folder, "runs WHERE stage = 1")."""
    def count(folder, table):
        where, name = records_of(folder)
        if where == "--database":
            said = subprocess.run(["psql", name, "-qAtc", f"SELECT count(*) FROM {table}"], check=True, text=True,
                                  capture_output=True)
            return int(said.stdout)
        with sqlite3.connect(f"file:{folder}/fettle.db?mode=ro", uri=True) as database:
            return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return count


@pytest.fixture
def start(start_server, rows):
    return lambda *arguments: Place(start_server(*arguments), rows)


@pytest.fixture
def place(start):
    return start()
