"""`fettle experiment|run|artifact`: list, show, search, compare, export, files."""
import csv
import io
import json
import math

import pandas
import pytest
from conftest import client_of, fettle
from mlflow.entities import Dataset, DatasetInput, Metric


@pytest.fixture
def tracked(start_server):
    server = start_server()
    client = client_of(server.control)
    experiment = client.create_experiment("flights", tags={"team": "a"})
    client.create_experiment("other")
    runs = []
    for i in range(3):
        run = client.create_run(experiment, run_name=f"r{i}", start_time=1000 + i, tags={"mlflow.source.git.commit": "ab"[i % 2] * 8}).info.run_id
        client.log_batch(run, metrics=[Metric("auc", 0.5 + i / 8, 10 + s, s) for s in range(3)])
        client.log_param(run, "depth", i)
        client.log_param(run, "same", "x")
        client.log_inputs(run, [DatasetInput(Dataset("flights", f"d{i}", "local", "{}"), [])])
        runs.append(run)
    client.log_metric(runs[2], "odd", math.nan)
    return server, client, runs


def ask(server, *arguments, code=0):
    return fettle(*arguments, "--server", server.control, code=code)


def test_experiments_are_listed_and_shown(tracked):
    server, client, runs = tracked
    assert "flights" in ask(server, "experiment", "list", "--filter", "tags.team = 'a'")
    assert len(json.loads(ask(server, "experiment", "list", "--json"))["experiments"]) == 3
    shown = ask(server, "experiment", "show", "flights")
    assert "3 runs" in shown and "team" in shown and runs[2] in shown
    assert json.loads(ask(server, "experiment", "show", "1", "--json"))["runs"] == 3
    assert "Could not find" in ask(server, "experiment", "show", "nothing", code=3)


def test_runs_are_searched_and_compared(tracked):
    server, client, runs = tracked
    found = json.loads(ask(server, "run", "search", "metrics.auc > 0.6", "--order", "metrics.auc DESC", "--json"))
    assert [r["info"]["run_id"] for r in found["runs"]] == [runs[2], runs[1]]
    assert "Invalid clause" in ask(server, "run", "search", "metrics.auc", code=2)
    document = json.loads(ask(server, "run", "compare", runs[0], runs[1], "--json"))
    differ = {d["key"]: (d.get("a"), d.get("b")) for d in document["differ"]}
    assert differ == {"params.depth": ("0", "1"), "metrics.auc": ("0.5", "0.625"), "data.flights": ("d0", "d1"),
                      "code.mlflow.source.git.commit": ("a" * 8, "b" * 8)}
    assert {s["key"] for s in document["same"]} >= {"params.same"}
    text = ask(server, "run", "compare", runs[0], runs[2])
    assert "+0.25" in text and "params.same" not in text and "metrics.odd" in text and "--all" in text
    assert "params.same" in ask(server, "run", "compare", runs[0], runs[2], "--all")


def test_runs_are_exported(tracked, tmp_path):
    server, client, runs = tracked
    rows = list(csv.DictReader(io.StringIO(ask(server, "run", "export", "--experiment", "flights"))))
    assert [r["run_id"] for r in rows] == runs[::-1] and rows[0]["params.depth"] == "2" and rows[1]["metrics.odd"] == ""
    ask(server, "run", "export", "--to", tmp_path / "r.parquet")
    frame = pandas.read_parquet(tmp_path / "r.parquet")
    assert frame["metrics.auc"].tolist() == [0.75, 0.625, 0.5] and frame["start_time"].tolist() == [1002, 1001, 1000]
    ask(server, "run", "export", runs[0], "--metrics", "--to", tmp_path / "m.jsonl")
    points = [json.loads(line) for line in (tmp_path / "m.jsonl").read_text().splitlines()]
    assert [(p["metric"], p["step"], p["timestamp"], p["value"]) for p in points] == [("auc", s, 10 + s, 0.5) for s in range(3)]
    assert "nothing to export" in ask(server, "run", "export", "--filter", "metrics.auc > 9", code=3)


def test_artifacts_are_listed_and_moved(tracked, tmp_path):
    server, client, runs = tracked
    (tmp_path / "up" / "deep").mkdir(parents=True)
    (tmp_path / "up" / "a b.txt").write_text("one")
    (tmp_path / "up" / "deep" / "ü.bin").write_bytes(b"")
    assert "2 files" in ask(server, "artifact", "put", runs[0], tmp_path / "up", "sent")
    ask(server, "artifact", "put", runs[0], tmp_path / "up" / "a b.txt")
    listed = json.loads(ask(server, "artifact", "list", runs[0], "--json"))["files"]
    assert [f["path"] for f in listed] == ["a b.txt", "sent/a b.txt", "sent/deep/ü.bin"] and listed[0]["size"] == 3
    ask(server, "artifact", "get", runs[0], "sent", "--to", tmp_path / "down")
    assert (tmp_path / "down" / "sent" / "a b.txt").read_text() == "one" and (tmp_path / "down/sent/deep/ü.bin").exists()
    ask(server, "artifact", "get", runs[0], "a b.txt", "--to", tmp_path / "one")
    assert (tmp_path / "one" / "a b.txt").read_text() == "one"
    ask(server, "artifact", "get", runs[0], "missing", "--to", tmp_path / "one", code=3)
    assert "no artifacts" in ask(server, "artifact", "list", runs[1])
