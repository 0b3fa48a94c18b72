"""What teams do with MLflow's client, beyond workflow.py: flavours, autolog, asynchronous logging, many processes, media."""
import json
import multiprocessing
import os
import pathlib
import subprocess

import matplotlib
matplotlib.use("Agg")

import mlflow
import numpy
import pandas
import pytest
import skl2onnx
import sklearn.ensemble
import sklearn.linear_model
import sklearn.pipeline
import sklearn.preprocessing
import xgboost
from matplotlib import pyplot
from PIL import Image

REQUIREMENTS = ["pandas"]  # given, so that MLflow need not import the model in a process of its own to find out
PROCESSES, EACH = 8, 25


@pytest.fixture(scope="module")
def data():
    rng = numpy.random.default_rng(5)
    frame = pandas.DataFrame({"hour": rng.uniform(0, 24, 200), "distance": rng.uniform(100, 3000, 200)}).astype("float32")
    return frame, (frame["hour"] > 14).astype(int)


@pytest.fixture
def client(shared, request):
    mlflow.set_experiment(request.node.name)
    return mlflow.MlflowClient()


class Doubler(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.factor = json.loads(pathlib.Path(context.artifacts["factor"]).read_text())

    def predict(self, context, model_input, params=None):
        return model_input["hour"] * self.factor


def test_sklearn_is_autologged_with_its_model(client, data):
    mlflow.sklearn.autolog(log_datasets=True, silent=True)
    try:
        with mlflow.start_run() as run:
            model = sklearn.pipeline.make_pipeline(sklearn.preprocessing.StandardScaler(),
                                                   sklearn.ensemble.RandomForestClassifier(n_estimators=3, random_state=1)).fit(*data)
            score = model.score(*data)
    finally:
        mlflow.sklearn.autolog(disable=True)
    got = client.get_run(run.info.run_id)
    assert got.data.params["randomforestclassifier__n_estimators"] == "3"
    assert got.data.metrics["training_score"] == pytest.approx(score)
    assert got.inputs.dataset_inputs[0].tags[0].value == "train"
    assert "estimator.html" in [f.path for f in client.list_artifacts(run.info.run_id)]
    loaded = mlflow.sklearn.load_model(f"models:/{got.outputs.model_outputs[0].model_id}")
    assert (loaded.predict(data[0]) == model.predict(data[0])).all()


def log_onnx(model, frame):
    onnx = skl2onnx.to_onnx(model, frame.to_numpy()[:1], options={"zipmap": False})
    return mlflow.onnx.log_model(onnx, name="model", pip_requirements=REQUIREMENTS, registered_model_name="onnx flavour")


def test_onnx_comes_back(client, data):
    frame, late = data
    model = sklearn.linear_model.LogisticRegression(max_iter=1000).fit(frame.to_numpy(), late)
    with mlflow.start_run():
        log_onnx(model, frame)
    loaded = mlflow.pyfunc.load_model("models:/onnx flavour/1")
    assert (loaded.predict(frame.to_numpy())["label"] == model.predict(frame.to_numpy())).all()
    assert mlflow.onnx.load_model("models:/onnx flavour/1").graph.node


@pytest.mark.parametrize("format", ["ubj", "json"])
def test_xgboost_comes_back_as_what_it_was(client, data, format):
    frame, late = data
    booster = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(frame, label=late), num_boost_round=3)
    with mlflow.start_run():
        info = mlflow.xgboost.log_model(booster, name="model", model_format=format, pip_requirements=REQUIREMENTS,
                                        signature=mlflow.models.infer_signature(frame, late))
    native = mlflow.xgboost.load_model(info.model_uri)
    assert numpy.allclose(native.predict(xgboost.DMatrix(frame)), booster.predict(xgboost.DMatrix(frame)))
    assert numpy.allclose(mlflow.pyfunc.load_model(info.model_uri).predict(frame), booster.predict(xgboost.DMatrix(frame)))


