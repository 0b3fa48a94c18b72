"""A team's day with MLflow, as its documentation has it: the same file for every client and every server.

    MLFLOW_TRACKING_URI=http://... python workflow.py TEAM

Everything has a name that begins with the team's, so that what two servers kept can be compared by name.
"""
import warnings

import mlflow
import numpy
import pandas
from mlflow.entities import Metric, Param, RunTag
from sklearn.linear_model import LogisticRegression, Ridge

REQUIREMENTS = ["scikit-learn"]  # given, so that MLflow need not import the model in a process of its own to find out


def table():
    hours = numpy.arange(48.0)
    return pandas.DataFrame({"hour": hours % 24, "distance": 100 + 7 * hours}), (hours % 24 > 14).astype(int)


def explore(team, x, y):
    """Nested runs, parameters, metrics by step, tags of all kinds."""
    mlflow.set_experiment(f"{team}/explore")
    mlflow.set_experiment_tags({"owner": "ops", "note": "späte Flüge"})
    with mlflow.start_run(run_name="grid", tags={"stage": "draft"}, description="all of them"):
        for depth in (1, 2, 3):
            with mlflow.start_run(run_name=f"depth {depth}", nested=True):
                mlflow.log_params({"depth": depth, "rate": 0.1, "empty": ""})
                for step in range(5):
                    mlflow.log_metric("loss", 1 / (depth + step), step=step)
                mlflow.log_metrics({"auc": 0.6 + depth / 10, "val/brier": 0.2}, step=7)
        mlflow.log_metric("not a number", float("nan"))
        mlflow.set_tags({"team": "ops", "mlflow.source.git.commit": "0" * 40})
        mlflow.delete_tag("team")
    frame = x.assign(late=y)
    with mlflow.start_run(run_name="with data"):
        mlflow.log_input(mlflow.data.from_pandas(frame, source="flights.csv", name="flights", targets="late"), context="training")
        mlflow.log_input(mlflow.data.from_numpy(x.to_numpy(), source="flights.csv", name="matrix"), context="validation")
        mlflow.log_text("hello wörld\n", "notes/hello.txt")
        mlflow.log_dict({"a": [1, 2, {"b": None}]}, "notes/dict.json")
        mlflow.log_table({"question": ["a", "b"], "answer": [1, 2]}, "tables/answers.json")
        mlflow.log_table({"question": ["c"], "answer": [3]}, "tables/answers.json")
    return frame


def by_client(team):
    """What the client offers below the fluent API."""
    client = mlflow.MlflowClient()
    experiment = client.create_experiment(f"{team}/by client", tags={"k": "v"})
    run = client.create_run(experiment, run_name="batch", start_time=1_700_000_000_000, tags={"by": "client"}).info.run_id
    client.log_batch(run, [Metric("m", float(i), 1_700_000_000_000 + i, i) for i in range(300)],
                     [Param(f"p{i}", str(i)) for i in range(20)], [RunTag("t", "1")])
    client.log_batch(run, params=[Param("p3", "3")])
    try:
        client.log_batch(run, params=[Param("p3", "other")])
    except mlflow.exceptions.MlflowException as error:
        client.set_tag(run, "refused", error.error_code)
    client.set_terminated(run, "FAILED", end_time=1_700_000_001_000)
    client.update_run(run, name="batch, renamed")
    gone = client.create_run(experiment, run_name="gone", start_time=1_700_000_002_000).info.run_id
    client.delete_run(gone)
    back = client.create_run(experiment, run_name="back", start_time=1_700_000_003_000).info.run_id
    client.delete_run(back)
    client.restore_run(back)
    dead = client.create_experiment(f"{team}/dead")
    client.create_run(dead, run_name="dies too", start_time=1_700_000_004_000)
    client.delete_experiment(dead)
    client.rename_experiment(experiment, f"{team}/by client, renamed")


