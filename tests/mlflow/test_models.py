"""Logged models, the registry and artifacts as the real MLflow client uses them."""
import pathlib

import mlflow
import numpy
import pandas
import pytest
import xgboost
from mlflow.exceptions import MlflowException


@pytest.fixture(scope="module")
def data():
    rng = numpy.random.default_rng(7)
    frame = pandas.DataFrame({"hour": rng.uniform(0, 24, 400), "distance": rng.uniform(100, 3000, 400)})
    label = (frame["hour"] + rng.normal(0, 4, 400) > 14).astype(int)
    return frame, label


@pytest.fixture(scope="module")
def model(data):
    return xgboost.XGBClassifier(n_estimators=5, max_depth=3, n_jobs=1).fit(*data)


def test_an_xgboost_model_is_logged_registered_and_loaded_by_alias(server, client, data, model):
    frame, _ = data
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.7)
        logged = mlflow.xgboost.log_model(model, name="model", registered_model_name="flights", input_example=frame.head(2))
    expected = model.predict(frame)
    client.set_registered_model_alias("flights", "champion", 1)
    by_alias = mlflow.pyfunc.load_model("models:/flights@champion")
    assert (by_alias.predict(frame) == expected).all()
    native = mlflow.xgboost.load_model(f"runs:/{run.info.run_id}/model")
    assert (native.predict(frame) == expected).all()
    version = client.get_model_version_by_alias("flights", "champion")
    assert version.run_id == run.info.run_id and version.status == "READY" and version.version == "1"
    got = mlflow.get_logged_model(logged.model_id)
    assert got.status.name == "READY" and got.source_run_id == run.info.run_id
    assert [o.model_id for o in client.get_run(run.info.run_id).outputs.model_outputs] == [logged.model_id]


def test_autolog_of_a_fit(server, client, data):
    mlflow.xgboost.autolog(log_datasets=True, silent=True)
    try:
        with mlflow.start_run() as run:
            xgboost.XGBClassifier(n_estimators=3, max_depth=2, n_jobs=1).fit(*data)
    finally:
        mlflow.xgboost.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["max_depth"] == "2" and got.inputs.dataset_inputs
    assert got.outputs.model_outputs


def test_logged_models_are_searched(server, client):
    experiment = mlflow.set_experiment("models").experiment_id
    for i in range(5):
        made = mlflow.create_external_model(name=f"m{i}", model_type="tree", params={"depth": str(i)}, tags={"t": "x"})
        with mlflow.start_run():
            mlflow.log_metric("auc", 0.5 + i / 10, step=1, model_id=made.model_id)
    def names(**query):
        return [m.name for m in mlflow.search_logged_models([experiment], output_format="list", **query)]
    assert names() == ["m4", "m3", "m2", "m1", "m0"]
    assert names(filter_string="metrics.auc > 0.65 AND params.depth != '3'") == ["m4", "m2"]
    assert names(filter_string="name IN ('m0', 'm1') AND tags.t = 'x'") == ["m1", "m0"]
    assert names(order_by=[{"field_name": "metrics.auc", "ascending": True}]) == ["m0", "m1", "m2", "m3", "m4"]
    page = client.search_logged_models([experiment], max_results=2)
    assert len(page) == 2 and page.token
    rest = client.search_logged_models([experiment], max_results=9, page_token=page.token)
    assert [m.name for m in rest] == ["m2", "m1", "m0"]
    with pytest.raises(MlflowException, match="Invalid page token"):
        client.search_logged_models([experiment], filter_string="name = 'm1'", page_token=page.token)
    client.set_logged_model_tags(page[0].model_id, {"stage": "best"})
    assert client.get_logged_model(page[0].model_id).tags["stage"] == "best"
    client.delete_logged_model_tag(page[0].model_id, "stage")
    client.delete_logged_model(page[0].model_id)
    with pytest.raises(MlflowException, match="not found"):
        client.get_logged_model(page[0].model_id)


