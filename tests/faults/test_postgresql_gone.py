"""PostgreSQL goes away under a server, in every way that it can: 503 with Retry-After on every route, then all is well again."""
import json
import subprocess

import pytest
import requests

MLFLOW, OWN = "/api/2.0/mlflow/", "/api/fettle/v1/"
ADMIN = ("admin", "admin's password")
ADDRESS = "https://example.org/hook"
WEBHOOK = {"name": "w{n}", "url": ADDRESS, "events": ["model_version.created"], "description": "", "secret": "", "active": False}
READS = [MLFLOW + path for path in (
    "experiments/get?experiment_id=0", "experiments/search?max_results=5", "runs/get?run_id={run}",
    "metrics/get-history?run_id={run}&metric_key=m", "metrics/get-history-bulk-interval?run_ids={run}&metric_key=m&max_results=5",
    "artifacts/list?run_id={run}", "registered-models/get?name=m", "registered-models/search?max_results=5",
    "registered-models/alias?name=m&alias=a", "model-versions/get?name=m&version=1", "model-versions/search?max_results=5",
    "webhooks", "logged-models/{model}")] + [OWN + path for path in (
    "audit", "webhooks", "webhooks/{webhook}", "webhooks/{webhook}/deliveries", "alias-protections", "alias-requests",
    "models/m/alias-changes", "models/m/versions/1/lineage", "endpoints", "rollouts", "verdicts", "alerts")] + [
    "/api/2.0/mlflow-artifacts/artifacts?path=x", "/api/2.0/mlflow-artifacts/artifacts/none.txt"]
