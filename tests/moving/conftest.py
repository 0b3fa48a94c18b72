"""MLflow stores filled with awkward data, and what a client sees of a store, to compare two of them."""
import math
import os
import pathlib
import socket
import subprocess
import sys
import time

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"

import mlflow
import pytest
import requests
from mlflow.entities import (Dataset, DatasetInput, InputTag, LoggedModelOutput, LoggedModelParameter, Metric, Param,
                             RunTag, ViewType)
from mlflow.entities.logged_model_status import LoggedModelStatus
from s3_server import bucket, s3

NAN, INF = float("nan"), float("inf")


def fettle(*arguments, code=0, **options):
    done = subprocess.run(["fettle", *map(str, arguments)], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def client_of(uri):
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def log_points(client, run):
    points = [Metric("loss", 1.0 / (i + 1), 1000 + i, i) for i in range(300)]
    points += [Metric("loss", 0.5, 1000, 0), Metric("loss", 0.5, 1000, 0)]  # two values at one time; one of them twice
    odd = [NAN, INF, -INF, 1e-320, -0.0, 1e308, 0.1 + 0.2]
    points += [Metric("odd", value, 2000 + i, -i) for i, value in enumerate(odd)]
    points += [Metric("val/auc", 0.75, 5, 7), Metric("größe in cm", 3.0, 6, 0), Metric("a.b-c:d e", 1.0, 1, 2**40)]
    for i in range(0, len(points), 100):
        client.log_batch(run, metrics=points[i:i + 100])


def fill(client, folder: pathlib.Path, location=None):
    """Fills a store through its client. Returns its ids by what they are."""
    ids = {}
    ids["experiment"] = client.create_experiment("Flüge 2001", tags={"team": "β", "mlflow.note.content": "a\nb"},
                                                 artifact_location=location)
    ids["gone"] = client.create_experiment("gone")
    client.create_experiment("empty")
    run = client.create_run(ids["experiment"], run_name="first", start_time=1_000_000_000_000,
                            tags={"mlflow.user": "ann", "mlflow.source.git.commit": "c" * 40}).info.run_id
    ids["run"] = run
    log_points(client, run)
    client.log_batch(run, params=[Param("depth", "6"), Param("text", "line 1\nline 2\n\n  line 4  "), Param("empty", ""),
                                  Param("lr/warm up", "0.1"), Param("ключ", "значение")],
                     tags=[RunTag("note", "x" * 5000)])
    data = [DatasetInput(Dataset("flights", "d1", "local", '{"uri": "x"}', schema='{"a": 1}', profile='{"rows": 3}'),
                         [InputTag("mlflow.data.context", "training")]),
            DatasetInput(Dataset("flights", "d2", "http", "{}"), [])]
    client.log_inputs(run, data)
    client.log_text(run, "hello", "notes/ünï.txt")
    client.log_text(run, "", "empty.bin")
    blob = folder / "blob.bin"
    blob.write_bytes(os.urandom(100_000))
    client.log_artifact(run, blob, "deep/er")
    model = client.create_logged_model(ids["experiment"], name="net", source_run_id=run, model_type="x",
                                       tags={"k": "v"}, params={"p": "1"})
    ids["model"] = model.model_id
    client.log_model_artifact(model.model_id, str(blob))
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_metric(run, "auc", 0.9, timestamp=9, step=3, model_id=model.model_id, dataset_name="flights",
                      dataset_digest="d1")
    client.log_outputs(run, [LoggedModelOutput(model.model_id, 3)])
    failed = client.create_logged_model(ids["experiment"], name="broken")
    client.finalize_logged_model(failed.model_id, LoggedModelStatus.FAILED)
    client.set_terminated(run, "FINISHED", end_time=1_000_000_060_000)
    for i, status in enumerate(["FAILED", "KILLED", "RUNNING"]):
        other = client.create_run(ids["experiment"], run_name=f"r{i}").info.run_id
        client.log_metric(other, "loss", i)
        if status != "RUNNING":
            client.set_terminated(other, status)
    ids["deleted"] = client.create_run(ids["experiment"], run_name="deleted").info.run_id
    client.log_metric(ids["deleted"], "loss", 7)
    client.delete_run(ids["deleted"])
    client.log_metric(client.create_run(ids["gone"]).info.run_id, "m", 1)
    client.delete_experiment(ids["gone"])
    client.log_param(client.create_run("0", run_name="1e5").info.run_id, "a", "b")
    fill_registry(client, ids)
    return ids


def fill_registry(client, ids):
    run = client.get_run(ids["run"])
    client.create_registered_model("it's a model", tags={"a": "b"}, description="what\nfor")
    source = f"{run.info.artifact_uri}/deep"
    for i in range(5):
        client.create_model_version("it's a model", source, ids["run"], tags={"n": str(i)}, description=f"v{i}",
                                    run_link="http://x")
    with mlflow_uri(client._tracking_client.tracking_uri):
        client.create_model_version("it's a model", f"models:/{ids['model']}", ids["run"], model_id=ids["model"])
    client.delete_model_version("it's a model", 2)
    client.set_registered_model_alias("it's a model", "champion", 3)
    client.set_registered_model_alias("it's a model", "old", 1)
    client.transition_model_version_stage("it's a model", 4, "Production")
    client.delete_model_version("it's a model", 5)
    client.create_registered_model("empty one")


def number(value):
    """Servers keep infinities as the largest number, only files keep them as they are."""
    most = 1.7976931348623157e308
    return "nan" if math.isnan(value) else max(-most, min(most, value))


def pages(search, **options):
    out, token = [], None
    while True:
        page = search(page_token=token, **options)
        out += page
        token = page.token
        if not token:
            return out


def tree(client, uri):
    """Every file below an artifact location, by path."""
    from mlflow.artifacts import download_artifacts
    with mlflow_uri(client._tracking_client.tracking_uri):
        try:
            root = pathlib.Path(download_artifacts(artifact_uri=uri))
        except Exception as error:  # a location without any file
            if any(words in str(error) for words in ["No such file", "Not Found", "not found", "No such artifact"]):
                return {}
            raise
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


class mlflow_uri:
    def __init__(self, uri):
        self.uri = uri

    def __enter__(self):
        self.before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(self.uri)

    def __exit__(self, *_):
        mlflow.set_tracking_uri(self.before)


def see_run(client, run, files):
    history = {key: sorted((m.timestamp, m.step, number(m.value)) for m in client.get_metric_history(run.info.run_id, key))
               for key in run.data.metrics}
    history = {key: sorted(set(points), key=str) for key, points in history.items()}
    inputs = sorted((d.dataset.name, d.dataset.digest, d.dataset.source_type, d.dataset.source, d.dataset.schema or "",
                     d.dataset.profile or "", sorted((t.key, t.value) for t in d.tags)) for d in run.inputs.dataset_inputs)
    info = run.info
    return dict(name=info.run_name, experiment=info.experiment_id, status=info.status, start=info.start_time,
                end=info.end_time, stage=info.lifecycle_stage, user=info.user_id, params=dict(run.data.params),
                tags=dict(run.data.tags), latest={k: number(v) for k, v in run.data.metrics.items()}, history=history,
                inputs=inputs, outputs=sorted((o.model_id, o.step) for o in (run.outputs.model_outputs if run.outputs else [])),
                files=tree(client, info.artifact_uri) if files and info.lifecycle_stage == "active" else None)


def see_model(client, model, files):
    return dict(name=model.name, experiment=model.experiment_id, created=model.creation_timestamp,
                updated=model.last_updated_timestamp, status=str(model.status), type=model.model_type or "",
                run=model.source_run_id or "", tags=dict(model.tags), params=dict(model.params),
                metrics=sorted((m.key, m.value, m.timestamp, m.step, m.run_id, m.dataset_name or "", m.dataset_digest or "")
                               for m in model.metrics or []),
                files=tree(client, model.artifact_location) if files else None)


def see_registered(client, model):
    versions = [v for v in client.search_model_versions(max_results=1000) if v.name == model.name]
    return dict(description=model.description or "", created=model.creation_timestamp, updated=model.last_updated_timestamp,
                tags=dict(model.tags), aliases={k: int(v) for k, v in model.aliases.items()},
                versions={int(v.version): dict(created=v.creation_timestamp, updated=v.last_updated_timestamp,
                                               stage=v.current_stage, description=v.description or "", run=v.run_id or "",
                                               link=v.run_link or "", tags=dict(v.tags), user=v.user_id or "")
                          for v in versions})


def see(client, files=True):
    """All that a client sees of a store."""
    experiments = pages(client.search_experiments, view_type=ViewType.ALL)
    out = {"experiments": {e.experiment_id: dict(name=e.name, stage=e.lifecycle_stage, created=e.creation_time,
                                                 updated=e.last_update_time, tags=dict(e.tags)) for e in experiments}}
    ids = [e.experiment_id for e in experiments]
    runs = pages(client.search_runs, experiment_ids=ids, run_view_type=ViewType.ALL, max_results=100)
    out["runs"] = {r.info.run_id: see_run(client, r, files) for r in runs}
    models = client.search_logged_models(experiment_ids=ids)
    out["models"] = {m.model_id: see_model(client, m, files) for m in models}
    out["registered"] = {m.name: see_registered(client, m) for m in pages(client.search_registered_models)}
    return out


@pytest.fixture(scope="session")
def sqlite_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sqlite")
    uri = f"sqlite:///{folder}/mlflow.db"
    os.chdir(folder)  # artifacts of a SQLite store go to ./mlruns
    ids = fill(client_of(uri), folder)
    return uri, ids


@pytest.fixture(scope="session")
def folder_source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    uri = f"file://{folder}/mlruns"
    ids = fill(client_of(uri), folder)
    return uri, ids


class MlflowServer:
    """A running `mlflow server` that keeps artifacts for its clients, or lets them write to `root` by themselves."""

    def __init__(self, folder: pathlib.Path, backend=None, root=None):
        self.folder, self.artifacts = folder, folder / "kept"
        self.backend = backend or f"sqlite:///{folder}/mlflow.db"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = open(folder / "mlflow.log", "wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", self.backend, "--artifacts-destination",
             str(self.artifacts), "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             *(["--default-artifact-root", root, "--no-serve-artifacts"] if root else [])], cwd=folder,
            stdout=self.log, stderr=self.log)
        while True:
            try:
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return
            except (requests.ConnectionError, requests.Timeout):
                assert self.process.poll() is None, (folder / "mlflow.log").read_text()
                time.sleep(0.1)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def live_source(tmp_path_factory):
    server = MlflowServer(tmp_path_factory.mktemp("live"))
    server.ids = fill(client_of(server.url), server.folder)
    yield server
    server.stop()
