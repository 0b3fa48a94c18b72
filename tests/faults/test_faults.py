"""Faults of the machine and mistakes of callers: one clear message, nothing half written, no 500."""
import hashlib
import json
import os
import pathlib
import subprocess

import pytest
import requests

API = "/api/fettle/v1"
ROOT = pathlib.Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk, or gives up a capability")


def fettle(*words, cwd=None, before=()):
    return subprocess.run([*before, "fettle", *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=60)


def files(folder: pathlib.Path):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


# A disk of its own, gone with the command.
def on_small_disk(folder: pathlib.Path, size: str, script: str):
    folder.mkdir(exist_ok=True)
    return subprocess.run(["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f"mount -t tmpfs -o size={size} none {folder} && cd {folder} && {script}"],
                          capture_output=True, text=True, timeout=60)


@as_root
def test_a_full_disk_leaves_no_half_snapshot(tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3 << 20))
    done = on_small_disk(tmp_path / "disk", "1m", f"fettle data add big {big} --project .; echo code $?; find . -type f")
    assert "code 9" in done.stdout, done.stderr
    assert "no space" in done.stderr.lower()
    assert "datasets/big" not in done.stdout, "no snapshot is left"
    assert not [line for line in done.stdout.splitlines() if "/blobs/" in line], "no part of an object is left"


@as_root
def test_a_server_on_a_full_disk_refuses_writes_and_recovers(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    ready = tmp_path / "ready.json"
    with open(tmp_path / "server.log", "wb") as log:
        server = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f"mount -t tmpfs -o size=16m none {disk} && exec fettle server --data {disk}/data "
             f"--control 127.0.0.1:0 --predict 127.0.0.1:0 --grpc 127.0.0.1:0 --ready-file {ready}"], stderr=log)
    try:
        while not ready.exists():
            assert server.poll() is None, (tmp_path / "server.log").read_text()
        control = json.loads(ready.read_text())["control"]
        create = lambda: requests.post(control + "/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, timeout=30)
        before = create()
        assert before.status_code == 200
        ballast = pathlib.Path(f"/proc/{server.pid}/root{disk}/ballast")  # the server's own view of that folder
        assert os.statvfs(ballast.parent).f_blocks * os.statvfs(ballast.parent).f_frsize == 16 << 20, "the small disk"
        with pytest.raises(OSError):
            with open(ballast, "wb", buffering=0) as file:
                for _ in range(1024):
                    file.write(bytes(64 << 10))
        answers = [create() for _ in range(200)]
        refused = [a for a in answers if a.status_code != 200]
        assert refused, "the disk is full"
        assert all(a.status_code == 503 and int(a.headers["Retry-After"]) > 0 for a in refused), refused[0].text
        assert refused[0].json()["error_code"] == "TEMPORARILY_UNAVAILABLE"
        assert "full" in refused[0].text.lower() or "space" in refused[0].text.lower()
        ballast.unlink()
        assert create().status_code == 200, "it recovers without a restart"
        kept = [before, *(a for a in answers if a.status_code == 200)]
        for answer in kept:
            run = answer.json()["run"]["info"]["run_id"]
            assert requests.get(control + "/api/2.0/mlflow/runs/get", params={"run_id": run}).status_code == 200
    finally:
        server.kill()
        server.wait()


@as_root
def test_a_folder_that_may_not_be_written_is_named(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "some.csv").write_text("a,b\n1,2\n")
    closed.chmod(0o500)
    without = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]
    for words in (("server", "--data", closed / "data", "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0"),
                  ("data", "add", "some", tmp_path / "some.csv", "--project", closed)):
        refused = fettle(*words, before=without)
        assert refused.returncode == 7, refused.stderr
        assert str(closed) in refused.stderr and "ermission" in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
    assert files(closed) == []


