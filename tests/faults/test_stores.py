"""Both stores under faults: killed servers, a database that goes away, many clients at once."""
import concurrent.futures
import re
import subprocess
import threading
import time

import pytest
import requests

API = "/api/2.0/mlflow"
BATCH = 5


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, monkeypatch):
    monkeypatch.setenv("FETTLE_TEST_STORE", request.param)
    return request.param


def post(server, path, body, **options):
    return requests.post(f"{server.control}{API}/{path}", json=body, timeout=60, **options)


def new_run(server) -> str:
    return post(server, "runs/create", {"experiment_id": "0"}).json()["run"]["info"]["run_id"]


class Writers:
    """Clients that log batches, each of its own metric, and remember what was acknowledged and what was refused."""

    def __init__(self, server, run: str, count: int):
        self.server, self.run = server, run
        self.acknowledged, self.refused = set(), []
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, number: int):
        session = requests.Session()
        step = 0
        while not self.stopping.is_set():
            key = f"m{number}.{step}"
            points = [{"key": key, "value": i, "timestamp": i, "step": i} for i in range(BATCH)]
            try:
                answer = session.post(f"{self.server.control}{API}/runs/log-batch", timeout=60,
                                      json={"run_id": self.run, "metrics": points})
            except requests.ConnectionError:
                return  # the server was killed
            if answer.status_code == 200:
                self.acknowledged.add(key)
            else:
                self.refused.append((answer.status_code, answer.headers.get("Retry-After"), answer.text))
                time.sleep(0.01)
            step += 1

    def wait_for(self, count: int):
        while len(self.acknowledged) < count:
            assert any(thread.is_alive() for thread in self.threads)
            time.sleep(0.002)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def check_whole(server, writers: Writers):
    """Whatever was acknowledged is there, and no batch is there in part."""
    run = requests.get(f"{server.control}{API}/runs/get", params={"run_id": writers.run}, timeout=60).json()["run"]
    keys = {metric["key"] for metric in run["data"]["metrics"]}
    assert writers.acknowledged <= keys
    for key in keys:
        history = requests.get(f"{server.control}{API}/metrics/get-history", timeout=60,
                               params={"run_id": writers.run, "metric_key": key}).json()["metrics"]
        assert len(history) == BATCH, key


def test_acknowledged_writes_survive_a_killed_server(store, start_server):
    server = start_server()
    run = new_run(server)
    for round_ in range(3):
        writers = Writers(server, run, 16)
        writers.wait_for(40 + 30 * round_)
        server.kill()
        writers.stop()
        server = start_server()  # needs no repair
        check_whole(server, writers)
        assert not writers.refused


def test_a_database_that_crashes_and_comes_back(start_server, monkeypatch, postgresql):
    monkeypatch.setenv("FETTLE_TEST_STORE", "postgresql")
    server = start_server()
    writers = Writers(server, new_run(server), 8)
    for round_ in range(2):
        writers.wait_for(len(writers.acknowledged) + 50)
        postgresql.crash()
        seen = len(writers.refused)
        while len(writers.refused) < seen + 16:
            time.sleep(0.002)
        reading = requests.get(f"{server.control}{API}/runs/get", params={"run_id": writers.run}, timeout=60)
        assert (reading.status_code, reading.headers["Retry-After"]) == (503, "1")
        postgresql.start()
    writers.wait_for(len(writers.acknowledged) + 50)
    writers.stop()
    for status, retry_after, text in writers.refused:
        assert (status, retry_after) == (503, "1"), text
        assert "TEMPORARILY_UNAVAILABLE" in text
    check_whole(server, writers)
    assert server.process.poll() is None


def test_two_hundred_clients_lose_nothing(store, start_server):
    server = start_server()
    run = new_run(server)
    assert post(server, "registered-models/create", {"name": "m"}).status_code == 200

    def client(number: int) -> int:
        with requests.Session() as session:
            def ask(path, body):
                answer = session.post(f"{server.control}{API}/{path}", json=body, timeout=60)
                assert answer.status_code == 200, answer.text
                return answer.json()

            for i in range(3):
                ask("runs/log-parameter", {"run_id": run, "key": f"p{number}.{i}", "value": str(number)})
                ask("runs/set-tag", {"run_id": run, "key": f"t{number}", "value": str(i)})
            return int(ask("model-versions/create", {"name": "m", "source": "mlflow-artifacts:/s"})["model_version"]["version"])

    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        versions = list(pool.map(client, range(200)))
    assert sorted(versions) == list(range(1, 201))
    data = requests.get(f"{server.control}{API}/runs/get", params={"run_id": run}, timeout=60).json()["run"]["data"]
    tags = {tag["key"]: tag["value"] for tag in data["tags"]}
    assert len(data["params"]) == 600 and all(tags[f"t{number}"] == "2" for number in range(200))


def test_a_nul_character_is_refused(store, start_server):
    server = start_server()
    refused = post(server, "runs/set-tag", {"run_id": new_run(server), "key": "k", "value": "a\0b"})
    assert refused.status_code == 400 and refused.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert "NUL" in refused.json()["message"]


def refused_start(data, database: str) -> str:
    done = subprocess.run(["fettle", "server", "--data", str(data), "--control", "127.0.0.1:0", "--predict",
                           "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--database", database],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def test_a_database_that_cannot_be_used_is_named_with_the_next_step(tmp_path, start_server, monkeypatch, postgresql):
    monkeypatch.setenv("FETTLE_TEST_STORE", "postgresql")
    server = start_server()
    where = f"host={postgresql.folder}"
    used = postgresql.sql("postgres", "SELECT datname FROM pg_stat_activity WHERE application_name LIKE 'fettle on %'")
    held = refused_start(tmp_path / "b", f"postgresql://fettle@/{used.split()[0]}?{where}")
    assert re.search(rf"in use by another server \(fettle on \S+, process {server.process.pid}, from ", held)
    assert "createdb" in refused_start(tmp_path / "b", f"postgresql://fettle@/nothing?{where}")
    postgresql.sql("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = f"{postgresql.folder}/data/pg_hba.conf"
    with open(rules) as file:
        before = file.read()
    with open(rules, "w") as file:
        file.write("local all guarded scram-sha-256\n" + before)
    postgresql.sql("postgres", "SELECT pg_reload_conf()")
    wrong = refused_start(tmp_path / "b", f"postgresql://guarded:wr0ng@/postgres?{where}")
    assert "password authentication failed" in wrong and "wr0ng" not in wrong
    for broken in ("postgresql://u:s3cret@word@host/db", "postgresql://u:s3cr/et@host/db", "mysql://u:s3cret@h/d"):
        told = refused_start(tmp_path / "b", broken)
        assert "postgresql://USER@HOST:PORT/NAME" in told and "s3cr" not in told
    postgresql.sql(used.split()[0], "UPDATE fettle_schema SET version = 99 WHERE module = 'tracking'")
    assert server.stop() == 0
    assert "newer version" in refused_start(tmp_path / "b", f"postgresql://fettle@/{used.split()[0]}?{where}")