WRITES = [("POST", MLFLOW + path, body) for path, body in {
    "experiments/create": {"name": "new {n}"}, "experiments/set-experiment-tag": {"experiment_id": "0", "key": "k", "value": "v"},
    "runs/create": {"experiment_id": "0"}, "runs/update": {"run_id": "{run}", "status": "FINISHED"},
    "runs/log-metric": {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1},
    "runs/log-parameter": {"run_id": "{run}", "key": "p", "value": "1"}, "runs/set-tag": {"run_id": "{run}", "key": "t", "value": "1"},
    "runs/log-batch": {"run_id": "{run}", "params": [{"key": "q", "value": "1"}]},
    "runs/search": {"experiment_ids": ["0"], "filter": "metrics.m > 0"}, "logged-models": {"experiment_id": "0", "name": "new"},
    "registered-models/create": {"name": "new {n}"}, "model-versions/create": {"name": "m", "source": "mlflow-artifacts:/s"},
    "registered-models/alias": {"name": "m", "alias": "b", "version": "1"},
    "webhooks": {"name": "new", "url": ADDRESS, "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}]},
    "users/create": {"username": "u{n}", "password": "a long password"}}.items()] + [
    ("PUT", OWN + "models/m/aliases/a", {"version": 2, "reason": "because"}),
    ("PUT", OWN + "alias-protections", {"model": "*", "alias": "x{n}", "actor": ""}),
    ("POST", OWN + "webhooks", WEBHOOK),
    ("PATCH", OWN + "webhooks/{webhook}", {"description": "n"}),
    ("PUT", OWN + "grants", {"subject": "@everyone", "role": "reader", "kind": "model", "on": "x*", "exact": False}),
    ("POST", OWN + "tokens", {"name": "t"}), ("POST", OWN + "users", {"name": "v{n}", "password": "a long password"}),
    ("POST", OWN + "backups", {}), ("POST", OWN + "import/marks", {"kind": "run", "ids": ["x"]}),
    ("PUT", "/api/2.0/mlflow-artifacts/artifacts/a/file.txt", {"any": "body"})]


class Asked:
    """A server with access control, and one who asks it."""

    def __init__(self, server):
        self.server, self.count, self.words = server, 0, {}
        self.session = requests.Session()
        self.session.auth = ADMIN
        self.words["run"] = self.made(MLFLOW + "runs/create", {"experiment_id": "0"})["run"]["info"]["run_id"]
        self.made(MLFLOW + "runs/log-metric", {"run_id": "{run}", "key": "m", "value": 1, "timestamp": 1})
        self.words["model"] = self.made(MLFLOW + "logged-models", {"experiment_id": "0"})["model"]["info"]["model_id"]
        self.made(MLFLOW + "registered-models/create", {"name": "m"})
        for _ in range(2):
            self.made(MLFLOW + "model-versions/create", {"name": "m", "source": "mlflow-artifacts:/s"})
        self.made(MLFLOW + "registered-models/alias", {"name": "m", "alias": "a", "version": "1"})
        self.words["webhook"] = self.made(OWN + "webhooks", WEBHOOK)["id"]

    def ask(self, method, path, body=None):
        self.count += 1
        text = json.dumps(body)
        for name, value in {**self.words, "n": str(self.count)}.items():
            path, text = path.replace("{%s}" % name, value), text.replace("{%s}" % name, value)
        return self.session.request(method, self.server.control + path, data=None if body is None else text, timeout=120,
                                    headers={"Content-Type": "application/json"})

    def made(self, path, body):
        answer = self.ask("POST", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self):
        for path in READS:
            yield f"GET {path}", self.ask("GET", path)
        for method, path, body in WRITES:
            yield f"{method} {path}", self.ask(method, path, body)


def assert_gone(asked):
    wrong = [(what, answer.status_code, answer.text) for what, answer in asked.all()
             if answer.status_code != 503 or answer.headers.get("Retry-After") not in ("1", "2")]
    assert not wrong


def assert_well(asked):
    wrong = [(what, answer.status_code, answer.text) for what, answer in asked.all()
             if answer.status_code != 200 and not what.endswith("none.txt")]
    assert not wrong
    assert asked.server.process.poll() is None


@pytest.fixture
def asked(start_server, monkeypatch):
    monkeypatch.setenv("FETTLE_TEST_STORE", "postgresql")
    monkeypatch.setenv("FETTLE_ADMIN_PASSWORD", ADMIN[1])
    return Asked(start_server("--access-control"))


def cut_connections(postgresql, server):
    ended = postgresql.sql("postgres", "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE "
                                       f"application_name LIKE 'fettle on %process {server.process.pid}'")
    assert int(ended) >= 2


def test_stopped_and_started_again(asked, postgresql):
    assert_well(asked)
    postgresql.crash()
    try:
        assert_gone(asked)
        assert requests.get(asked.server.control + "/health", timeout=20).status_code == 200
    finally:
        postgresql.start()
    assert_well(asked)


def test_connections_that_were_cut_while_idle_are_not_noticed(asked, postgresql):
    assert_well(asked)
    cut_connections(postgresql, asked.server)
    assert_well(asked)


def test_another_who_took_the_lock_meanwhile(asked, postgresql):
    """Writes wait for it, and go on when it is free; reads do not care."""
    server = asked.server
    database = postgresql.sql("postgres", "SELECT datname FROM pg_stat_activity WHERE application_name LIKE "
                                          f"'fettle on %process {server.process.pid}' LIMIT 1").strip()
    key = postgresql.sql(database, "SELECT classid || ',' || objid::bigint::bit(32)::int FROM pg_locks "
                                   "WHERE locktype = 'advisory' AND granted").strip()
    postgresql.sql("postgres", f"ALTER DATABASE {database} ALLOW_CONNECTIONS false")
    cut_connections(postgresql, server)
    assert_gone(asked)
    other = subprocess.Popen(["psql", "-h", postgresql.folder, "-U", "fettle", "-qXAt", "-d", "postgres"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    other.stdin.write(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true;\n\\c {database}\nSELECT 'has' || pg_advisory_lock({key});\n")
    other.stdin.flush()
    while "has" not in other.stdout.readline():
        assert other.poll() is None
    tag = ("POST", MLFLOW + "runs/set-tag", {"run_id": "{run}", "key": "t", "value": "2"})
    refused = asked.ask(*tag)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "in use by another server" in refused.text
    assert asked.ask("GET", MLFLOW + "runs/get?run_id={run}").status_code == 200
    other.stdin.close()
    assert other.wait(timeout=30) == 0
    assert_well(asked)
