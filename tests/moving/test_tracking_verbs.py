"""`fettle experiment|run|model|artifact`: list, show, search, compare, export, files."""
import csv
import fcntl
import hashlib
import io
import json
import math
import os
import pty
import struct
import subprocess
import termios
from concurrent.futures import ThreadPoolExecutor

import pandas
import pyarrow.parquet
import pytest
from conftest import client_of, fettle, pages
from mlflow.entities import Dataset, DatasetInput, Metric, Param


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
    assert "flights" in ask(server, "experiment", "search", "tags.team = 'a'")
    assert len(json.loads(ask(server, "experiment", "list", "--json"))["experiments"]) == 3
    shown = ask(server, "experiment", "show", "flights")
    assert "3 runs" in shown and "team" in shown and runs[2] in shown
    assert json.loads(ask(server, "experiment", "show", "1", "--json"))["runs"] == 3
    assert "'flights'" in (said := ask(server, "experiment", "show", "flihgts", code=3)) and "experiment list" in said
    assert "'flights'" in ask(server, "run", "list", "--experiment", "LIGHT", code=3)
    assert "there are more" in ask(server, "experiment", "list", "--limit", "2")
    assert len(json.loads(ask(server, "experiment", "list", "--limit", "0", "--json"))["experiments"]) == 3


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
    three = json.loads(ask(server, "run", "compare", *runs, "--json"))
    assert {"key": "params.depth", "a": "0", "b": "1", "c": "2"} in three["differ"] and three["c"] == runs[2]
    assert "two runs" in ask(server, "run", "compare", runs[0], code=2)
    assert "fettle run list" in ask(server, "run", "compare", runs[0], "f" * 32, code=3)


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
    ask(server, "artifact", "export", runs[0], "sent", "--to", tmp_path / "down")
    assert (tmp_path / "down" / "sent" / "a b.txt").read_text() == "one" and (tmp_path / "down/sent/deep/ü.bin").exists()
    ask(server, "artifact", "export", runs[0], "a b.txt", "--to", tmp_path / "one")
    assert (tmp_path / "one" / "a b.txt").read_text() == "one"
    assert "--force" in ask(server, "artifact", "export", runs[0], "--to", tmp_path / "one", code=4)
    assert os.listdir(tmp_path / "one") == ["a b.txt"], "refused before anything came"
    ask(server, "artifact", "export", runs[0], "--to", tmp_path / "one", "--force")
    assert sorted(os.listdir(tmp_path / "one")) == ["a b.txt", "sent"]
    assert "artifact list" in ask(server, "artifact", "export", runs[0], "missing", "--to", tmp_path / "one", code=3)
    assert "no artifacts" in ask(server, "artifact", "list", runs[1])


def test_artifacts_are_shown_and_searched(tracked):
    server, client, runs = tracked
    client.log_text(runs[0], "line 1\nzwei: ü\n", "notes/a.txt")
    client.log_dict(runs[1], {"a": 1}, "model/MLmodel.json")
    client.log_text(runs[1], "\x1b[31mred", "notes/escape.txt")
    model = client.create_logged_model("1", name="net", source_run_id=runs[0])
    assert ask(server, "artifact", "show", runs[0], "notes/a.txt") == "line 1\nzwei: ü\n"
    shown = ask(server, "artifact", "show", runs[1], "notes/escape.txt")
    digest = hashlib.sha256(b"\x1b[31mred").hexdigest()
    assert digest in shown and "\x1b" not in shown, "no terminal is driven by a file"
    document = json.loads(ask(server, "artifact", "show", runs[1], "notes/escape.txt", "--json"))
    assert document == {"path": "notes/escape.txt", "size": 8, "sha256": digest}
    assert "a folder" in ask(server, "artifact", "show", runs[1], "notes", code=3)
    assert "no artifacts" in ask(server, "artifact", "list", model.model_id)
    assert "no logged model" in ask(server, "artifact", "list", "m-" + "0" * 32, code=3)

    def search(*arguments):
        found = json.loads(ask(server, "artifact", "search", *arguments, "--json"))["files"]
        return [(f["run_id"], f["path"]) for f in found]

    assert search("*.txt") == [(runs[1], "notes/escape.txt"), (runs[0], "notes/a.txt")]
    assert search("*.txt", "--filter", "params.depth = '0'") == [(runs[0], "notes/a.txt")]
    assert search("model/*") == search("**/MLmodel.*", "--experiment", "flights") == [(runs[1], "model/MLmodel.json")]
    assert search("*/*") == search("**") and search("*/MLmodel") == [] == search("model", "--experiment", "other")
    assert "there are more" in ask(server, "artifact", "search", "*", "--limit", "1")


