"""A backup moves a server from one kind of store to the other; a restore takes an empty database or none."""
import os
import signal
import subprocess

import pytest
from conftest import client_of, fettle, fill, see


@pytest.fixture(scope="module")
def old(server_class, tmp_path_factory):
    """What a client saw of a server on each kind of store, and its backup."""
    out = {}
    for store in ["sqlite", "postgresql"]:
        folder = tmp_path_factory.mktemp(store)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FETTLE_TEST_STORE", store)
            server = server_class(folder)
        client = client_of(server.control)
        fill(client, folder)
        fettle("backup", "create", folder / "backups", "--server", server.control)
        out[store] = see(client), folder / "backups"
        assert server.stop() == 0
    return out


def url_in(postgresql):
    """A new database: its URL and name."""
    url = postgresql.new_database()
    return url, url.split("/")[3].split("?")[0]


def tables(postgresql, name):
    return int(postgresql.sql(name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))


def test_from_one_store_to_the_other(old, server_class, monkeypatch, postgresql, tmp_path):
    monkeypatch.setenv("FETTLE_TEST_STORE", "sqlite")  # the URL is given by hand
    url, _ = url_in(postgresql)
    for store, database in [("sqlite", ["--database", url]), ("postgresql", [])]:
        seen, backups = old[store]
        folder = tmp_path / store
        folder.mkdir()
        fettle("restore", backups, "--data", folder / "data", *database)
        assert (folder / "data" / "fettle.db").exists() == (not database)
        server = server_class(folder, *database)
        client = client_of(server.control)
        assert see(client) == seen
        assert client.create_experiment("after") not in seen["experiments"]
        assert server.stop() == 0


def test_a_database_that_is_not_empty_stays_as_it_is(old, postgresql, tmp_path):
    url, name = url_in(postgresql)
    postgresql.sql(name, "CREATE TABLE somebodys(x int)")
    refused = fettle("restore", old["sqlite"][1], "--data", tmp_path / "data", "--database", url, code=5)
    assert "'somebodys'" in refused and "nothing was written" in refused
    assert tables(postgresql, name) == 1 and not list(tmp_path.iterdir())
    assert "createdb" in fettle("restore", old["sqlite"][1], "--data", tmp_path / "data", "--database",
                                f"postgresql://fettle@/nothing?host={postgresql.folder}", code=3)
    assert "holds no records" in fettle("user", "reset", "--database", url, code=3)


def test_a_restore_that_is_stopped_leaves_nothing(old, postgresql, tmp_path):
    """Stopped by a lock while it makes tables, then killed; cut off by the database; then it goes through."""
    url, name = url_in(postgresql)
    words = ["restore", old["sqlite"][1], "--data", tmp_path / "data", "--database", url]
    for end in ["kill", "terminate"]:
        # Whoever fills fettle_schema waits for this transaction, which makes a table of that name first.
        holder = subprocess.Popen(["psql", url, "-qX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.stdin.write("BEGIN; CREATE TABLE fettle_schema(x int); SELECT 'made';\n")
        holder.stdin.flush()
        while "made" not in holder.stdout.readline():
            assert holder.poll() is None
        restore = subprocess.Popen(["fettle", *map(str, words)], stderr=subprocess.PIPE, text=True)
        waits = "SELECT count(*) FROM pg_stat_activity WHERE datname = '%s' AND wait_event_type = 'Lock'" % name
        while postgresql.sql("postgres", waits) == "0\n":
            assert restore.poll() is None
        if end == "kill":
            restore.send_signal(signal.SIGKILL)
        else:
            postgresql.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                                       f"'{name}' AND application_name LIKE 'fettle on %'")
            assert "lost" in restore.stderr.read()
        assert restore.wait(timeout=30) == (-signal.SIGKILL if end == "kill" else 10)
        holder.stdin.write("ROLLBACK;\n")
        holder.stdin.close()
        assert holder.wait(timeout=30) == 0
        assert tables(postgresql, name) == 0 and not os.path.exists(tmp_path / "data")
    fettle(*words)
    assert tables(postgresql, name) > 20
