"""Fixtures: fettle-serve on a bundle trained here, on private ports of loopback."""
import json
import pathlib
import signal
import subprocess
import time

import bundles
import pytest


class Serve:
    """A running fettle-serve, ended by its own process id."""

    def __init__(self, folder: pathlib.Path, bundle: pathlib.Path, *arguments: str):
        ready = folder / "serve-ready.json"
        ready.unlink(missing_ok=True)
        self.events = folder / "events"
        self.log = folder / "serve.log"
        started = time.monotonic()
        self.process = subprocess.Popen(
            ["fettle-serve", str(bundle), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--events",
             str(self.events), "--ready-file", str(ready), *arguments], stderr=open(self.log, "ab"))
        while not ready.exists():
            if self.process.poll() is not None:
                raise RuntimeError(f"fettle-serve ended: {self.log.read_text()}")
            time.sleep(0.001)
        self.start_seconds = time.monotonic() - started
        addresses = json.loads(ready.read_text())
        self.url, self.grpc = addresses["predict"], addresses["grpc"]
        assert addresses["pid"] == self.process.pid

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def event_bytes(self) -> bytes:
        return b"".join(p.read_bytes() for p in sorted(self.events.glob("*.events")))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=20)


@pytest.fixture(scope="session")
def classifier():
    return bundles.train()


@pytest.fixture(scope="session")
def bundle(tmp_path_factory, classifier):
    folder = tmp_path_factory.mktemp("bundle") / "flights"
    bundles.make(folder, classifier)
    return folder


@pytest.fixture
def start_serve(tmp_path, bundle):
    servers = []

    def start(*arguments: str, bundle_folder=bundle) -> Serve:
        servers.append(Serve(tmp_path, bundle_folder, *arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


@pytest.fixture(scope="module")
def serve(tmp_path_factory, bundle):
    server = Serve(tmp_path_factory.mktemp("serve"), bundle, "--model-version", "7")
    yield server
    server.kill()