def test_artifacts_are_compared(tracked, tmp_path):
    server, client, runs = tracked
    for run, files in [(runs[0], {"m/same": "1", "m/changed": "1", "m/size": "1", "m/gone": "1"}),
                       (runs[1], {"m/same": "1", "m/changed": "2", "m/size": "12", "m/new": "1"})]:
        for path, text in files.items():
            client.log_text(run, text, path)
    document = json.loads(ask(server, "artifact", "compare", runs[0], runs[1], "--json"))
    assert document == {"a": runs[0], "b": runs[1], "added": ["m/new"], "removed": ["m/gone"],
                        "changed": ["m/changed", "m/size"], "same": ["m/same"]}
    text = ask(server, "artifact", "compare", f"{runs[0]}/m", f"{runs[1]}/m")
    assert "1 added, 1 removed, 2 changed, 1 the same" in text and "m/" not in text.split("\n", 2)[2]
    ask(server, "artifact", "export", runs[0], "m", "--to", tmp_path)
    document = json.loads(ask(server, "artifact", "compare", f"{runs[0]}/m", tmp_path / "m", "--json"))
    assert document["same"] == ["changed", "gone", "same", "size"] and not document["changed"]
    (tmp_path / "m" / "gone").write_text("2")
    assert "changed  gone" in ask(server, "artifact", "compare", tmp_path / "m", f"{runs[0]}/m")


def test_experiments_are_compared_and_exported(tracked, tmp_path):
    server, client, runs = tracked
    other = client.get_experiment_by_name("other").experiment_id
    run = client.create_run(other).info.run_id
    client.log_metric(run, "auc", 0.9)
    client.log_param(run, "same", "x")
    client.set_terminated(run, "FAILED")
    document = json.loads(ask(server, "experiment", "compare", "flights", other, "--json"))
    flights = document["experiments"][0]
    assert flights["runs"] == 3 and flights["statuses"] == {"running": 3} and flights["params"]["depth"] == ["0", "1", "2"]
    assert flights["metrics"]["auc"] == {"runs": 3, "max": {"value": 0.75, "run_id": runs[2]},
                                         "min": {"value": 0.5, "run_id": runs[0]}}
    differ = {d["key"]: (d.get("a"), d.get("b")) for d in document["differ"]}
    assert differ["metrics.auc max"] == ("0.75", "0.9") and differ["params.depth"] == ("0, 1, 2", None)
    assert "params.same" in {s["key"] for s in document["same"]}
    text = ask(server, "experiment", "compare", "flights", "other")
    assert "+0.15" in text and "params.same" not in text and "metrics.auc max" in text
    some = json.loads(ask(server, "experiment", "compare", "flights", other, "--filter", "metrics.auc > 0.6", "--json"))
    assert [e["runs"] for e in some["experiments"]] == [2, 1]
    ask(server, "experiment", "export", "--to", tmp_path / "e.csv")
    frame = pandas.read_csv(tmp_path / "e.csv", dtype={"experiment_id": str})
    there = {e.experiment_id: e for e in client.search_experiments()}
    assert set(frame["experiment_id"]) == set(there)
    for row in frame.itertuples():
        assert (row.name, row.creation_time, row.artifact_location) == (
            there[row.experiment_id].name, there[row.experiment_id].creation_time, there[row.experiment_id].artifact_location)
    assert frame.set_index("name")["tags.team"]["flights"] == "a"


