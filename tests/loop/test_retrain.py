"""Retrainings and kill -9: what a dead server left running never runs beside the next one."""
import os
import pathlib
import random
import shutil
import subprocess
import time
import datetime as dt

import bundles
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "examples/flights"
AIRPORTS = ["AAA", "BBB", "CCC"]
DAY = 86_400_000
MONDAY = 986_169_600_000  # 2001-04-02
# Writes its process's id and its child's, then stays until it is ended.
COMMAND = ["sh", "-c", "echo $$ >> pids; sh -c 'echo $$ >> pids; exec sleep 1000' & wait"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """A bundle with a profile.json: trained and evaluated by Fettle's own steps on made-up flights."""
    project = tmp_path_factory.mktemp("watched") / "flights"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("sample", "data", "work", ".fettle", "fettle.lock"))
    rng = random.Random(1)
    begin = dt.datetime(2001, 1, 1)
    rows = {"date": [], "delay": [], "distance": [], "origin": [], "destination": []}
    for i in range(20_000):
        origin, destination = rng.sample(AIRPORTS, 2)
        rows["date"].append(begin + dt.timedelta(minutes=i * 90 * 24 * 60 // 20_000))
        rows["delay"].append(30 if rng.random() < 0.2 + 0.3 * (origin == "AAA") else 0)
        rows["distance"].append(100 * (1 + abs(AIRPORTS.index(origin) - AIRPORTS.index(destination))))
        rows["origin"].append(origin)
        rows["destination"].append(destination)
    (project / "data/flights").mkdir(parents=True)
    pq.write_table(pa.table(rows), project / "data/flights/made-up.parquet")
    subprocess.run(["fettle", "pipeline", "run", "evaluate", "--no-record", "--set", "rounds=5"], cwd=project, check=True,
                   capture_output=True, timeout=240)
    folder = project / "bundle"
    shutil.copytree(project / "work/model", folder)
    shutil.copy(project / "work/profile.json", folder)
    bundles.seal(folder, "flights")
    return folder


def send_day(api, day: int, factor: int):
    """600 flights of one day; their distance is wrong by `factor`."""
    rng = random.Random(day)
    pairs = [rng.sample(AIRPORTS, 2) for _ in range(600)]
    columns = {"hour": ("INT64", [i % 24 for i in range(600)]), "weekday": ("INT64", [day % 7] * 600),
               "distance": ("INT64", [factor * 100 * (1 + abs(AIRPORTS.index(a) - AIRPORTS.index(b))) for a, b in pairs]),
               "origin": ("BYTES", [a for a, _ in pairs]), "destination": ("BYTES", [b for _, b in pairs]),
               "fettle.time_ms": ("INT64", [MONDAY + day * DAY + i * 1000 for i in range(600)])}
    answer = api.session.post(f"{api.server.predict}/v2/models/flights/infer", timeout=30, json={
        "id": f"day{day}", "inputs": [{"name": n, "datatype": t, "shape": [600], "data": d} for n, (t, d) in columns.items()]})
    assert answer.status_code == 200, answer.text


def lives(pid: int) -> bool:
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_for_pids(path: pathlib.Path, count: int) -> list[int]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        words = path.read_text().split() if path.exists() else []
        if len(words) >= count:
            return [int(word) for word in words]
        time.sleep(0.005)
    raise AssertionError(f"only {words} started")


def test_a_killed_servers_retraining_is_ended_before_the_next_one_starts(start_server, rest, watched, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    api = rest(start_server())
    api.put("/projects/flights", {"endpoint": "flights", "folder": str(project),
                                  "retrain": {"command": COMMAND, "on": ["data_quality"]}})
    api.place(watched, 1)
    send_day(api, 0, factor=1)
    send_day(api, 1, factor=10)
    send_day(api, 2, factor=1)
    api.post("/settle")
    first = wait_for_pids(project / "pids", 2)
    endpoint = api.get("/endpoints/flights")
    assert endpoint["state"] in ("watch", "broken") and "retraining on data up to 2001-04-04" in endpoint["doing"]
    api.server.kill()
    assert all(map(lives, first)), "nobody ended them"

    api = rest(start_server())
    assert not any(map(lives, first)), "they are gone before anything else may start"
    api.post("/settle")
    both = wait_for_pids(project / "pids", 4)
    retrains = api.get("/retrains")["retrains"]
    assert [r["state"] for r in retrains] == ["running", "failed"]
    assert "its processes were ended" in retrains[1]["output"] and retrains[1]["exit_code"] == -1
    assert all(map(lives, both[2:]))
    assert api.server.stop() == 0
    assert not any(map(lives, both)), "a server that stops ends what it started"


def test_other_servers_retrainings_are_left_alone(start_server, rest, watched, tmp_path):
    """Only what has this retraining's own mark is ended, whatever else looks like it."""
    stranger = subprocess.Popen(["sleep", "1000"], env={**os.environ, "FETTLE_RETRAIN": "abc.1"})
    try:
        project = tmp_path / "project"
        project.mkdir()
        api = rest(start_server())
        api.put("/projects/flights", {"endpoint": "flights", "folder": str(project),
                                      "retrain": {"command": COMMAND, "on": ["data_quality"]}})
        api.place(watched, 1)
        send_day(api, 0, factor=10)
        send_day(api, 1, factor=1)
        api.post("/settle")
        first = wait_for_pids(project / "pids", 2)
        api.server.kill()
        again = start_server()
        assert not any(map(lives, first)) and lives(stranger.pid)
        assert again.stop() == 0  # it ends the retraining that it started itself
    finally:
        stranger.kill()
        stranger.wait()


def test_a_retraining_has_a_token_of_its_own_that_ends_with_it(start_server, rest, watched, tmp_path, monkeypatch):
    monkeypatch.setenv("FETTLE_ADMIN_PASSWORD", "admin's password")
    for name in ("FETTLE_TOKEN", "MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME"):
        monkeypatch.delenv(name, raising=False)
    project = tmp_path / "project"
    project.mkdir()
    api = rest(start_server("--access-control"))
    api.session.auth = ("admin", "admin's password")
    command = ["sh", "-c", "echo $FETTLE_TOKEN > token; fettle status --json > status; fettle user list > users; echo $? > code"]
    api.put("/projects/flights", {"endpoint": "flights", "folder": str(project),
                                  "retrain": {"command": command, "on": ["data_quality"]}})
    api.place(watched, 1)
    for day, factor in ((0, 1), (1, 10), (2, 1)):
        send_day(api, day, factor)
    api.post("/settle")
    deadline = time.monotonic() + 30
    while api.get("/retrains")["retrains"][0]["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "flights" in (project / "status").read_text()
    assert (project / "code").read_text() == "7\n"  # permission denied: it is no admin
    token = (project / "token").read_text().strip()
    assert token.startswith("fettle_")
    gone = requests.get(api.server.control + "/api/fettle/v1/status", headers={"Authorization": f"Bearer {token}"}, timeout=20)
    assert gone.status_code == 401