def train_and_register(team, x, y):
    """autolog, a model with signature and example, the registry, aliases and loading by URI."""
    mlflow.set_experiment(f"{team}/train")
    mlflow.sklearn.autolog(log_models=False, log_datasets=True, silent=True)
    with mlflow.start_run(run_name="autologged"):
        Ridge(alpha=0.5).fit(x, y)
    mlflow.sklearn.autolog(disable=True)
    flights = f"{team} flights"
    model = LogisticRegression(max_iter=1000).fit(x, y)
    for number in (1, 2):
        with mlflow.start_run(run_name=f"train {number}") as run:
            mlflow.log_metric("auc", 0.7 + number / 100)
            log_model(model, x)
            mlflow.register_model(f"runs:/{run.info.run_id}/model", flights, tags={"number": str(number)})
    client = mlflow.MlflowClient()
    client.update_registered_model(flights, "is it late?")
    client.set_registered_model_tag(flights, "team", "ops")
    client.update_model_version(flights, "1", "the first")
    client.set_model_version_tag(flights, "2", "checked", "yes")
    client.set_registered_model_alias(flights, "champion", "1")
    client.set_registered_model_alias(flights, "challenger", "2")
    client.set_registered_model_alias(flights, "champion", "2")
    client.delete_registered_model_alias(flights, "challenger")
    client.create_registered_model(f"{team} other", tags={"a": "b"}, description="to be renamed")
    client.rename_registered_model(f"{team} other", f"{team} another")
    client.create_model_version(f"{team} another", "s3://bucket/model", tags={"x": "y"})
    client.create_model_version(f"{team} another", "s3://bucket/model2")
    client.delete_model_version(f"{team} another", "1")
    expected = model.predict(x)
    for uri in (f"models:/{flights}/1", f"models:/{flights}@champion", f"models:/{flights}/latest"):
        assert (mlflow.pyfunc.load_model(uri).predict(x) == expected).all(), uri
    assert (mlflow.sklearn.load_model(f"models:/{flights}/2").predict(x) == expected).all()


def log_model(model, x):
    where = {"name": "model"} if mlflow.__version__.startswith("3") else {"artifact_path": "model"}
    mlflow.sklearn.log_model(model, input_example=x.head(2), pip_requirements=REQUIREMENTS, **where)


def search(team):
    """What every kind of search finds, by name."""
    client = mlflow.MlflowClient()
    experiments = mlflow.search_experiments(filter_string=f"name LIKE '{team}/%'", order_by=["name"])
    found = {"experiments": [e.name for e in experiments]}
    every = [e.experiment_id for e in experiments]
    for text in ("", "metrics.auc > 0.75", "params.depth = '2'", "tags.stage = 'draft'", "attributes.status = 'FAILED'",
                 "run_name ILIKE 'DEPTH%'", "metrics.`val/brier` <= 0.2 AND params.rate LIKE '0%'", "dataset.name = 'flights'"):
        runs = client.search_runs(every, text, order_by=["metrics.auc DESC", "attributes.run_name"])
        found[f"runs {text}"] = [run.info.run_name for run in runs]
    found["table"] = sorted(mlflow.search_runs(every)["tags.mlflow.runName"])
    found["models"] = [m.name for m in mlflow.search_registered_models(filter_string=f"name LIKE '{team} %t%'")]
    found["versions"] = [(v.name, v.version) for v in mlflow.search_model_versions(filter_string=f"name = '{team} flights'")]
    run = client.search_runs(every, "attributes.run_name = 'batch, renamed'")[0].info.run_id
    found["history"] = [(m.step, m.value) for m in client.get_metric_history(run, "m")][::50]
    return found


def main(team):
    warnings.simplefilter("ignore")
    x, y = table()
    explore(team, x, y)
    by_client(team)
    train_and_register(team, x, y)
    return search(team)


if __name__ == "__main__":
    import json
    import sys

    print(json.dumps(main(sys.argv[1])))
