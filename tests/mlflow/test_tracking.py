"""The tracking API as the real MLflow client uses it."""
import math

import mlflow
import pandas
import pytest
import requests
from mlflow.entities import Metric, Param, RunStatus, RunTag, ViewType
from mlflow.exceptions import MlflowException


def test_a_run_logged_by_the_fluent_api_is_read_back(server, client):
    mlflow.set_experiment("late flights")
    with mlflow.start_run(run_name="first", tags={"team": "ops"}) as run:
        mlflow.log_param("depth", 6)
        mlflow.log_params({"rounds": 200, "rate": 0.1})
        mlflow.log_metric("auc", 0.7, step=1)
        mlflow.log_metric("auc", 0.72, step=2)
        mlflow.log_metrics({"loss": 0.376, "brier": 0.11})
        mlflow.set_tag("note", "hello\nwörld")
    got = client.get_run(run.info.run_id)
    assert got.info.status == "FINISHED" and got.info.run_name == "first"
    assert got.info.end_time >= got.info.start_time > 0
    assert got.data.params == {"depth": "6", "rounds": "200", "rate": "0.1"}
    assert got.data.metrics == {"auc": 0.72, "loss": 0.376, "brier": 0.11}
    assert got.data.tags["note"] == "hello\nwörld" and got.data.tags["team"] == "ops"
    history = client.get_metric_history(run.info.run_id, "auc")
    assert [(m.step, m.value) for m in history] == [(1, 0.7), (2, 0.72)]


def test_experiments_live_die_and_come_back(client):
    experiment = client.create_experiment("one", tags={"a": "b"})
    run = client.create_run(experiment)
    assert client.get_experiment(experiment).tags == {"a": "b"}
    assert client.get_experiment("0").name == "Default"
    assert client.get_experiment_by_name("missing") is None
    with pytest.raises(MlflowException, match="already exists"):
        client.create_experiment("one")
    client.delete_experiment(experiment)
    assert client.get_experiment(experiment).lifecycle_stage == "deleted"
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="deleted"):
        client.create_experiment("one")
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run.info.run_id, "m", 1)
    client.restore_experiment(experiment)
    client.rename_experiment(experiment, "two")
    client.set_experiment_tag(experiment, "k", "v")
    client.delete_experiment_tag(experiment, "a")
    got = client.get_experiment(experiment)
    assert (got.name, got.tags, got.lifecycle_stage) == ("two", {"k": "v"}, "active")
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"


def test_experiments_are_searched_by_page(client):
    for i in range(7):
        client.create_experiment(f"exp {i}", tags={"parity": "even" if i % 2 == 0 else "odd"})
    seen, token = [], None
    for _ in range(20):  # far more pages than there can be
        page = client.search_experiments(filter_string="name LIKE 'exp %'", max_results=3, page_token=token,
                                         order_by=["name DESC"])
        seen += [e.name for e in page]
        token = page.token
        if not token:
            break
    assert seen == [f"exp {i}" for i in reversed(range(7))]
    odd = client.search_experiments(filter_string="tags.parity = 'odd' AND name ILIKE 'EXP%'")
    assert [e.name for e in odd] == ["exp 5", "exp 3", "exp 1"]
    assert len(client.search_experiments(view_type=ViewType.ALL)) == 8


def test_a_batch_is_all_or_nothing(client):
    run = client.create_run("0").info.run_id
    client.log_batch(run, metrics=[Metric("m", i, i, i) for i in range(1000)])
    assert len(client.get_metric_history(run, "m")) == 1000
    client.log_batch(run, params=[Param("p", "1")])
    with pytest.raises(MlflowException, match="Changing param values is not allowed"):
        client.log_batch(run, metrics=[Metric("new", 1, 1, 1)], params=[Param("q", "1"), Param("p", "2")],
                         tags=[RunTag("t", "1")])
    got = client.get_run(run).data
    assert got.metrics == {"m": 999.0} and got.params == {"p": "1"} and "t" not in got.tags
    client.log_batch(run, params=[Param("p", "1")])  # the same value again is fine


def test_metrics_that_are_no_numbers_survive(client):
    run = client.create_run("0").info.run_id
    client.log_metric(run, "nan", float("nan"))
    client.log_metric(run, "up", float("inf"))
    client.log_metric(run, "down", float("-inf"))
    got = client.get_run(run).data.metrics
    assert math.isnan(got["nan"]) and got["up"] == pytest.approx(1.7976931348623157e308)
    assert got["down"] == pytest.approx(-1.7976931348623157e308)
    assert math.isnan(client.get_metric_history(run, "nan")[0].value)