def test_a_python_model_comes_back_with_its_files(client, data, tmp_path):
    (tmp_path / "factor.json").write_text("2.5")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(name="model", python_model=Doubler(), artifacts={"factor": str(tmp_path / "factor.json")},
                                pip_requirements=REQUIREMENTS, registered_model_name="doubler", metadata={"owner": "ops"})
    client.set_registered_model_alias("doubler", "champion", 1)
    loaded = mlflow.pyfunc.load_model("models:/doubler@champion")
    assert numpy.allclose(loaded.predict(data[0]), data[0]["hour"] * 2.5)
    assert loaded.metadata.metadata == {"owner": "ops"}
    mlflow.artifacts.download_artifacts("models:/doubler/1", dst_path=str(tmp_path / "copy"))
    assert json.loads((tmp_path / "copy/artifacts/factor.json").read_text()) == 2.5


def test_models_are_copied_between_names(client):
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(name="model", python_model=lambda model_input: model_input, pip_requirements=REQUIREMENTS,
                                       registered_model_name="staging model")
    copied = client.copy_model_version("models:/staging model/1", "production model")
    assert copied.name == "production model" and copied.version == "1"
    assert client.get_model_version_download_uri("production model", "1") == client.get_model_version_download_uri("staging model", "1")
    assert mlflow.pyfunc.load_model("models:/production model/1").metadata.model_uuid
    assert mlflow.get_logged_model(info.model_id).tags["mlflow.modelVersions"]


def test_media_go_up_and_are_listed(client, tmp_path):
    figure, axes = pyplot.subplots()
    axes.plot([1, 2, 3])
    pixels = numpy.arange(48, dtype=numpy.uint8).reshape(4, 4, 3)
    with mlflow.start_run() as run:
        mlflow.log_figure(figure, "plots/line.png")
        mlflow.log_image(pixels, "images/plain.png")
        mlflow.log_image(Image.fromarray(pixels), key="progress", step=3)
        mlflow.log_table(pandas.DataFrame({"a": [1, 2]}), "table.json")
        mlflow.log_text("<p>hello</p>", "page.html")
    pyplot.close(figure)
    paths = [f.path for f in client.list_artifacts(run.info.run_id)]
    assert paths == ["images", "page.html", "plots", "table.json"]
    got = mlflow.artifacts.load_image(f"runs:/{run.info.run_id}/images/plain.png")
    assert (numpy.asarray(got) == pixels).all()
    assert len([f for f in client.list_artifacts(run.info.run_id, "images") if "progress" in f.path]) == 2  # and its thumbnail
    assert mlflow.load_table("table.json", [run.info.run_id])["a"].tolist() == [1, 2]
    assert mlflow.artifacts.load_text(f"runs:/{run.info.run_id}/page.html") == "<p>hello</p>"


def test_evaluation_logs_metrics_and_tables(client, data):
    frame, late = data
    model = sklearn.linear_model.LogisticRegression(max_iter=1000).fit(frame, late)
    with mlflow.start_run() as run:
        result = mlflow.models.evaluate(lambda x: model.predict(x), frame.assign(late=late), targets="late", model_type="classifier",
                                        evaluators="default", evaluator_config={"log_explainer": False})
    got = client.get_run(run.info.run_id)
    assert got.data.metrics["accuracy_score"] == pytest.approx(result.metrics["accuracy_score"]) == pytest.approx(model.score(frame, late))
    assert any("confusion_matrix" in f.path for f in client.list_artifacts(run.info.run_id))


