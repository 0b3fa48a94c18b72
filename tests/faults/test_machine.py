"""Limits, permissions, damage: commands and servers that meet a bad machine say so in one line and leave nothing."""
import json
import os
import pathlib
import resource
import subprocess
import time
import types

import pandas
import pytest
import requests

API = "/api/fettle/v1"
WITHOUT = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
PROJECT = """project: p
pipeline:
  small: {command: "mkdir -p work && head -c 1000 /dev/zero > work/small", outs: [work/small]}
  big: {command: "cat work/small big > work/big", deps: [work/small, big], outs: [work/big]}
"""


def fettle(*words, cwd=None, before=(), **more):
    return subprocess.run([*before, "fettle", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60, **more)


def files(folder: pathlib.Path):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "lock")


def one_line(done) -> str:
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def limit_file_size():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def make_project(folder: pathlib.Path) -> pathlib.Path:
    folder.mkdir()
    (folder / "fettle.yaml").write_text(PROJECT)
    (folder / "big").write_bytes(os.urandom(3 << 20))
    return folder


def test_a_limit_on_files_is_told_like_a_full_disk(tmp_path):
    project = make_project(tmp_path / "p")
    before = files(project)
    refused = fettle("data", "add", "big", project / "big", cwd=project, preexec_fn=limit_file_size)
    assert refused.returncode == 9 and "File too large" in one_line(refused)
    assert files(project) == before


def test_a_server_with_a_limit_on_files_refuses_what_is_too_large_and_lives(start_server, tmp_path):
    server = start_server()
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    refused = requests.put(f"{server.control}{API}/blobs/{'0' * 64}", data=os.urandom(3 << 20), timeout=30)
    assert refused.status_code == 503 and refused.headers["Retry-After"] and refused.json()["error"], refused.text
    assert requests.get(server.control + "/health").status_code == 200
    assert files(server.data / "spool") == [] and files(server.data / "blobs") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_pipeline_on_a_full_disk_keeps_what_was_done(tmp_path):
    project = make_project(tmp_path / "p")
    script = (f"mount -t tmpfs -o size=4m none {project}/.fettle 2>/dev/null || exit 99; fettle pipeline run --no-record; "
              "echo code $?; cat fettle.lock; find .fettle -type f")
    (project / ".fettle").mkdir()
    done = subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f"dd if=/dev/zero of=/dev/null count=1; {script}"],
                          cwd=project, capture_output=True, text=True, timeout=60)
    assert "code 0" in done.stdout, done.stderr  # 3 MB and its small brother fit into 4 MB
    (project / "big").write_bytes(os.urandom(5 << 20))
    done = subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", script], cwd=project,
                          capture_output=True, text=True, timeout=60)
    assert "code 9" in done.stdout and "No space left" in done.stderr, done.stdout + done.stderr
    left = [line for line in done.stdout.splitlines() if "incoming" in line or line.endswith(".XXXXXX")]
    assert left == [], "no part of an object is left"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up a capability of root")
def test_what_may_not_be_read_is_named(tmp_path):
    project = make_project(tmp_path / "p")
    (project / "big").chmod(0)
    refused = fettle("data", "add", "big", project / "big", cwd=project, before=WITHOUT)
    assert refused.returncode == 7 and "big" in one_line(refused)
    refused = fettle("pipeline", "run", "--no-record", cwd=project, before=WITHOUT)
    assert refused.returncode == 7 and "big" in refused.stderr
    (project / "fettle.yaml").chmod(0)
    refused = fettle("pipeline", "run", "--no-record", cwd=project, before=WITHOUT)
    assert refused.returncode == 7 and "fettle.yaml" in one_line(refused)
    lock = (project / "fettle.lock").read_text()
    assert "work/small" in lock and "work/big" not in lock, "what was done is kept, nothing else"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives up a capability of root")
def test_a_project_that_may_not_be_written_is_named(tmp_path):
    project = make_project(tmp_path / "p")
    before = files(project)
    project.chmod(0o500)
    refused = fettle("pipeline", "run", "--no-record", cwd=project, before=WITHOUT)
    assert refused.returncode == 7 and str(project) in one_line(refused)
    assert files(project) == before