def test_the_registry_by_hand(client):
    client.create_registered_model("m", tags={"a": "1"}, description="first")
    for i in range(3):
        client.create_model_version("m", source="mlflow-artifacts:/0/x/artifacts/model", description=f"v{i}",
                                    tags={"n": str(i)})
    assert [v.version for v in client.search_model_versions("name = 'm'", order_by=["version_number DESC"])] == \
        ["3", "2", "1"]
    client.delete_model_version("m", "3")
    assert client.create_model_version("m", source="mlflow-artifacts:/0/x/artifacts/model").version == "4"
    client.set_registered_model_alias("m", "champion", 2)
    client.set_registered_model_alias("m", "champion", 4)
    got = client.get_registered_model("m")
    assert got.aliases == {"champion": "4"} and got.tags == {"a": "1"} and got.description == "first"
    assert client.get_model_version_by_alias("m", "latest").version == "4"
    with pytest.raises(MlflowException, match="alias nobody not found") as missing:
        client.get_model_version_by_alias("m", "nobody")
    assert missing.value.error_code == "INVALID_PARAMETER_VALUE"
    for alias in ["latest", "v1", "a b"]:
        with pytest.raises(MlflowException):
            client.set_registered_model_alias("m", alias, 1)
    client.delete_registered_model_alias("m", "champion")
    client.set_model_version_tag("m", "1", "k", "v")
    client.delete_model_version_tag("m", "1", "n")
    assert client.get_model_version("m", "1").tags == {"k": "v"}
    client.transition_model_version_stage("m", "1", "production")
    client.transition_model_version_stage("m", "2", "Production", archive_existing_versions=True)
    assert client.get_model_version("m", "1").current_stage == "Archived"
    client.rename_registered_model("m", "renamed")
    assert client.get_model_version("renamed", "2").name == "renamed"
    assert [m.name for m in client.search_registered_models("name LIKE 'ren%'")] == ["renamed"]
    client.delete_registered_model("renamed")
    assert not client.search_registered_models()


def test_registered_models_are_paged_and_filtered(client):
    for i in range(5):
        client.create_registered_model(f"model {i}", tags={"t": str(i % 2)})
    first = client.search_registered_models(max_results=2)
    second = client.search_registered_models(max_results=9, page_token=first.token)
    assert [m.name for m in list(first) + list(second)] == [f"model {i}" for i in range(5)]
    assert len(client.search_registered_models("tags.t = '1' AND name ILIKE 'MODEL%'")) == 2
    newest = client.search_registered_models(order_by=["name DESC"], max_results=1)
    assert newest[0].name == "model 4"


def test_prompts_are_models_that_stay_out_of_the_way(server, client):
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    assert not client.search_registered_models() and not client.search_model_versions("name = 'greeting'")
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hello {{name}}"
    assert [p.name for p in mlflow.genai.search_prompts()] == ["greeting"]


@pytest.mark.parametrize("source", ["/etc/passwd", "file:///etc/passwd", "mlflow-artifacts:/../../x", "../x",
                                    "s3://bucket/%2e%2e/x"])
def test_a_source_may_not_reach_local_files(api, source):
    api.post("registered-models/create", {"name": "m"})
    answer = api.post("model-versions/create", {"name": "m", "source": source})
    assert answer.status_code == 400 and "Invalid model version source" in answer.json()["message"], answer.text


def test_artifacts_go_up_and_come_down(server, client, tmp_path):
    run = client.create_run("0").info.run_id
    folder = tmp_path / "up"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "a.txt").write_text("hello")
    (folder / "deep" / "er" / "b.bin").write_bytes(bytes(range(256)) * 5000)
    (folder / "empty").write_bytes(b"")
    client.log_artifacts(run, str(folder), "things")
    client.log_text(run, "übergrüße", "things/naïve name.txt")
    client.log_dict(run, {"a": 1}, "d.json")
    assert [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run)] == \
        [("d.json", False, 12), ("things", True, None)]
    assert [f.path for f in client.list_artifacts(run, "things")] == \
        ["things/a.txt", "things/deep", "things/empty", "things/naïve name.txt"]
    got = pathlib.Path(client.download_artifacts(run, "things", str(tmp_path)))
    assert (got / "deep/er/b.bin").read_bytes() == bytes(range(256)) * 5000
    assert (got / "naïve name.txt").read_text() == "übergrüße" and (got / "empty").read_bytes() == b""
    assert client.list_artifacts(run, "nothing") == []