def test_exports_are_what_a_client_sees(tracked, tmp_path):
    server, client, runs = tracked
    with ThreadPoolExecutor(8) as pool:  # more than one page, columns that come late
        list(pool.map(lambda i: client.log_batch(client.create_run("2", run_name=f'"{i}",\n').info.run_id,
                                                 metrics=[Metric(f"m{i % 7}", i / 3, i, 0)],
                                                 params=[Param(f"p{i % 5}", f"ü {i}")]), range(1100)))
    client.log_batch(runs[1], metrics=[Metric("big", 1e308, 1, 0), Metric("tiny", 5e-324, 1, 0)])
    seen = {r.info.run_id: r for r in pages(client.search_runs, experiment_ids=["1", "2"], max_results=500)}
    for ending, read in [("csv", lambda p: pandas.read_csv(p, dtype={"experiment_id": str, "params.depth": str})),
                         ("jsonl", lambda p: pandas.DataFrame(map(json.loads, open(p)))),
                         ("parquet", lambda p: pyarrow.parquet.read_table(p).to_pandas())]:
        path = tmp_path / f"runs.{ending}"
        told = json.loads(ask(server, "run", "export", "--to", path, "--json"))
        frame = read(path)
        assert told == {"file": str(path), "rows": 1103, "columns": len(frame.columns)} and len(frame) == 1103
        for row in frame.to_dict("records"):
            run = seen[row["run_id"]]
            assert (row["run_name"], row["experiment_id"], row["start_time"]) == (
                run.info.run_name, run.info.experiment_id, run.info.start_time)
            for prefix, data in [("metrics.", run.data.metrics), ("params.", run.data.params), ("tags.", run.data.tags)]:
                there = {k.removeprefix(prefix): v for k, v in row.items() if k.startswith(prefix) and not pandas.isna(v)}
                assert there == {k: v for k, v in data.items() if v == v}, (ending, row)
    with pytest.raises(AssertionError, match="--force"):
        ask(server, "run", "export", "--to", tmp_path / "runs.csv")
    ask(server, "run", "export", runs[0], "--to", tmp_path / "runs.csv", "--force")
    assert len(pandas.read_csv(tmp_path / "runs.csv")) == 1
    lines = ask(server, "run", "export", runs[0], "--format", "jsonl")
    assert json.loads(lines)["params.depth"] == "0"
    assert "--to" in ask(server, "run", "export", "--json", code=2)
    assert ".parquet" in ask(server, "run", "export", "--to", tmp_path / "x.txt", code=2)


def test_histories_are_exported_as_they_were_logged(tracked, tmp_path):
    server, client, runs = tracked
    for start in range(0, 30_000, 1000):  # more than one page of a history
        client.log_batch(runs[0], metrics=[Metric("long", i / 7, i, i) for i in range(start, start + 1000)])
    for name in ["points.parquet", "points.csv", "points.jsonl"]:
        ask(server, "run", "export", *runs, "--metrics", "--to", tmp_path / name)
    whole = pandas.read_parquet(tmp_path / "points.parquet")
    assert pandas.read_csv(tmp_path / "points.csv").astype(whole.dtypes).equals(whole)
    assert pandas.DataFrame(map(json.loads, open(tmp_path / "points.jsonl"))).astype(whole.dtypes).equals(whole)
    for run in runs:
        for key in client.get_run(run).data.metrics:
            points = whole[(whole["run_id"] == run) & (whole["metric"] == key)]
            there = [(m.step, m.timestamp, m.value) for m in client.get_metric_history(run, key)]
            here = list(zip(points["step"], points["timestamp"], points["value"]))
            assert str(here) == str(there), (run, key)


def open_files(pid):
    names = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except FileNotFoundError:  # closed meanwhile
            pass
    return names


def test_an_export_that_is_killed_or_fails_leaves_no_file(tracked, tmp_path):
    server, client, runs = tracked
    for start in range(0, 100_000, 1000):
        client.log_batch(runs[0], metrics=[Metric("long", i / 7, i, i) for i in range(start, start + 1000)])
    to = tmp_path / "out"
    to.mkdir()
    command = ["fettle", "run", "export", runs[0], "--metrics", "--server", server.control]
    running = subprocess.Popen([*command, "--to", to / "killed.csv"])
    while running.poll() is None:  # until it has the file open, which has no name yet
        if any(str(to) in name for name in open_files(running.pid)):
            break
    assert running.poll() is None, "it ended before it was killed"
    running.kill()
    running.wait()
    assert os.listdir(to) == []
    full = subprocess.run(["bash", "-c", 'ulimit -f 16; exec "$@"', "_", *command, "--to", to / "full.csv"],
                          capture_output=True, text=True)
    assert full.returncode != 0 and "full.csv" in full.stderr and os.listdir(to) == []
    with open("/dev/full", "w") as nowhere:
        failed = subprocess.run(command, stdout=nowhere, stderr=subprocess.PIPE, text=True)
    assert failed.returncode != 0 and "standard output" in failed.stderr


