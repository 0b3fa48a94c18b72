"""Artifact roots that clients reach by themselves: the real client writes them, the server lists and reads them."""
import pathlib

import mlflow
import pytest
from servers import Api, files, use


def work(api, folder):
    """What a run leaves: a file, a folder, a model. Returns the run and the model."""
    client = mlflow.MlflowClient(api.url, api.url)
    experiment = client.create_experiment("e")
    run = client.create_run(experiment).info
    client.log_text(run.run_id, "hello", "a.txt")
    client.log_text(run.run_id, "deep", "deep/er/b.txt")
    model = api.post("logged-models", {"experiment_id": experiment, "name": "m", "source_run_id": run.run_id}).json()["model"]["info"]
    (folder / "MLmodel").write_text("flavors: {}")
    client.log_model_artifacts(model["model_id"], str(folder))
    return client, run, model


def check_views(api, run, model):
    root = api.get("artifacts/list", run_id=run.run_id).json()
    assert root["root_uri"] == run.artifact_uri
    assert root["files"] == [{"path": "a.txt", "is_dir": False, "file_size": 5}, {"path": "deep", "is_dir": True}]
    assert api.get("artifacts/list", run_id=run.run_id, path="deep/er").json()["files"] == [{"path": "deep/er/b.txt", "is_dir": False, "file_size": 4}]
    assert "files" not in api.get("artifacts/list", run_id=run.run_id, path="a.txt").json()
    get = lambda path, **headers: api.session.get(api.url + "/get-artifact", params={"run_id": run.run_id, "path": path}, headers=headers, timeout=30)
    whole = get("a.txt")
    assert whole.text == "hello" and whole.headers["Content-Length"] == "5"
    assert get("a.txt", Range="bytes=1-3").text == "ell"
    assert get("a.txt", **{"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert get("none").status_code == get("deep").status_code == 404
    uploaded = api.session.post(api.url + "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run.run_id, "path": "by/page.txt"}, data=b"page", timeout=30)
    assert uploaded.status_code == 200 and get("by/page.txt").text == "page"
    large = api.session.post(api.url + "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run.run_id, "path": "large"}, data=bytes((10 << 20) + 1), timeout=30)
    assert large.status_code == 413 and get("large").status_code == 404
    directory = api.get(f"logged-models/{model['model_id']}/artifacts/directories").json()
    assert directory["root_uri"] == model["artifact_uri"] and [f["path"] for f in directory["files"]] == ["MLmodel"]
    file = api.session.get(f"{api.url}/ajax-api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/files", params={"artifact_file_path": "MLmodel"}, timeout=30)
    assert file.text == "flavors: {}"
    api.post("registered-models/create", {"name": "m"})
    made = api.post("model-versions/create", {"name": "m", "source": model["artifact_uri"], "run_id": run.run_id, "model_id": model["model_id"]})
    assert made.status_code == 200, made.text
    file = api.session.get(f"{api.url}/model-versions/get-artifact", params={"name": "m", "version": "1", "path": "MLmodel"}, timeout=30)
    assert file.text == "flavors: {}"


def test_a_folder(start_server, tmp_path):
    root, up = tmp_path / "the artifacts", tmp_path / "up"
    up.mkdir()
    api = Api(use(start_server("--artifact-root", root.as_uri())))
    client, run, model = work(api, up)
    assert run.artifact_uri == f"file://{root}/1/{run.run_id}/artifacts"
    assert files(root) == sorted([f"1/{run.run_id}/artifacts/a.txt", f"1/{run.run_id}/artifacts/deep/er/b.txt", f"1/models/{model['model_id']}/artifacts/MLmodel"]), \
        "the client wrote there by itself"
    assert files(api.server.data / "blobs") == []
    check_views(api, run, model)
    assert pathlib.Path(client.download_artifacts(run.run_id, "by/page.txt", str(up))).read_text() == "page"
    assert client.get_experiment("0").artifact_location == client.get_experiment("1").artifact_location[:-1] + "0", "also the experiment that exists from the start"


def test_a_bucket(start_server, s3, bucket, tmp_path):
    up = tmp_path / "up"
    up.mkdir()
    api = Api(use(start_server("--artifact-root", s3.uri(bucket + "/mlflow"))))
    client, run, model = work(api, up)
    assert run.artifact_uri == f"s3://{bucket}/mlflow/1/{run.run_id}/artifacts"
    assert s3.keys(bucket) == sorted([f"mlflow/1/{run.run_id}/artifacts/a.txt", f"mlflow/1/{run.run_id}/artifacts/deep/er/b.txt",
                                      f"mlflow/1/models/{model['model_id']}/artifacts/MLmodel"]), "the client wrote there by itself"
    check_views(api, run, model)
    assert pathlib.Path(client.download_artifacts(run.run_id, "by/page.txt", str(up))).read_text() == "page"
    assert files(api.server.data / "blobs") == [] and files(api.server.data / "spool") == []


def test_an_experiment_may_lie_in_an_allowed_root_and_others_stay(start_server, tmp_path):
    allowed = tmp_path / "allowed"
    first = Api(use(start_server()))
    assert first.get("experiments/get", experiment_id="0").json()["experiment"]["artifact_location"] == "mlflow-artifacts:/0"
    old = first.run()
    first.put_file(f"0/{old['run_id']}/artifacts/x", b"old")
    refused = first.post("experiments/create", {"name": "e", "artifact_location": allowed.as_uri()})
    assert refused.status_code == 400 and "--artifact-allow" in refused.json()["message"]
    first.server.stop()
    second = Api(use(start_server("--artifact-root", (tmp_path / "root").as_uri(), "--artifact-allow", allowed.as_uri(), "--artifact-allow", (tmp_path / "more").as_uri())))
    assert second.get("experiments/get", experiment_id="0").json()["experiment"]["artifact_location"] == "mlflow-artifacts:/0", "runs were logged to it"
    assert second.session.get(second.url + "/get-artifact", params={"run_id": old["run_id"], "path": "x"}, timeout=20).content == b"old"
    for location in (allowed.as_uri(), allowed.as_uri() + "/sub", str(tmp_path / "more")):
        made = second.post("experiments/create", {"name": location, "artifact_location": location})
        assert made.status_code == 200, made.text
        run = second.run(made.json()["experiment_id"])
        client = mlflow.MlflowClient(second.url, second.url)
        client.log_text(run["run_id"], "hello", "a.txt")
        assert second.session.get(second.url + "/get-artifact", params={"run_id": run["run_id"], "path": "a.txt"}, timeout=20).text == "hello"


@pytest.mark.parametrize("arguments, words", [
    (["--artifact-root", "http://host/x"], "--artifact-root"), (["--artifact-root", "relative/path"], "--artifact-root"),
    (["--artifact-root", "file:///a/../b"], "--artifact-root"), (["--artifact-allow", "gs://bucket/x"], "--artifact-allow"),
    (["--artifact-store", "file:///x"], "s3://bucket/prefix"), (["--artifact-store", "nonsense"], "s3://bucket/prefix"),
    (["--artifact-store", "s3://key:secret@bucket/x"], "may not hold credentials"), (["--artifact-store", "s3://bucket/x?nonsense=1"], "nonsense")])
def test_what_is_no_root_is_said_at_start(tmp_path, arguments, words):
    import subprocess
    refused = subprocess.run(["fettle", "server", "--data", str(tmp_path / "data"), "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
                              *arguments], capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2 and words in refused.stderr, refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1 and "key:secret" not in refused.stderr
