"""`fettle backup` of a live server and `fettle restore`: the restored server equals the old one."""
import fcntl
import http.server
import json
import os
import pathlib
import queue
import shutil
import subprocess
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


def mode(path):
    return path.stat().st_mode & 0o777


def tree_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def receiver():
    """Where a webhook tells: the signatures of what it got."""
    got = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            got.put(self.headers["X-MLflow-Signature"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", got
    server.shutdown()
    server.server_close()


def test_keys_are_in_a_backup_and_only_their_owner_reads_it(start_server, tmp_path, monkeypatch, receiver):
    reach = ["--webhook-allow-http", "--webhook-allow-private"]
    url, signatures = receiver
    filled = start_server(*reach)
    monkeypatch.setenv("FETTLE_SERVER", filled.control)
    client_of(filled.control).log_text(client_of(filled.control).create_run("0").info.run_id, "x", "x.txt")
    (tmp_path / "secret").write_text("s3cr3t" * 5)
    fettle("webhook", "create", "hook", url, "--event", "registered_model.created", "--secret-file", tmp_path / "secret")
    folder = tmp_path / "backups"
    name = counted("backup", "create", folder)["name"]
    assert mode(folder) == mode(folder / "objects") == mode(folder / "events") == 0o700
    for made in folder.iterdir():
        assert mode(made) & 0o077 == 0 or made.name == "lock", (made, oct(mode(made)))
    for key in ["webhooks.key", "url-key"]:
        assert (folder / f"{name}.{key}").read_bytes() == (filled.data / key).read_bytes()
        assert mode(folder / f"{name}.{key}") == 0o600 == mode(filled.data / key)
    assert mode(folder / f"{name}.dump") == 0o600
    old = (filled.data / "webhooks.key").read_bytes()
    [hook] = json.loads(fettle("webhook", "list", "--json"))["webhooks"]
    filled.stop()
    filled.data.rename(tmp_path / "old")
    fettle("restore", folder, "--data", filled.data)
    assert (filled.data / "webhooks.key").read_bytes() == old and mode(filled.data / "webhooks.key") == 0o600
    assert mode(filled.data / "url-key") == 0o600
    again = start_server(*reach)
    monkeypatch.setenv("FETTLE_SERVER", again.control)
    fettle("webhook", "test", hook["id"])
    assert signatures.get(timeout=30).startswith("v1,"), "the secret was opened"
    (folder / f"{name}.webhooks.key").write_bytes(b"x" * 32)
    assert "webhooks.key" in fettle("backup", "verify", folder, code=12)


@pytest.mark.parametrize("before", ["local", "s3"])
@pytest.mark.parametrize("after", ["local", "s3"])
def test_artifacts_move_between_stores(start_server, tmp_path, s3, bucket, before, after):
    server = start_server(*(["--artifact-store", s3.uri(f"{bucket}/old")] if before == "s3" else []))
    client = client_of(server.control)
    fill(client, tmp_path)
    old = see(client)
    backed = counted("backup", "create", tmp_path / "backups", "--server", server.control)
    assert backed["artifacts"] is True and backed["objects"] == backed["new_objects"] > 0 == backed["left_out"]
    server.stop()
    server.data.rename(tmp_path / "gone")
    for key in s3.keys(bucket):
        s3.client().delete_object(Bucket=bucket, Key=key)
    there = ["--artifact-store", s3.uri(f"{bucket}/new")] if after == "s3" else []
    fettle("restore", tmp_path / "backups", "--data", server.data, *there)
    assert len(s3.keys(bucket)) == (backed["objects"] if after == "s3" else 0)
    assert len(list((server.data / "blobs").rglob("*/*"))) == (0 if after == "s3" else backed["objects"])
    assert see(client_of(start_server(*there).control)) == old


def test_a_backup_without_artifacts_says_so(start_server, tmp_path, s3, bucket):
    store = ["--artifact-store", s3.uri(bucket)]
    server = start_server(*store)
    client = client_of(server.control)
    fill(client, tmp_path)
    old = see(client)
    there = len(s3.keys(bucket))
    folder = tmp_path / "backups"
    assert "keep the artifact store" in fettle("backup", "create", folder, "--no-artifacts", "--server", server.control)
    manifest = json.loads(next(folder.glob("*.json")).read_text())
    assert manifest["artifacts"] is False and manifest["left_out"] == there > 0 and manifest["objects"] == []
    assert f"{there} left out" in fettle("backup", "list", folder)
    server.stop()
    server.data.rename(tmp_path / "gone")
    said = fettle("restore", folder, "--data", server.data, *store)
    assert "--no-artifacts" in said and str(there) in said
    assert see(client_of(start_server(*store).control)) == old


def killed_when(condition, *command):
    """Kills a command the first time that `condition` holds; False if it ended before."""
    running = subprocess.Popen(["fettle", *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while running.poll() is None:
        if condition():
            running.kill()
            running.wait()
            return True
    return False


def count_below(folder):
    try:
        return sum(len(files) for _, _, files in os.walk(folder))
    except FileNotFoundError:
        return 0


@pytest.fixture
def many_files(start_server, tmp_path):
    server = start_server()
    client = client_of(server.control)
    run = client.create_run("0").info.run_id
    for i in range(30):
        client.log_text(run, f"{i}" * 200_000, f"f{i}.txt")
    return server, client


def test_a_backup_that_is_killed_is_none(many_files, start_server, tmp_path):
    server, client = many_files
    folder = tmp_path / "backups"
    kills = 0
    for files in [1, 2, 3, 4, 6, 10, 20, 30]:
        kills += killed_when(lambda: count_below(folder) >= files, "backup", "create", folder, "--server", server.control)
        whole = list(folder.glob("*.json"))
        if not whole:
            assert fettle("backup", "list", folder) == "no backups\n"
            assert "no complete backup" in fettle("restore", folder, "--data", tmp_path / "new", code=3)
        assert not (tmp_path / "new").exists()
    assert kills >= 4, "most of them were killed on the way"
    name = counted("backup", "create", folder, "--server", server.control)["name"]
    assert counted("backup", "verify", folder)["wrong"] == []
    dumps = {p.stem for p in folder.glob("*.dump")}
    assert name in dumps and dumps == {p.stem for p in folder.glob("*.json")} and not (folder / "incoming").exists()
    old = see(client)
    server.stop()
    server.data.rename(tmp_path / "gone")
    fettle("restore", folder, name, "--data", server.data)
    assert see(client_of(start_server().control)) == old


def test_a_restore_that_is_killed_is_no_data_folder(many_files, start_server, tmp_path):
    server, client = many_files
    folder, partial = tmp_path / "backups", tmp_path / "data.restoring"
    fettle("backup", "create", folder, "--server", server.control)
    old = see(client)
    server.stop()
    server.data.rename(tmp_path / "gone")
    backed = tree_of(folder)
    kills = 0
    for files in [1, 2, 3, 10, 20, 30, 33]:
        if killed_when(lambda: count_below(partial) >= files, "restore", folder, "--data", server.data):
            kills += 1
            assert not server.data.exists()
        elif server.data.exists():  # it was quicker
            shutil.rmtree(server.data)
    assert kills >= 4, "most of them were killed on the way"
    fettle("restore", folder, "--data", server.data)
    assert not partial.exists() and tree_of(folder) == backed, "a restore changes no backup"
    assert see(client_of(start_server().control)) == old


def test_two_backups_into_one_folder_at_once_are_refused(filled, tmp_path):
    folder = tmp_path / "backups"
    fettle("backup", "create", folder, "--server", filled.control)
    with open(folder / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "lock" in fettle("backup", "create", folder, "--server", filled.control, code=5)
    fettle("backup", "create", folder, "--server", filled.control)


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