def test_models_are_searched_compared_and_exported(tracked, tmp_path):
    server, client, runs = tracked
    client.create_registered_model("late flights", tags={"team": "a"})
    client.create_registered_model("it's")
    for i, run in enumerate(runs):
        infos = [{"name": "hour", "type": "double"}] + [{"name": "extra", "type": "long"}] * (i == 1)
        client.log_text(run, "signature:\n  inputs: '" + json.dumps(infos) + "'\n", "model/MLmodel")
        client.create_model_version("late flights", f"{client.get_run(run).info.artifact_uri}/model", run, tags={"n": str(i)})
    client.create_model_version("it's", f"{client.get_run(runs[0]).info.artifact_uri}/model", runs[0])
    client.set_registered_model_alias("late flights", "champion", 1)
    found = json.loads(ask(server, "model", "search", "tags.team = 'a'", "--json"))
    assert [m["name"] for m in found["registered_models"]] == ["late flights"]
    assert "'late flights'" in ask(server, "model", "show", "flights", code=3)
    document = json.loads(ask(server, "model", "compare", "late flights@champion", "late flights/2", "--json"))
    differ = {d["key"]: (d.get("a"), d.get("b")) for d in document["differ"]}
    assert differ["signature.inputs.extra"] == (None, "long") and differ["metrics.auc"] == ("0.5", "0.625")
    assert differ["params.depth"] == ("0", "1") and differ["aliases"] == ("champion", None)
    assert differ["data.flights"] == ("d0", "d1") and differ["run"] == (runs[0], runs[1])
    assert "signature.inputs.hour" in {s["key"] for s in document["same"]}
    assert "+0.125" in ask(server, "model", "compare", "late flights@champion", "late flights/2")
    assert "NUMBER" in ask(server, "model", "compare", "late flights", "late flights/2", code=2)
    ask(server, "model", "export", "--to", tmp_path / "v.parquet")
    frame = pandas.read_parquet(tmp_path / "v.parquet")
    versions = {(v.name, int(v.version)): v for v in client.search_model_versions()}
    assert set(zip(frame["name"], frame["version"])) == set(versions) and len(frame) == 4
    for row in frame.to_dict("records"):
        version = versions[row["name"], row["version"]]
        assert (row["run_id"], row["source"], row["creation_timestamp"]) == (
            version.run_id, version.source, version.creation_timestamp)
    assert frame[frame["version"] == 3]["tags.n"].tolist() == ["2"]
    rows = list(csv.DictReader(io.StringIO(ask(server, "model", "export", "it's"))))
    assert [r["run_id"] for r in rows] == [runs[0]]


def on_terminal(columns, *command):
    """What a command writes to a terminal of that width."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    running = subprocess.Popen(command, stdout=child, stderr=child)
    os.close(child)
    out = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # the end of a terminal
            break
        if not piece:
            break
        out += piece
    os.close(parent)
    assert running.wait() == 0, out
    return out.decode()


def test_tables_fit_the_terminal_and_histories_are_drawn(tracked):
    server, client, runs = tracked
    client.log_batch(runs[0], metrics=[Metric("loss", v, 1, s) for s, v in enumerate([8, 7, 6, 5, 4, 3, 2, math.nan, 1])])
    client.set_tag(runs[0], "evil", "\x1b]0;title\x07 " + "x" * 200)
    for columns in [60, 100]:
        text = on_terminal(columns, "fettle", "run", "show", runs[0], "--server", server.control)
        table = text.split("tags", 1)[1].splitlines()[1:]
        assert all(len(line) <= columns for line in table) and any("…" in line for line in table)
        assert "\x1b]0" not in text and "\x07" not in text
    assert "█▇▆▅▄▃▂·▁" in ask(server, "run", "show", runs[0])
    assert "x" * 200 in ask(server, "run", "show", runs[0]), "what is no terminal gets all of it"
    assert "▁" in ask(server, "run", "compare", runs[0], runs[1])
    assert "Parquet is not for a terminal" in on_terminal_failing("fettle", "run", "export", "--format", "parquet",
                                                                  "--server", server.control)


def on_terminal_failing(*command):
    parent, child = pty.openpty()
    done = subprocess.run(command, stdout=child, stderr=subprocess.PIPE, text=True)
    os.close(child)
    os.close(parent)
    assert done.returncode == 2
    return done.stderr


def test_every_verb_completes_and_has_json(tracked):
    for noun, verbs in {"experiment": "list search show compare export", "run": "list search show compare export",
                        "model": "list search show compare export",
                        "artifact": "list search show compare export put"}.items():
        words = fettle("_complete", "--", noun).split()
        for verb in verbs.split():
            assert verb in words
            assert {"--json", "--server"} <= set(fettle("_complete", "--", noun, verb).split()), (noun, verb)
