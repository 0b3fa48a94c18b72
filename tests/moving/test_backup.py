"""`fettle backup` of a live server and `fettle restore`: the restored server equals the old one."""
import json
import threading

import pytest
from conftest import client_of, fettle, fill, see
from mlflow.entities import Metric


def counted(*arguments, code=0):
    return json.loads(fettle(*arguments, "--json", code=code))


@pytest.fixture
def restored(server_class, records_of, tmp_path):
    """Restores into a new folder, and a new database if servers keep their records in one; starts a server there."""
    servers = []

    def restore(backups, *name):
        folder = tmp_path / f"restored{len(servers)}"
        folder.mkdir()
        data = folder / "data"
        database = [] if "--data" in records_of(data) else records_of(data)
        fettle("restore", backups, *name, "--data", data, *database)
        servers.append(server_class(folder))
        return servers[-1]

    yield restore
    for server in servers:
        server.kill()


@pytest.fixture
def filled(start_server, tmp_path):
    server = start_server()
    fill(client_of(server.control), tmp_path)
    return server


def test_a_restored_server_equals_the_old_one(filled, restored, tmp_path):
    folder = tmp_path / "backups"
    first = counted("backup", "create", folder, "--server", filled.control)
    assert first["new_objects"] == first["objects"] > 0
    client = client_of(filled.control)
    run = client.create_run("0").info.run_id
    client.log_text(run, "more", "more.txt")
    second = counted("backup", "create", folder, "--server", filled.control)
    assert second["new_objects"] == 1 and second["rows"] > first["rows"]
    assert len(fettle("backup", "list", folder).splitlines()) == 3
    assert counted("backup", "verify", folder)["wrong"] == []
    old = see(client)
    assert not list((filled.data / "backups").iterdir()), "the server keeps no dump"
    filled.stop()

    assert "not empty" in fettle("restore", folder, "--data", filled.data, code=5)
    again = client_of(restored(folder).control)
    assert see(again) == old
    assert again.create_experiment("after") not in old["experiments"]
    again.log_metric(run, "m", 1.0)

    before = see(client_of(restored(folder, first["name"]).control))
    assert set(old["runs"]) - set(before["runs"]) == {run}


def test_a_damaged_backup_is_named_and_not_restored(filled, tmp_path):
    folder = tmp_path / "backups"
    name = counted("backup", "create", folder, "--server", filled.control)["name"]
    blob = next(p for p in (folder / "objects").rglob("*") if p.is_file())
    blob.chmod(0o644)
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + b"x")
    assert blob.name in fettle("backup", "verify", folder, code=12)
    assert "nothing was written" in fettle("restore", folder, "--data", tmp_path / "new", code=12)
    blob.write_bytes(whole)
    dump = folder / f"{name}.dump"
    lines = dump.read_bytes().splitlines(keepends=True)
    dump.write_bytes(b"".join(lines[:-5]))
    assert "shorter" in fettle("backup", "verify", folder, code=12)
    assert not (tmp_path / "new").exists() and not (tmp_path / "new.restoring").exists()
    (folder / f"{name}.json").unlink()  # as if it had been cut off
    assert "no complete backup" in fettle("restore", folder, "--data", tmp_path / "new", code=3)


def test_a_backup_under_load_has_no_half_batch(start_server, restored, tmp_path):
    server = start_server()
    client = client_of(server.control)
    runs = [client.create_run("0").info.run_id for _ in range(2)]
    stop, written = threading.Event(), []

    def write(run):
        own = client_of(server.control)
        for batch in range(10**6):
            if stop.is_set():
                return
            own.log_batch(run, metrics=[Metric(f"m{i}", batch, batch, batch) for i in range(50)])
            written.append(batch)

    threads = [threading.Thread(target=write, args=[run]) for run in runs]
    for thread in threads:
        thread.start()
    try:
        while len(written) < 20:
            pass
        before = {run: client.get_run(run).data.metrics["m0"] for run in runs}
        fettle("backup", "create", tmp_path / "backups", "--server", server.control)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    again = client_of(restored(tmp_path / "backups").control)
    for run in runs:
        last = again.get_run(run).data.metrics
        assert len(last) == 50 and len(set(last.values())) == 1, "a batch is there whole or not at all"
        for key in ["m0", "m49"]:
            values = [m.value for m in again.get_metric_history(run, key)]
            assert values == list(range(len(values))) and values[-1] == last[key] >= before[run]
