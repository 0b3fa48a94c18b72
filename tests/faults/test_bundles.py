"""Models and bundles that are wrong, cut or damaged: refused by name, and what served before serves on."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import time

import bundles
import pytest
import requests

API = "/api/fettle/v1"
BAD = {"random": lambda good: os.urandom(4096), "empty": lambda good: b"", "cut": lambda good: good[:len(good) // 2],
       "json": lambda good: b"{}", "wrong json": lambda good: b'{"learner": 1, "version": [3, 0, 0]}',
       "one byte": lambda good: good[:9] + bytes([good[9] ^ 0xFF]) + good[10:]}


def files(folder: pathlib.Path):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def spoiled(source: pathlib.Path, folder: pathlib.Path, name: str, change) -> pathlib.Path:
    """A bundle whose digests are right, and whose file `name` is not what it should be."""
    shutil.copytree(source, folder)
    path = folder / name
    path.write_bytes(change(path.read_bytes()))
    bundles.seal(folder, "flights")
    return folder


@pytest.mark.parametrize("kind", BAD)
def test_fettle_serve_names_a_model_that_it_cannot_read(models, tmp_path, kind):
    folder = spoiled(models / "first", tmp_path / "bundle", "model.ubj", BAD[kind])
    ready = tmp_path / "ready.json"
    refused = subprocess.run(["fettle-serve", str(folder), "--http", "127.0.0.1:0", "--ready-file", str(ready), "--events",
                              str(tmp_path / "events")], capture_output=True, text=True, timeout=30)
    assert refused.returncode == 12, refused.stderr
    assert "model.ubj" in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    assert not ready.exists() and not (tmp_path / "events").exists()


@pytest.mark.parametrize("name, change", [("model.ubj", BAD["random"]), ("model.ubj", BAD["cut"]), ("model.ubj", BAD["json"]),
                                          ("signature.json", BAD["random"]), ("signature.json", BAD["json"]),
                                          ("profile.json", BAD["random"]), ("profile.json", BAD["json"])])
def test_a_server_refuses_a_bundle_that_it_cannot_serve(start_server, rest, models, flights, tmp_path, name, change):
    (tmp_path / "with").mkdir()
    good = shutil.copytree(models / "second", tmp_path / "with" / "profile")
    (good / "profile.json").write_bytes(b"anything")
    bad = spoiled(good if name == "profile.json" else models / "second", tmp_path / "bad", name, change)
    api = rest(start_server())
    refused = api.place(bad, 1, status=409)
    assert refused["error"]["code"] == "failed_precondition"
    assert name in refused["error"]["message"] and "cannot be served" in refused["error"]["message"]
    api.get("/endpoints/flights", status=404)
    assert not [path for path in files(api.server.data / "cache") if "bundles" in path], "no unpacked copy is left"

    api.place(models / "first", 1)
    api.place(bad, 2, status=409)
    assert api.get("/rollouts")["rollouts"] == []
    frame = flights(3, seed=5).assign(origin=lambda f: f["origin"].astype(str))
    assert api.infer(frame, "r").status_code == 200


def test_a_version_of_an_unknown_bundle_changes_nothing(start_server, rest):
    api = rest(start_server())
    api.post("/versions", {"model": "m", "version": 1, "bundle": "0" * 64, "endpoint": "m", "created_by": "t"}, 404)
    api.post("/versions", {"model": "m", "version": 1, "bundle": "nonsense", "endpoint": "m", "created_by": "t"}, 400)
    assert api.get("/endpoints")["endpoints"] == []


def half_a_put(url: str, digest: str) -> socket.socket:
    """Says that 1 MB will come, sends a part of it."""
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=10)
    connection.sendall(f"PUT {API}/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n".encode())
    connection.sendall(bytes(300_000))
    return connection


def spool(server):
    return files(server.data / "spool")


def wait_until(holds, what: str):
    for _ in range(20_000):
        if holds():
            return
        time.sleep(0.001)
    raise AssertionError(what)


def test_half_an_upload_leaves_nothing(start_server):
    server = start_server()
    digest = "ab" * 32
    connection = half_a_put(server.control, digest)
    wait_until(lambda: spool(server), "the body is spooled")
    connection.close()
    wait_until(lambda: not spool(server), "the half body is removed")
    assert requests.head(f"{server.control}{API}/blobs/{digest}").status_code == 404
    assert files(server.data / "blobs") == []

    connection = half_a_put(server.control, digest)
    wait_until(lambda: spool(server), "the body is spooled")
    server.kill()
    connection.close()
    (server.data / "blobs" / ("incoming-" + digest + ".x1y2z3")).write_bytes(b"half a copy")
    again = start_server()
    assert spool(again) == [] and files(again.data / "blobs") == []


def test_a_half_uploaded_bundle_is_no_bundle(start_server, rest, models):
    api = rest(start_server())
    folder = models / "first"
    manifest = (folder / "bundle.json").read_bytes()
    first, *rest_of = json.loads(manifest)["files"]
    base = api.server.control + API
    assert requests.put(f"{base}/blobs/{first['digest']}", data=(folder / first["path"]).read_bytes()).status_code == 200
    refused = requests.post(f"{base}/bundles", data=manifest)
    assert refused.status_code == 409 and rest_of[0]["path"] in refused.json()["error"]["message"]
    api.place(folder, 1)  # what is stored is not sent again, the rest is


def damage(path: pathlib.Path):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_damaged_bundle_breaks_its_endpoint_alone_and_is_mended_by_sending_it_again(start_server, rest, models, flights):
    api = rest(start_server())
    api.place(models / "first", 1)
    api.place(models / "second", 1, endpoint="other")
    model = (models / "first" / "model.ubj").read_bytes()
    digest = next(f["digest"] for f in json.loads((models / "first" / "bundle.json").read_bytes())["files"]
                  if f["path"] == "model.ubj")
    assert api.server.stop() == 0
    damage(api.server.data / "blobs" / digest[:2] / digest[2:])
    shutil.rmtree(api.server.data / "cache")

    api = rest(start_server())
    states = {e["name"]: e for e in api.get("/endpoints")["endpoints"]}
    assert states["other"]["state"] != "broken" and states["flights"]["state"] == "broken"
    assert "send the bundle's files again" in states["flights"]["doing"]
    frame = flights(1, seed=5).assign(origin=lambda f: f["origin"].astype(str))
    answer = api.infer(frame, "r")
    assert answer.status_code in (404, 503) and "flights" in answer.json()["error"]

    sent = requests.put(f"{api.server.control}{API}/blobs/{digest}", data=model)
    assert (sent.status_code, sent.json()) == (200, {"stored": True})
    assert api.server.stop() == 0
    api = rest(start_server())
    assert api.get("/endpoints/flights")["state"] != "broken"
    assert api.infer(frame, "r").status_code == 200