def test_uploads_are_believed_only_when_their_digest_is_right(start_server, tmp_path):
    server = start_server()
    digest = hashlib.sha256(b"right").hexdigest()
    wrong = requests.put(f"{server.control}{API}/blobs/{digest}", data=b"wrong")
    assert wrong.status_code == 400 and digest[:12] in wrong.json()["error"]["message"]
    assert requests.head(f"{server.control}{API}/blobs/{digest}").status_code == 404
    assert requests.put(f"{server.control}{API}/blobs/nonsense", data=b"x").status_code == 400
    assert requests.put(f"{server.control}{API}/blobs/{digest}", data=b"right").status_code in (200, 201)
    assert requests.get(f"{server.control}{API}/blobs/{digest}").content == b"right"
    assert not files(server.data / "spool"), "no body is left behind"


def test_a_bundle_without_its_files_is_refused(start_server):
    server = start_server()
    manifest = {"format": 1, "model": "m", "files": [{"path": "model.ubj", "digest": "0" * 64, "size": 3}],
                "provenance": {"project": "p", "run_id": "", "commit": "", "dirty": False, "snapshots": [], "steps": [], "params": {}}}
    for body in (manifest, {"format": 1}, {"format": 99, "model": "m"}, [], "text"):
        answer = requests.post(f"{server.control}{API}/bundles", json=body)
        assert 400 <= answer.status_code < 500, answer.text
        assert answer.json()["error"]["message"]
    garbage = requests.post(f"{server.control}{API}/bundles", data=b"\x00\xff{", headers={"Content-Type": "application/json"})
    assert garbage.status_code == 400


@pytest.mark.parametrize("method, path", [
    ("get", "/endpoints/nobody"), ("get", "/endpoints/nobody/windows?kind=week"), ("get", "/rollouts/nobody"),
    ("post", "/rollouts/nobody/promote"), ("post", "/alerts/nobody/acknowledge"), ("get", "/predictions/nobody"),
    ("get", "/bundles/" + "0" * 64)])
def test_unknown_ids_are_not_found(start_server, method, path):
    server = start_server()
    answer = requests.request(method, server.control + API + path, json={"actor": "me", "reason": "why"} if method == "post" else None)
    assert answer.status_code == 404, answer.text
    assert answer.json()["error"]["code"] == "not_found"
    assert "nobody" in answer.text or "0000" in answer.text


def test_commands_name_what_is_unknown(start_server, monkeypatch):
    server = start_server()
    monkeypatch.setenv("FETTLE_SERVER", server.control)
    for words in (("trace", "nobody"), ("rollout", "show", "nobody"), ("endpoint", "show", "nobody"), ("alert", "ack", "nobody")):
        refused = fettle(*words)
        assert refused.returncode == 3, (words, refused.stderr)
        assert "nobody" in refused.stderr and len(refused.stderr.strip().splitlines()) == 1


def test_without_a_server_a_command_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.setenv("FETTLE_SERVER", "http://127.0.0.1:9")
    refused = fettle("status")
    assert refused.returncode == 10 and "http://127.0.0.1:9" in refused.stderr


def test_a_grpc_port_in_use_is_named(start_server, tmp_path):
    server = start_server()
    second = fettle("server", "--data", tmp_path / "other", "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc", server.grpc)
    assert second.returncode == 10 and server.grpc in second.stderr


def test_wrong_bodies_are_the_callers_fault(start_server):
    server = start_server()
    for path in ("/rollouts", "/versions", "/verdicts"):
        for body in (b"", b"{", b"[]", b'{"endpoint": 5}', b"\xff\xfe", b'{"unknown": 1}'):
            answer = requests.post(server.control + API + path, data=body, headers={"Content-Type": "application/json"})
            assert 400 <= answer.status_code < 500, (path, body, answer.text)
    for body in (b"", b"{", b'{"inputs": 5}'):
        assert requests.post(server.predict + "/v2/models/nobody/infer", data=body).status_code == 404
        assert 400 <= requests.post(server.predict + "/v2/outcomes", data=body).status_code < 500
