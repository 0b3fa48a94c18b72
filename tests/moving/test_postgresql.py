"""`fettle import mlflow postgresql://...`: from a database that MLflow's own server has filled."""
import json
import signal
import subprocess

import pytest
from conftest import MlflowServer, client_of, fettle, fill, see
from test_import import assert_nothing_new, counted, differences, imported


@pytest.fixture(scope="module")
def source(tmp_path_factory, postgresql):
    """MLflow's server on a database of its own; `url` as MLflow was given it."""
    folder = tmp_path_factory.mktemp("mlflow")
    url = postgresql.new_database()
    server = MlflowServer(folder, backend=url.replace("postgresql:", "postgresql+psycopg2:"))
    server.name = url.split("/")[3].split("?")[0]
    client = client_of(server.url)
    server.ids = fill(client, folder)
    server.seen = see(client)
    yield server
    server.stop()


def artifacts_of(source):
    return ["--artifacts-destination", str(source.artifacts)]


def test_all_that_a_client_sees_is_there(start_server, source):
    server = start_server()
    plan = imported(server, source.backend, *artifacts_of(source), "--dry-run")
    assert "nothing was written" in plan
    document = counted(server, source.backend, *artifacts_of(source), "--check")
    assert document["check"]["differing"] == 0 and document["conflicts"] == [], document
    here = see(client_of(server.control))
    assert differences(here, source.seen) == []
    assert len(here["runs"][source.ids["run"]]["history"]["loss"]) == 301
    assert_nothing_new(counted(server, source.backend, *artifacts_of(source)))
    live = counted(server, source.url)  # what MLflow's server says of it
    assert live["run"]["unchanged"] == sum(live["run"].values()) and live["files"] == 0


class Waiting:
    """An import that waits for a table, which somebody has locked."""

    def __init__(self, postgresql, source, server, table):
        self.sql, self.name = postgresql.sql, source.name
        self.holder = subprocess.Popen(["psql", "-h", postgresql.folder, "-U", "fettle", "-d", source.name, "-qX"],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.holder.stdin.write(f"BEGIN; LOCK TABLE {table}; SELECT 'locked';\n")
        self.holder.stdin.flush()
        while "locked" not in self.holder.stdout.readline():
            assert self.holder.poll() is None
        self.process = subprocess.Popen(["fettle", "import", "mlflow", source.backend, *artifacts_of(source), "--server",
                                         server.control], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while self.connections("wait_event_type = 'Lock'") == 0:
            assert self.process.poll() is None, self.process.stderr.read()

    def connections(self, such):
        return int(self.sql("postgres", f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}' AND {such}"))

    def cut_off(self):
        self.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE "
                             f"'fettle on %process {self.process.pid}' AND datname = '{self.name}'")
        return self.process.wait(timeout=30), self.process.stderr.read()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.process.wait(timeout=30), self.process.stderr.read()

    def unlock(self):
        self.holder.stdin.close()
        assert self.holder.wait(timeout=30) == 0


def test_stopped_anywhere_it_goes_on(start_server, source, postgresql):
    server = start_server()
    client = client_of(server.control)
    # Before anything is known but experiments; among runs; after all points, before the registry.
    for table, end in [("logged_model_tags", Waiting.kill), ("input_tags", Waiting.kill), ("input_tags", Waiting.cut_off),
                       ("model_versions", Waiting.kill), ("model_versions", Waiting.cut_off)]:
        waiting = Waiting(postgresql, source, server, table)
        code, told = end(waiting)
        waiting.unlock()
        assert code == (-signal.SIGKILL if end is Waiting.kill else 10), told
        assert end is Waiting.kill or "the same command goes on" in told
        assert not client.search_registered_models()
    document = counted(server, source.backend, *artifacts_of(source), "--check")
    assert document["run"]["created"] == 0 < document["registered_model"]["created"], document
    assert document["check"]["differing"] == 0, document
    assert differences(see(client), source.seen) == []


def test_who_may_only_read_is_enough(start_server, source, postgresql):
    postgresql.sql(source.name, "CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; "
                                "ALTER ROLE reader SET default_transaction_read_only = on; "
                                "ALTER ROLE reader SET idle_in_transaction_session_timeout = '1ms'")
    server = start_server()
    url = source.backend.replace("//fettle@", "//reader:any%40word@")
    document = json.loads(imported(server, url, *artifacts_of(source), "--json"))
    assert document["run"]["created"] + document["run"]["kept"] == 7
    assert "word" not in document["source"] and source.name in document["source"]


def test_databases_that_cannot_be_read(start_server, source, postgresql):
    server = start_server()
    where = f"host={postgresql.folder}"
    for kind in ["mysql://u:s3cret@h/d", "mysql+pymysql://u:s3cret@h/d", "mssql+pyodbc://u:s3cret@h/d"]:
        told = imported(server, kind, code=2)
        assert kind.split(":")[0] in told and "http://HOST:PORT" in told and "s3cret" not in told
    assert "no MLflow tracking database" in imported(server, postgresql.new_database(), code=5)
    assert "does not exist" in imported(server, f"postgresql://fettle@/nothing?{where}", code=3)
    told = imported(server, "postgresql://fettle:s3cret@127.0.0.1:9/x", code=10)
    assert "check that it runs" in told and "s3cret" not in told
    postgresql.sql(source.name, "CREATE ROLE blind LOGIN")
    assert "permission denied" in imported(server, source.backend.replace("//fettle@", "//blind@"), code=7)