def test_a_file_has_length_range_and_etag(api):
    url = f"{api.url}/api/2.0/mlflow-artifacts/artifacts/a/b/data.json"
    assert api.session.put(url, data=b"0123456789", timeout=20).text == "{}"
    got = api.session.get(url, timeout=20)
    assert got.headers["Content-Length"] == "10" and got.headers["Content-Type"].startswith("text/plain")
    assert 'filename="data.json"' in got.headers["Content-Disposition"]
    part = api.session.get(url, headers={"Range": "bytes=2-4"}, timeout=20)
    assert part.status_code == 206 and part.content == b"234"
    assert api.session.get(url, headers={"If-None-Match": got.headers["ETag"]}, timeout=20).status_code == 304
    def chunks():
        for _ in range(64):
            yield b"x" * 65536
    assert api.session.put(url, data=chunks(), timeout=60).status_code == 200  # chunked, replaces
    assert len(api.session.get(url, timeout=20).content) == 64 * 65536
    missing = api.session.get(url + "x", timeout=20)
    assert missing.status_code == 404 and missing.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    root = f"{api.url}/api/2.0/mlflow-artifacts/artifacts"
    assert api.session.get(root, params={"path": "a"}, timeout=20).json() == {"files": [{"path": "b", "is_dir": True}]}
    assert api.session.put(f"{root}/a/b", data=b"x", timeout=20).status_code == 400  # a folder
    assert api.session.put(f"{root}/a/b/data.json/c", data=b"x", timeout=20).status_code == 400  # below a file
    assert api.session.delete(f"{root}/a", timeout=20).status_code == 200
    assert api.session.get(root, timeout=20).text == "{}"
    assert api.session.delete(f"{root}/a", timeout=20).status_code == 200  # again is fine
    assert api.session.post(f"{api.url}/api/2.0/mlflow-artifacts/mpu/create/x", json={}, timeout=20).status_code == 400


PATHS = ["..", "../x", "a/../../x", "a/%2e%2e/x", "%252e%252e/x", "a%2f..%2fx", "%2fetc%2fpasswd", "C:%5Cx", "C:/x", "a%5C..%5Cx",
         "a%23b", "file:%2f%2f%2fetc", "a%00b", "a%0ab", "%25252e%25252e%25252fx"]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_climbs_out(server, path):
    """The path is sent as it stands: a client library would tidy it."""
    import http.client
    for method, body in [("PUT", b"evil"), ("GET", None), ("DELETE", None)]:
        connection = http.client.HTTPConnection(server.control.removeprefix("http://"), timeout=20)
        connection.request(method, f"/api/2.0/mlflow-artifacts/artifacts/{path}", body)
        answer = connection.getresponse()
        assert answer.status == 400, (method, path, answer.status)
        assert b"Invalid path" in answer.read() or "%" in path
        connection.close()
    assert not list(pathlib.Path(server.data).rglob("*passwd*"))


@pytest.mark.parametrize("path", ["..", "../x", "%2e%2e/x", "/etc/passwd", "a\\b", "a#b"])
def test_no_listing_climbs_out(api, path):
    run = api.post("runs/create", {}).json()["run"]["info"]["run_id"]
    for answer in [api.get("artifacts/list", run_id=run, path=path),
                   api.session.get(f"{api.url}/api/2.0/mlflow-artifacts/artifacts", params={"path": path}, timeout=20),
                   api.session.get(f"{api.url}/get-artifact", params={"run_id": run, "path": path}, timeout=20)]:
        assert answer.status_code == 400 and "Invalid path" in answer.json()["message"]


def test_what_was_logged_is_there_after_kill(start_server):
    first = start_server()
    client = mlflow.MlflowClient(first.control, first.control)
    run = client.create_run("0").info.run_id
    client.log_metric(run, "m", 1.5)
    client.log_text(run, "kept", "a.txt")
    client.create_registered_model("m")
    first.kill()
    second = start_server()
    again = mlflow.MlflowClient(second.control, second.control)
    assert again.get_run(run).data.metrics == {"m": 1.5}
    assert [f.path for f in again.list_artifacts(run)] == ["a.txt"]
    assert again.get_registered_model("m").name == "m"
