"""The gate over the real program: what passes, what stops a pipeline, what a person and a machine get told."""
import json
import pathlib
import subprocess
import urllib.request

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

YAML = """
project: parcels
params: {rounds: 20, gate: default}
pipeline:
  train:
    uses: train_xgboost
    deps: [train.parquet]
    with:
      label: late
      features: [weight, hub]
      rounds: ${rounds}
      depth: 3
      learning_rate: 0.2
    outs: [work/model]
  evaluate:
    uses: evaluate
    deps: [work/model, train.parquet, valid.parquet]
    with: {label: late, train: train.parquet, valid: valid.parquet, slices: [hub]}
    outs: [work/profile.json]
    metrics: [work/metrics.json]
  gate:
    uses: gate
    deps: [work/model, train.parquet, valid.parquet, work/metrics.json]
    with:
      suite: ${gate}
    outs: [work/verdict.json]
  register:
    uses: register
    deps: [work/model, work/profile.json, work/verdict.json]
    with: {model: parcels}
    outs: [work/bundle.json]
endpoint: parcels
gates:
  default: {label: late, time: sent, endpoint: parcels, train: train.parquet, valid: valid.parquet, slices: [hub],
            metrics: work/metrics.json, max_latency_us: 1000000}  # tests share their machine
  proud: {label: late, train: train.parquet, valid: valid.parquet, metrics: work/metrics.json, max_latency_us: 1000000,
          bounds: {auc: {min: 0.999}}}
"""
DAY_MS = 86_400_000


def make_rows(count: int, first_day: int, days: int, seed: int) -> dict:
    rng = np.random.default_rng(seed)
    weight, hub = rng.uniform(0, 10, count), rng.integers(0, 4, count)
    late = rng.uniform(size=count) < 0.05 + 0.05 * weight * (hub > 0)
    sent = (first_day * DAY_MS + rng.integers(0, days * DAY_MS, count)).astype("datetime64[ms]")
    return {"sent": sent, "weight": weight, "hub": np.array(list("ABCD"))[hub], "late": late.astype(np.int64)}


class Project:
    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        (folder / "fettle.yaml").write_text(YAML)
        self.train, self.valid = make_rows(8000, 100, 28, 1), make_rows(4000, 128, 7, 2)
        self.save()

    def save(self) -> None:
        pq.write_table(pa.table(self.train), self.folder / "train.parquet")
        pq.write_table(pa.table(self.valid), self.folder / "valid.parquet")

    def call(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(["fettle", *arguments], cwd=self.folder, capture_output=True, text=True, timeout=120)

    def pipeline(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.call("pipeline", "run", *(arguments or ("--no-record",)))

    def read(self, name: str) -> dict:
        return json.loads((self.folder / "work" / name).read_text())

    def check(self, name: str) -> dict:
        return next(check for check in self.read("verdict.json")["checks"] if check["name"] == name)


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "parcels").mkdir()
    return Project(tmp_path / "parcels")


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def test_a_good_model_passes_and_every_check_says_how(project):
    done = project.pipeline()
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = project.read("verdict.json")
    assert verdict["status"] == "pass" and len(verdict["checks"]) == 13
    assert all(check["hypothesis"] and check["method"] and check["message"] for check in verdict["checks"])
    assert project.check("quality.constant")["value"] < 0
    assert "no server" in project.check("quality.champion")["message"]
    assert project.read("bundle.json")["digest"] and "version" not in project.read("bundle.json")
    shown = project.call("gate", "show", "--json")
    assert shown.returncode == 0 and json.loads(shown.stdout) == verdict
    assert "quality.constant" in project.call("gate", "show").stdout


def test_held_out_rows_in_training_stop_the_pipeline(project):
    for name, values in project.valid.items():
        project.train[name] = np.concatenate([project.train[name], values[:400]])
    project.save()
    done = project.pipeline()
    assert done.returncode == 5
    assert "leakage.duplicates" in done.stderr and "leakage.time" in done.stderr and "assumed:" in done.stderr
    assert project.check("leakage.duplicates")["value"] == pytest.approx(0.1)
    assert not (project.folder / "work/bundle.json").exists()
    assert project.call("gate", "show").returncode == 0  # the numbers stay to be looked at


def test_an_input_made_from_the_label_is_named(project):
    for rows in (project.train, project.valid):
        rows["weight"] = rows["late"] * 7.0 + rows["weight"] / 10
    project.save()
    done = project.pipeline()
    assert done.returncode == 5 and "weight alone reaches AUC 1.000" in done.stderr


def test_noise_does_not_beat_the_constant(project):
    rng = np.random.default_rng(3)
    for rows in (project.train, project.valid):
        rows["late"] = (rng.uniform(size=len(rows["late"])) < 0.2).astype(np.int64)
    project.save()
    done = project.pipeline("--no-record", "--set", "rounds=200")
    assert done.returncode == 5 and "quality.constant" in done.stderr


def test_bounds_and_mistakes_in_the_suite(project):
    done = project.pipeline("--no-record", "--set", "gate=proud")
    assert done.returncode == 5 and "is below 0.999" in done.stderr
    done = project.call("gate", "run", "--suite", "prod")
    assert done.returncode == 3 and "proud" in done.stderr
    text = (project.folder / "fettle.yaml").read_text()
    (project.folder / "fettle.yaml").write_text(text.replace("slices: [hub],\n", "slizes: [hub],\n"))
    done = project.pipeline()
    assert done.returncode == 2 and "slizes" in done.stderr and "slices" in done.stderr


def test_gate_show_before_any_verdict(project):
    done = project.call("gate", "show", "--json")
    assert done.returncode == 3 and "pipeline run" in json.loads(done.stdout)["error"]["message"]


def test_a_worse_model_does_not_follow_the_champion(project, start_server):
    server = start_server()
    done = project.pipeline("--server", server.control)
    assert done.returncode == 0, done.stdout + done.stderr
    first = project.read("bundle.json")
    assert first["deployed"] and first["version"] == 1
    verdicts = get(f"{server.control}/api/fettle/v1/verdicts?run_id={first['run_id']}")["verdicts"]
    assert [record["status"] for record in verdicts] == ["pass"]
    assert verdicts[0]["verdict"] == project.read("verdict.json")

    done = project.pipeline("--server", server.control, "--set", "rounds=2")
    assert done.returncode == 5 and "quality.champion" in done.stderr, done.stdout + done.stderr
    assert project.read("verdict.json")["champion"] == first["digest"]
    assert get(f"{server.control}/api/fettle/v1/status")["rollouts"] == []

    done = project.pipeline("--server", server.control, "--set", "rounds=21")
    assert done.returncode == 0, done.stdout + done.stderr
    second = project.read("bundle.json")
    assert second["version"] == 2 and not second["deployed"] and second["rollout"]
    assert project.check("quality.champion")["details"]["units"] == 7

    done = project.pipeline("--server", server.control, "--set", "rounds=22")  # while that rollout runs
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rollout" in project.read("bundle.json")["waits"]


def test_gate_run_without_its_server(project):
    assert project.pipeline().returncode == 0
    done = project.call("gate", "run", "--json", "--server", "http://127.0.0.1:1")
    assert done.returncode == 10 and "no server" in json.loads(done.stdout)["error"]["message"]
