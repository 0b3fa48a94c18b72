"""Fixtures of the whole-system tests: the real program, private ports on loopback, a private data folder."""
import json
import pathlib
import signal
import subprocess
import time

import pytest


class Server:
    """A running `fettle server`, ended by its own process id."""

    def __init__(self, folder: pathlib.Path, *arguments: str):
        self.data = folder / "data"
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = open(folder / "server.log", "ab")
        started = time.monotonic()
        listeners = [word for name in ("--control", "--predict", "--grpc") if name not in arguments
                     for word in (name, "127.0.0.1:0")]
        self.process = subprocess.Popen(["fettle", "server", "--data", str(self.data), "--ready-file", str(ready),
                                         *listeners, *arguments], stderr=self.log)
        while not ready.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {(folder / 'server.log').read_text()}")
            time.sleep(0.002)
        self.start_seconds = time.monotonic() - started
        addresses = json.loads(ready.read_text())
        self.control, self.predict, self.grpc = addresses["control"], addresses["predict"], addresses["grpc"]
        assert addresses["pid"] == self.process.pid

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def server_class():
    return Server


@pytest.fixture
def start_server(tmp_path):
    servers = []

    def start(*arguments: str) -> Server:
        servers.append(Server(tmp_path, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()
