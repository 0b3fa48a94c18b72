"""Clients that cut, lie or dawdle, and a disk that is full: nothing half written stays, and the server goes on."""
import json
import os
import pathlib
import socket
import subprocess
import time

import pytest
import requests
from servers import Api, files


def wait_for(condition, what):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what


def connect(server):
    host, port = server.control.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def put_head(target, *headers):
    return ("\r\n".join([f"PUT {target} HTTP/1.1", "Host: localhost", *headers]) + "\r\n\r\n").encode()


TARGET = "/api/2.0/mlflow-artifacts/artifacts/half.bin"


def test_an_upload_that_is_cut_leaves_nothing(api):
    for headers, body in [(["Content-Length: 1000000"], bytes(300_000)), (["Transfer-Encoding: chunked"], b"186a0\r\n" + bytes(100_000) + b"\r\n"),
                          (["Content-Length: 1000000"], b"")]:
        connection = connect(api.server)
        connection.sendall(put_head(TARGET, *headers) + body)
        wait_for(lambda: files(api.server.data / "spool"), "the body is being spooled")
        connection.close()
        wait_for(lambda: not files(api.server.data / "spool"), "the half body is gone")
    assert api.get_file("half.bin").status_code == 404


def test_a_length_that_is_a_lie(api):
    connection = connect(api.server)
    connection.sendall(put_head(TARGET, "Content-Length: 5", "Connection: close") + b"hello and more than was said")
    assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200")
    connection.close()
    assert api.get_file("half.bin").content == b"hello"
    for wrong in ("-1", "x", "99999999999999999999999"):
        connection = connect(api.server)
        connection.sendall(put_head(TARGET, f"Content-Length: {wrong}") + b"hello")
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 400"), wrong
        connection.close()
    assert not files(api.server.data / "spool")


def test_a_part_that_is_cut_is_not_counted(api):
    made = api.upload("create", "up", path="f", num_parts=2).json()
    url = made["credentials"][0]["url"]
    target = url[url.index("/api/"):]
    connection = connect(api.server)
    connection.sendall(put_head(target, "Content-Length: 1000") + bytes(500))
    wait_for(lambda: files(api.server.data / "spool"), "the part is being spooled")
    connection.close()
    wait_for(lambda: not files(api.server.data / "spool"), "the half part is gone")
    assert files(api.server.data / "uploads") == [made["upload_id"] + "/upload.json"]


def test_a_slow_reader_does_not_hold_the_others(api):
    data = os.urandom(64 << 20)
    api.put_file("big.bin", data)
    slow = connect(api.server)
    slow.sendall(b"GET /api/2.0/mlflow-artifacts/artifacts/big.bin HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    got = slow.recv(1000)
    assert got.startswith(b"HTTP/1.1 200")
    for _ in range(20):
        assert api.get_file("big.bin", headers={"Range": "bytes=5-8"}).content == data[5:9]
    while piece := slow.recv(1 << 20):
        got += piece
    assert got.partition(b"\r\n\r\n")[2] == data


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk(tmp_path):
    disk, ready = tmp_path / "disk", tmp_path / "ready.json"
    disk.mkdir()
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f"mount -t tmpfs -o size=28m none {disk} && exec fettle server --data {disk}/data "
             f"--control 127.0.0.1:0 --predict 127.0.0.1:0 --grpc 127.0.0.1:0 --ready-file {ready}"], stderr=log)
    try:
        wait_for(ready.exists, "the server starts")

        class Server:
            control = json.loads(ready.read_text())["control"]
            data = pathlib.Path(f"/proc/{process.pid}/root{disk}/data")
        api = Api(Server)
        assert api.put_file("kept", b"kept" * 1000).status_code == 200
        made = api.upload("create", "up", path="f", num_parts=2).json()
        refused = [api.put_file("big", os.urandom(32 << 20)), requests.put(made["credentials"][0]["url"], data=os.urandom(32 << 20), timeout=60)]
        part = requests.put(made["credentials"][0]["url"], data=os.urandom(9 << 20), timeout=60)
        parts = [{"part_number": 1, "etag": part.headers["ETag"]}, {"part_number": 2, "etag": requests.put(made["credentials"][1]["url"], data=b"x", timeout=60).headers["ETag"]}]
        refused.append(api.put_file("second", os.urandom(20 << 20)))
        complete = lambda: api.upload("complete", "up", path="f", upload_id=made["upload_id"], parts=parts)
        wait_for(lambda: not files(Server.data / "spool"), "refused bodies are gone")
        ballast = Server.data / "ballast"
        full = 0
        with open(ballast, "wb", buffering=0) as file:
            while full < 50:  # what refused bodies held may still be given back
                try:
                    file.write(bytes(64 << 10))
                    full = 0
                except OSError:
                    full += 1
                    time.sleep(0.01)
        refused.append(complete())
        for answer in refused:
            assert answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1, (answer.status_code, answer.text)
            assert "space" in answer.text.lower(), answer.text
        assert not [f for f in files(Server.data / "blobs") if "incoming" in f]
        assert api.get_file("kept").content == b"kept" * 1000
        assert api.get_file("big").status_code == api.get_file("second").status_code == api.get_file("up/f").status_code == 404
        ballast.unlink()
        assert complete().status_code == 200 and len(api.get_file("up/f").content) == (9 << 20) + 1, "it goes on without a restart"
    finally:
        process.kill()
        process.wait()
