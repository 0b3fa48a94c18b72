"""The flights example on made-up flights: built-in steps, the real server, the mlflow client, kills, a failing gate."""
import json
import pathlib
import random
import shutil
import subprocess
import time
import datetime as dt

import mlflow
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/flights"
AIRPORTS = ["AAA", "BBB", "CCC", "DDD"]
ROWS = 40_000
QUICK = ["--set", "rounds=20", "--set", "depth=4"]


def write_flights(file: pathlib.Path) -> None:
    rng = random.Random(1)
    begin = dt.datetime(2001, 1, 1)
    rows = {"date": [], "delay": [], "distance": [], "origin": [], "destination": []}
    for i in range(ROWS):
        time_of_row = begin + dt.timedelta(minutes=i * 90 * 24 * 60 // ROWS)
        origin, destination = rng.sample(AIRPORTS, 2)
        late = rng.random() < 0.1 + 0.02 * time_of_row.hour * (origin == "AAA") + 0.1 * (time_of_row.hour > 15)
        rows["date"].append(time_of_row)
        rows["delay"].append(rng.randrange(15, 90) if late else rng.randrange(-10, 15))
        rows["distance"].append(100 * (1 + abs(AIRPORTS.index(origin) - AIRPORTS.index(destination))))
        rows["origin"].append(origin)
        rows["destination"].append(destination)
    file.parent.mkdir(parents=True)
    pq.write_table(pa.table(rows), file)


@pytest.fixture
def project(tmp_path) -> pathlib.Path:
    folder = tmp_path / "flights"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("sample", "data", "work", ".fettle", "fettle.lock"))
    text = (folder / "fettle.yaml").read_text()  # a loaded test machine is not what the latency budget is about
    (folder / "fettle.yaml").write_text(text.replace("    bounds:\n", "    max_latency_us: 1000000\n    bounds:\n", 1))
    write_flights(folder / "data/flights/made-up.parquet")
    return folder


def call(project: pathlib.Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(["fettle", "pipeline", "run", *QUICK, *arguments], cwd=project, capture_output=True,
                          text=True, timeout=120)


def actions(done: subprocess.CompletedProcess) -> list:
    assert done.returncode == 0, done.stdout + done.stderr
    return [step["action"] for step in json.loads(done.stdout)["steps"]]


def test_from_files_to_a_deployed_version(project, start_server):
    server = start_server()
    done = call(project, "--json", "--server", server.control)
    assert actions(done) == ["run"] * 5
    answer = json.loads(done.stdout)
    bundle = json.loads((project / "work/bundle.json").read_text())
    assert bundle["run_id"] == answer["run_id"]

    client = mlflow.MlflowClient(server.control)
    run = client.get_run(answer["run_id"])
    assert run.info.status == "FINISHED"
    assert run.data.params["rounds"] == "20" and run.data.params["as_of"] == "2001-04-01"
    assert run.data.metrics["auc"] == pytest.approx(json.loads((project / "work/metrics.json").read_text())["auc"])
    for step in answer["steps"]:
        assert run.data.tags[f"fettle.step.{step['name']}"] == step["key"]
    assert len(run.data.tags["fettle.snapshot.flights"]) == 64
    assert client.get_experiment(run.info.experiment_id).name == "flights"
    version = client.get_model_version("flights", "1")
    assert version.run_id == answer["run_id"] and version.tags["fettle.bundle"] == bundle["digest"]

    assert actions(call(project, "--json", "--server", server.control)) == ["skip"] * 5
    assert len(client.search_runs([run.info.experiment_id])) == 1, "a run in which nothing ran leaves no trace"


def test_a_gate_that_says_no_fails_the_pipeline_with_its_own_code(project):
    text = (project / "fettle.yaml").read_text()
    (project / "fettle.yaml").write_text(text.replace("auc: {min: 0.6}", "auc: {min: 0.99}"))
    done = call(project, "--no-record")
    assert done.returncode == 5 and "step 'gate'" in done.stderr and "quality.bounds" in done.stderr
    assert json.loads((project / "work/verdict.json").read_text())["status"] == "fail"
    assert not (project / "work/bundle.json").exists()
    (project / "fettle.yaml").write_text(text)
    explained = call(project, "--no-record", "--explain", "gate")
    assert "gate      runs: it never ran with these inputs" in explained.stdout


@pytest.mark.parametrize("after_ms", [50, 150, 300, 500, 800])
def test_a_kill_in_a_built_in_step_costs_that_step_only(project, after_ms):
    process = subprocess.Popen(["fettle", "pipeline", "run", *QUICK, "--no-record", "evaluate"], cwd=project,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(after_ms / 1000)
    process.kill()
    process.wait()
    assert len(actions(call(project, "--json", "--no-record", "evaluate"))) == 3
    assert actions(call(project, "--json", "--no-record", "evaluate")) == ["skip"] * 3
    killed = json.loads((project / "work/metrics.json").read_text())
    shutil.rmtree(project / "work")
    shutil.rmtree(project / ".fettle")
    actions(call(project, "--json", "--no-record", "evaluate", "--force"))
    assert json.loads((project / "work/metrics.json").read_text()) == killed, "as if it had never been killed"
