"""Fettle as a user drives it: the command line, and the server as a process of one's own."""
import json
import os
import pathlib
import signal
import subprocess
import time


class CommandFailed(RuntimeError):
    def __init__(self, command, code, text):
        super().__init__(f"{' '.join(command)}: exit code {code}: {text.strip()[-2000:]}")
        self.code, self.text = code, text


class Fettle:
    def __init__(self, project: pathlib.Path):
        self.project = project
        self.environment = dict(os.environ)

    def run(self, *words: str, expect: int = 0):
        """Runs `fettle WORDS --json` in the project; its JSON document."""
        command = ["fettle", *words, "--json"]
        done = subprocess.run(command, cwd=self.project, env=self.environment, capture_output=True, text=True)
        if done.returncode != expect:
            raise CommandFailed(command, done.returncode, done.stderr + done.stdout)
        return json.loads(done.stdout) if done.stdout.strip() else None

    def show(self, *words: str) -> None:
        """Runs `fettle WORDS` with its progress and words on this terminal."""
        command = ["fettle", *words]
        done = subprocess.run(command, cwd=self.project, env=self.environment)
        if done.returncode != 0:
            raise CommandFailed(command, done.returncode, "see above")


class Server:
    """`fettle server` with a data folder; on the usual ports if they are free."""

    def __init__(self, folder: pathlib.Path, usual_ports: bool):
        ready = folder / "ready.json"
        ready.unlink(missing_ok=True)
        self.log = folder / "server.log"
        addresses = [] if usual_ports else ["--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            ["fettle", "server", "--data", str(folder / "data"), "--ready-file", str(ready), *addresses],
            stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"), start_new_session=True)
        deadline = time.monotonic() + 30
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start; its log: {self.log.read_text()[-2000:]}")
            time.sleep(0.005)
        self.addresses = json.loads(ready.read_text())
        self.control, self.predict = self.addresses["control"], self.addresses["predict"]

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
