"""Fixtures of the whole-system tests: the real program, private ports on loopback, a private data folder."""
import atexit
import contextlib
import ctypes
import functools
import json
import os
import pathlib
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import pytest

POSTGRESQL = pathlib.Path("/usr/lib/postgresql/17/bin")


class Postgresql:
    """A real PostgreSQL server with a private folder and socket. It ends with this process, however that ends."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="fettle-pg.", dir="/tmp")
        self.user = {"user": "postgres", "group": "postgres", "cwd": "/"} if os.geteuid() == 0 else {}
        if self.user:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        subprocess.run([POSTGRESQL / "initdb", "-D", f"{self.folder}/data", "-U", "fettle", "--auth=trust", "--no-sync",
                        "--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"],
                       stdout=subprocess.DEVNULL, check=True, **self.user)
        self.databases = 0
        self.start()
        atexit.register(self.end)

    def start(self):
        def end_with_parent():
            ctypes.CDLL(None).prctl(1, signal.SIGQUIT)

        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [POSTGRESQL / "postgres", "-D", f"{self.folder}/data", "-k", self.folder, "-c", "listen_addresses=", "-c",
                 "fsync=off", "-c", "shared_buffers=32MB"], stderr=log, preexec_fn=end_with_parent, **self.user)
        while subprocess.run([POSTGRESQL / "pg_isready", "-q", "-h", self.folder, "-U", "fettle"]).returncode != 0:
            assert self.process.poll() is None, pathlib.Path(f"{self.folder}/log").read_text()
            time.sleep(0.02)

    def crash(self):
        """At once, as a killed server: nothing is told to clients, the next start recovers."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=30)

    def end(self):
        if self.process.poll() is None:
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self) -> str:
        self.databases += 1
        self.sql("postgres", f"CREATE DATABASE test{self.databases}")
        return f"postgresql://fettle@/test{self.databases}?host={self.folder}"

    def sql(self, database: str, statement: str) -> str:
        return subprocess.run(["psql", "-h", self.folder, "-U", "fettle", "-d", database, "-qAtc", statement], check=True,
                              capture_output=True, text=True).stdout


@functools.cache
def postgresql_server() -> Postgresql:
    return Postgresql()


@functools.cache
def database_of(folder: pathlib.Path) -> str:
    """Where the server with this data folder keeps its records; empty: in the folder."""
    return postgresql_server().new_database() if os.environ.get("FETTLE_TEST_STORE") == "postgresql" else ""


def where_records_are(folder: pathlib.Path) -> list[str]:
    """What commands beside the server are told of it: its data folder, or its database."""
    return ["--database", database_of(folder)] if database_of(folder) else ["--data", str(folder)]


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
                                         *listeners, *arguments], stderr=self.log,
                                        env={"FETTLE_DATABASE": database_of(self.data), **os.environ})
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
def postgresql():
    return postgresql_server()


@pytest.fixture(scope="session")
def server_class():
    return Server


@pytest.fixture(scope="session")
def records_of():
    return where_records_are


@pytest.fixture(scope="session")
def change_records():
    """Runs statements on the records of a server that is stopped."""
    def change(folder: pathlib.Path, *statements: str):
        if url := database_of(folder):
            subprocess.run(["psql", url, "-qv", "ON_ERROR_STOP=1"], input=";".join(statements), text=True, check=True)
            return
        with contextlib.closing(sqlite3.connect(folder / "fettle.db")) as database, database:
            for statement in statements:
                assert database.execute(statement).rowcount > 0, statement
    return change


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