def test_asynchronous_logging_loses_nothing(client):
    mlflow.config.enable_async_logging(True)
    try:
        with mlflow.start_run() as run:
            for step in range(300):
                mlflow.log_metric("loss", step * 0.5, step=step)
            mlflow.log_params({f"p{i}": i for i in range(150)})
            mlflow.set_tags({"a": "b"})
        mlflow.flush_async_logging()
    finally:
        mlflow.config.enable_async_logging(False)
    history = client.get_metric_history(run.info.run_id, "loss")
    assert sorted(m.step for m in history) == list(range(300))
    got = client.get_run(run.info.run_id).data
    assert len(got.params) == 150 and got.tags["a"] == "b"


def log_much(uri, experiment, shared_run, number):
    """One of several processes: a run of its own, a run that all share, an experiment that all make."""
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    made = mlflow.set_experiment(experiment)  # the client does not make it the active one if another was first to make it
    with mlflow.start_run(run_name=f"process {number}", experiment_id=made.experiment_id):
        for step in range(EACH):
            mlflow.log_metric("own", step, step=step)
            mlflow.log_metrics({f"m{i}": step * i for i in range(5)}, step=step)
        mlflow.log_params({f"p{i}": number for i in range(10)})
        mlflow.log_text(str(number), "who.txt")
    client = mlflow.MlflowClient()
    for step in range(EACH):
        client.log_metric(shared_run, "shared", number, step=number * EACH + step)
    client.set_tag(shared_run, f"from {number}", "x")
    client.create_model_version("made by many", f"mlflow-artifacts:/0/{number}")


def test_eight_processes_lose_nothing(client, shared):
    shared_run = client.create_run("0").info.run_id
    client.create_registered_model("made by many")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=log_much, args=(shared.control, "made by all at once", shared_run, number))
                 for number in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0] * PROCESSES
    experiment = client.get_experiment_by_name("made by all at once").experiment_id
    runs = client.search_runs([experiment])
    assert sorted(run.info.run_name for run in runs) == sorted(f"process {number}" for number in range(PROCESSES))
    for run in runs:
        assert len(client.get_metric_history(run.info.run_id, "own")) == EACH and len(run.data.params) == 10
        assert run.info.status == "FINISHED"
    assert sorted(m.step for m in client.get_metric_history(shared_run, "shared")) == list(range(PROCESSES * EACH))
    assert sum(tag.startswith("from ") for tag in client.get_run(shared_run).data.tags) == PROCESSES
    versions = client.search_model_versions("name = 'made by many'")
    assert sorted(int(v.version) for v in versions) == list(range(1, PROCESSES + 1))
    assert len({v.source for v in versions}) == PROCESSES


def test_system_metrics_are_metrics(client):
    with mlflow.start_run(log_system_metrics=False) as run:
        pass
    client.log_batch(run.info.run_id, metrics=[mlflow.entities.Metric("system/cpu_utilization_percentage", 12.5, 1, 0)])
    assert client.get_run(run.info.run_id).data.metrics == {"system/cpu_utilization_percentage": 12.5}


def test_numbers_keep_every_bit(client):
    run = client.create_run("0").info.run_id
    values = [0.1, 1 / 3, 5e-324, 2.2250738585072014e-308, -1.5, 123456789.123456789, 1e300, float(2**53)]
    for step, value in enumerate(values):
        client.log_metric(run, "m", value, step=step)
    assert [m.value for m in client.get_metric_history(run, "m")] == values


def mlflow_cli(server, *words):
    done = subprocess.run(["mlflow", *words], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"MLFLOW_TRACKING_URI": server.control})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_command_line_of_mlflow(client, shared, tmp_path):
    with mlflow.start_run(run_name="by command line") as run:
        mlflow.log_text("hello", "a/b.txt")
    experiment = run.info.experiment_id
    assert "test_the_command_line_of_mlflow" in mlflow_cli(shared, "experiments", "search")
    assert run.info.run_id in mlflow_cli(shared, "runs", "list", "--experiment-id", experiment)
    mlflow_cli(shared, "artifacts", "download", "--run-id", run.info.run_id, "--dst-path", str(tmp_path))
    assert (tmp_path / "a/b.txt").read_text() == "hello"