def test_the_latest_metric_is_that_of_the_largest_step(client):
    run = client.create_run("0").info.run_id
    for step, time, value in [(5, 10, 1.0), (3, 99, 2.0), (5, 9, 3.0), (5, 10, 0.5)]:
        client.log_metric(run, "m", value, timestamp=time, step=step)
    assert client.get_run(run).data.metrics["m"] == 1.0
    client.log_metric(run, "m", 1.0, timestamp=10, step=5)  # the same point again adds nothing
    assert len(client.get_metric_history(run, "m")) == 4


def test_a_long_series_is_in_order_however_it_came(client, server):
    run = client.create_run("0").info.run_id
    points = [Metric("loss", math.sin(i), 1_700_000_000_000 + 50 * i + i % 7, i // 2) for i in range(6000)]
    points[4321] = Metric("loss", float("nan"), points[4321].timestamp, points[4321].step)
    late, rest = points[1::500], [p for i, p in enumerate(points) if i % 500 != 1]
    for batch in [*(rest[i:i + 900] for i in range(0, len(rest), 900)), late, rest[:900]]:  # the last is a retry
        client.log_batch(run, metrics=batch)
    history = client.get_metric_history(run, "loss")
    assert [(p.timestamp, p.step) for p in history] == [(p.timestamp, p.step) for p in points]
    assert [p.value for p in history if p.value == p.value] == [p.value for p in points if p.value == p.value]
    assert math.isnan(history[4321].value)
    sample = requests.get(f"{server.control}/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval", timeout=30,
                          params={"run_ids": [run], "metric_key": "loss", "max_results": 10}).json()["metrics"]
    assert [p["step"] for p in sample] == [step for step in [*range(0, 3000, 300), 2999] for _ in range(2)]


@pytest.fixture
def runs(client):
    """Runs 0..9 by name; loss falls, run 8 has a NaN loss and run 9 none."""
    experiment = client.create_experiment("search")
    ids = []
    for i in range(10):
        run = client.create_run(experiment, start_time=1000 + i, run_name=f"run {i}",
                                tags={"kind": "even" if i % 2 == 0 else "odd", "weird key": "x"}).info.run_id
        client.log_param(run, "depth", i // 3)
        client.log_param(run, "my.dotted", f"Value_{i}%")
        if i < 9:
            client.log_metric(run, "loss", 1 / (1 + i) if i < 8 else float("nan"))
        client.set_terminated(run, "FAILED" if i == 4 else "FINISHED", end_time=2000 - i)
        ids.append(run)
    return experiment, ids


@pytest.mark.parametrize("text, expected", [
    ("", range(9, -1, -1)),
    ("metrics.loss < 0.3", [7, 6, 5, 4, 3]),  # a NaN is not less than anything
    ("metrics.loss != 1", [8, 7, 6, 5, 4, 3, 2, 1]),
    ("metrics.`loss` >= 0.5 and params.depth = '0'", [1, 0]),
    ("params.depth = '1' tags.kind = 'odd'", [5, 3]),
    ("params.\"my.dotted\" LIKE 'Value_3%'", [3]),
    ("params.my.dotted LIKE 'value%'", []),
    ("params.my.dotted ILIKE 'value_5%'", [5]),
    ("tags.`weird key` = 'x' AND attributes.status = 'FAILED'", [4]),
    ("attributes.start_time > 1006 AND run_name != 'run 8'", [9, 7]),
    ("end_time <= 1992", [9, 8]),
    ("tags.kind != 'odd' AND metrics.loss > 0.15", [4, 2, 0]),
    ("tags.missing IS NULL AND params.depth IS NOT NULL AND params.depth = '3'", [9]),
    ("run_name IN ('run 1', 'run 2',)", [2, 1]),
    ("run_name NOT IN ('run 1') AND params.depth = '0'", [2, 0]),
    ("tags.kind = \"odd\" AND attr.`run name` = 'run 3'", [3]),
    ("metrics.loss = 1e0", [0]),
    ("metrics.nothing != 1", []),
])
def test_runs_are_found_by_filter(client, runs, text, expected):
    experiment, ids = runs
    found = client.search_runs([experiment], filter_string=text)
    assert [ids.index(r.info.run_id) for r in found] == list(expected)


def test_runs_are_found_by_id(client, runs):
    experiment, ids = runs
    found = client.search_runs([experiment], filter_string=f"run_id IN ('{ids[2]}', '{ids[5]}')")
    assert [ids.index(r.info.run_id) for r in found] == [5, 2]


@pytest.mark.parametrize("order, expected", [
    (["metrics.loss ASC"], [7, 6, 5, 4, 3, 2, 1, 0, 8, 9]),
    (["metrics.loss DESC"], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]),
    (["params.depth DESC", "start_time ASC"], [9, 6, 7, 8, 3, 4, 5, 0, 1, 2]),
    (["tags.kind", "attributes.start_time"], [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]),
    (["end_time DESC"], range(10)),
    (["tags.missing DESC", "run_name asc"], range(10)),
])
@pytest.mark.parametrize("page_size", [3, 100])
def test_runs_are_ordered_and_paged(client, runs, order, expected, page_size):
    experiment, ids = runs
    found, token = [], None
    for _ in range(20):  # far more pages than there can be
        page = client.search_runs([experiment], order_by=order, max_results=page_size, page_token=token)
        found += [ids.index(r.info.run_id) for r in page]
        token = page.token
        if not token:
            break
    assert found == list(expected)


@pytest.mark.parametrize("text", [
    "metrics.loss > 0.1 OR metrics.loss < 0", "(metrics.loss > 1)", "metrics.loss > 'a'", "params.depth = 3",
    "params.depth > '3'", "nonsense.x = 'y'", "attributes.nonsense = 'x'", "metrics.loss >", "metrics.loss 1", " ",
    "tags.a = `x`", "status IN ()", "metrics.loss > 1; DROP TABLE runs", "metrics.loss > 1 -- x", "NOT metrics.a > 1",
    "metrics.a BETWEEN 1 AND 2", "attributes.status IS NULL", "tags.a IN ('x')", "metrics.loss > nan",
    "params.a = 'it''s'",
])
def test_a_wrong_filter_is_the_users_mistake(api, text):
    answer = api.post("runs/search", {"experiment_ids": ["0"], "filter": text})
    assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE", answer.text


def test_a_value_never_becomes_sql(client, runs):
    experiment, _ = runs
    for value in ["' OR 1=1 --", '" OR ""="', "'); DROP TABLE runs; --"]:
        quote = '"' if "'" in value else "'"
        assert len(client.search_runs([experiment], filter_string=f"tags.kind = {quote}{value}{quote}")) == 0
    assert len(client.search_runs([experiment])) == 10


def test_datasets_are_logged_and_searched(client):
    frame = pandas.DataFrame({"x": [1, 2], "y": [3, 4]})
    experiment = mlflow.set_experiment("data").experiment_id
    with mlflow.start_run() as run:
        mlflow.log_input(mlflow.data.from_pandas(frame, name="flights"), context="training")
    dataset = client.get_run(run.info.run_id).inputs.dataset_inputs[0]
    assert dataset.dataset.name == "flights" and dataset.tags[0].value == "training"
    for text in ["dataset.name = 'flights'", "datasets.context IN ('training')", f"dataset.digest = '{dataset.dataset.digest}'"]:
        assert len(client.search_runs([experiment], filter_string=text)) == 1
    assert not client.search_runs([experiment], filter_string="dataset.name = 'other'")


def test_runs_are_renamed_deleted_and_restored(client):
    run = client.create_run("0", run_name="a").info.run_id
    client.update_run(run, status="FAILED", name="b")
    assert client.get_run(run).data.tags["mlflow.runName"] == "b"
    client.set_tag(run, "mlflow.runName", "c")
    assert client.get_run(run).info.run_name == "c"
    assert client.get_run(run).info.status == RunStatus.to_string(RunStatus.FAILED)
    client.delete_run(run)
    assert not client.search_runs(["0"]) and len(client.search_runs(["0"], run_view_type=ViewType.DELETED_ONLY)) == 1
    client.restore_run(run)
    client.set_tag(run, "x", "1")
    client.delete_tag(run, "x")
    with pytest.raises(MlflowException, match="No tag with name: x"):
        client.delete_tag(run, "x")
    assert len(client.search_runs(["0"])) == 1


def test_search_runs_as_a_table(server, runs):
    table = mlflow.search_runs([runs[0]], order_by=["metrics.loss"])
    assert len(table) == 10 and "metrics.loss" in table and "params.depth" in table