@pytest.mark.parametrize("begin", [16, 4096])
def test_damaged_pages_of_the_database_are_said_and_left_alone(start_server, tmp_path, begin):
    server = start_server()
    for _ in range(50):
        assert requests.post(server.control + "/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}).status_code == 200
    assert server.stop() == 0
    database = server.data / "fettle.db"
    whole = database.read_bytes()
    database.write_bytes(whole[:begin] + os.urandom(len(whole) - begin))
    damaged = database.read_bytes()
    refused = fettle("server", "--data", server.data, "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc",
                     "127.0.0.1:0", "--ready-file", tmp_path / "second.json")
    assert refused.returncode == 12, refused.stderr
    assert "fettle.db" in refused.stderr and not (tmp_path / "second.json").exists()
    assert database.read_bytes() == damaged
    database.write_bytes(whole)
    assert start_server().stop() == 0


def test_a_damaged_tail_of_the_event_log_costs_that_tail_only(start_server, rest, models, flights):
    api = rest(start_server())
    api.place(models / "first", 1)
    frame = flights(5, seed=4).assign(origin=lambda f: f["origin"].astype(str))
    for number in range(10):
        assert api.infer(frame, f"r{number}", time_ms=986169600000).status_code == 200
    api.post("/settle")
    api.server.kill()
    for segment in sorted((api.server.data / "events").glob("*.events")):
        data = segment.read_bytes()
        if b"r9:4" in data:
            segment.write_bytes(data[:-40] + os.urandom(40))
    api = rest(start_server())
    api.post("/settle")
    assert api.get("/endpoints/flights")["predictions"] in range(40, 50)
    api.get("/predictions/r0:0")
    api.get("/predictions/r9:4", status=404)


def start_on_small_disk(disk: pathlib.Path, ready: pathlib.Path):
    ready.unlink(missing_ok=True)
    server = subprocess.Popen(
        ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f"mount -t tmpfs -o size=16m none {disk} && exec fettle server "
         f"--data {disk}/data --control 127.0.0.1:0 --predict 127.0.0.1:0 --grpc 127.0.0.1:0 --ready-file {ready}"],
        stderr=subprocess.DEVNULL)
    while not ready.exists():
        assert server.poll() is None
        time.sleep(0.002)
    return server


def fill(path: pathlib.Path):
    with pytest.raises(OSError):
        with open(path, "wb", buffering=0) as file:
            for _ in range(4096):
                file.write(bytes(16 << 10))


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_on_a_full_disk_predictions_are_answered_and_no_outcome_is_promised(rest, models, flights, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    process = start_on_small_disk(disk, tmp_path / "ready.json")
    try:
        addresses = json.loads((tmp_path / "ready.json").read_text())
        api = rest(types.SimpleNamespace(**addresses))
        api.place(models / "first", 1)
        frame = flights(100, seed=4).assign(origin=lambda f: f["origin"].astype(str))
        when = 986169600000
        assert api.infer(frame, "before", time_ms=when).status_code == 200
        api.post("/settle")
        view = pathlib.Path(f"/proc/{process.pid}/root{disk}")  # the server's own view of that folder
        fill(view / "ballast")
        promised = []
        for number in range(300):  # far more than what may be left in the last pages
            assert api.infer(frame, f"r{number}", time_ms=when).status_code == 200, "a full disk does not stop answers"
            answer = api.outcomes([f"before:{row}" for row in range(100)], [0] * 100)
            assert answer.status_code in (200, 429, 503), answer.text
            promised.append(answer.status_code)
        assert promised[-1] != 200 and "error" in answer.json()
        health = requests.get(addresses["control"] + "/health", timeout=10)
        assert health.status_code == 200
        (view / "ballast").unlink()
        assert api.outcomes([f"before:{row}" for row in range(100)], [1] * 100).status_code == 200, "no restart is needed"
        api.post("/settle")
        assert api.get("/endpoints/flights")["outcomes"] == 100
    finally:
        process.kill()
        process.wait()


def replay(server, file):
    return fettle("endpoint", "replay", "flights", file, "--time", "date", "--label-column", "late", "--predict", server.predict,
                  "--server", server.control)


def test_traffic_that_cannot_be_read_is_named(start_server, rest, models, flights, tmp_path):
    api = rest(start_server())
    api.place(models / "first", 1)
    whole = tmp_path / "whole.parquet"
    flights(500, seed=4).assign(date=pandas.Timestamp("2001-04-02")).to_parquet(whole)
    half = tmp_path / "half.parquet"
    half.write_bytes(whole.read_bytes()[:whole.stat().st_size // 2])
    refused = replay(api.server, half)
    assert refused.returncode == 12 and "half.parquet" in one_line(refused)
    refused = replay(api.server, tmp_path / "missing.parquet")
    assert refused.returncode == 3 and "missing.parquet" in one_line(refused)
    assert api.get("/endpoints/flights")["predictions"] == 0


def test_commands_without_a_project_or_with_unknown_names(start_server, tmp_path):
    server = start_server()
    at = ("--server", server.control)
    for words, code, said in ((("apply", "--project", tmp_path), 3, "fettle.yaml"),
                              (("rollout", "start", "nobody", "--version", "1", *at), 3, "nobody"),
                              (("rollout", "promote", "nobody", *at), 3, "nobody"),
                              (("rollout", "hold", "nobody", *at), 3, "nobody"),
                              (("model", "show", "nobody", *at), 3, "nobody"),
                              (("run", "show", "nobody", *at), 3, "nobody"),
                              (("data", "show", "nobody", "--project", tmp_path), 3, ""),
                              (("pipeline", "run", "nobody", "--project", make_project(tmp_path / "p"), "--no-record"), 3, "nobody")):
        refused = fettle(*words)
        assert refused.returncode == code, (words, refused.stderr)
        assert said in one_line(refused)


def test_a_ready_file_that_cannot_be_written_stops_the_start(tmp_path):
    refused = fettle("server", "--data", tmp_path / "data", "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc",
                     "127.0.0.1:0", "--ready-file", tmp_path / "no" / "ready.json")
    assert refused.returncode == 3 and "ready.json" in refused.stderr
