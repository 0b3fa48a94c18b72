"""`fettle pipeline run` on projects of plain commands: what runs and why, bad input, kills, recording."""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import textwrap
import threading
import time

import pytest

YAML = """
    project: demo
    params: {word: one}
    pipeline:
      first:
        command: cat source.txt > work/first.txt && echo ${word} >> work/first.txt
        deps: [source.txt]
        outs: [work/first.txt]
      second:
        command: mkdir work/second && cp work/first.txt work/second/copy.txt &&
          printf '{"lines":2,"deep":{"x":0.5}}' > work/m.json
        deps: [work/first.txt]
        outs: [work/second]
        metrics: [work/m.json]
"""


class Project:
    def __init__(self, folder: pathlib.Path, yaml: str = YAML):
        self.folder = folder
        self.write("fettle.yaml", textwrap.dedent(yaml))
        self.write("source.txt", "hello\n")

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    def start(self, *arguments: str, **more) -> subprocess.Popen:
        return subprocess.Popen(["fettle", "pipeline", *arguments], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, **more)

    def call(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return subprocess.run(["fettle", "pipeline", *arguments], cwd=self.folder, capture_output=True, text=True,
                              timeout=60, **more)

    def run(self, *arguments: str) -> dict:
        done = self.call("run", "--no-record", "--json", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return {step["name"]: step for step in json.loads(done.stdout)["steps"]}

    def actions(self, *arguments: str) -> list:
        return [step["action"] for step in self.run(*arguments).values()]


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_only_what_changed_runs_and_old_results_come_back(project):
    assert project.actions() == ["run", "run"]
    assert project.read("work/second/copy.txt") == "hello\none\n"
    lock = project.read("fettle.lock")
    assert project.actions() == ["skip", "skip"]
    assert project.actions("--set", "word=two") == ["run", "run"]
    assert project.actions() == ["restore", "restore"]
    assert project.read("work/second/copy.txt") == "hello\none\n"
    assert project.read("fettle.lock") == lock, "the same inputs give the same lock"
    project.write("work/first.txt", "by hand")
    assert project.actions() == ["restore", "skip"]
    assert project.actions("second", "--force") == ["skip", "run"]


def test_explain_names_the_change_and_runs_nothing(project):
    project.run()
    project.write("source.txt", "other\n")
    before = project.read("fettle.lock")
    done = project.call("run", "--explain", "--set", "word=two")
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert "first   runs: what it runs changed" in first and "dependency source.txt changed (" in first
    assert "second  waits: it reads what first is yet to make" in second
    assert project.read("work/first.txt") == "hello\none\n" and project.read("fettle.lock") == before


def test_the_project_is_found_from_below_and_by_name(project, tmp_path):
    (tmp_path / "work").mkdir()
    shown = subprocess.run(["fettle", "pipeline", "show", "--json"], cwd=tmp_path / "work",
                           capture_output=True, text=True)
    assert [step["name"] for step in json.loads(shown.stdout)["steps"]] == ["first", "second"]
    lost = subprocess.run(["fettle", "pipeline", "show", "--project", "/proc"], capture_output=True, text=True)
    assert lost.returncode == 3 and "no fettle.yaml in '/proc' or above it" in lost.stderr


STEP = "project: p\npipeline:\n"
BAD = [
    ("project: [p\n", 2, "fettle.yaml:"),
    ("\tproject: p\n", 2, "fettle.yaml:1"),
    ("projekt: p\n", 2, "fettle.yaml:1: unknown key 'projekt'; did you mean 'project'?"),
    ("pipeline: {}\n", 2, "fettle.yaml: 'project' is missing"),
    ("project: p\n", 5, "there is nothing to run"),
    (STEP + "  a: {comand: x}\n", 2, "fettle.yaml:3: pipeline.a: unknown key 'comand'; did you mean 'command'?"),
    (STEP + "  a: {uses: trian_xgboost}\n", 2, "did you mean 'train_xgboost'?"),
    (STEP + "  a: {command: x, deps: [b], outs: [a]}\n  b: {command: x, deps: [a], outs: [b]}\n", 2,
     "fettle.yaml:3: pipeline.a: the steps wait for each other: a -> b -> a"),
    (STEP + "  a: {command: x, deps: [sourse.txt], outs: [source.txt2]}\n", 3,
     "fettle.yaml:3: pipeline.a.deps: 'sourse.txt' is not in the project"),
    (STEP + "  a: {command: x, outs: [o]}\n  b: {command: x, outs: [o]}\n", 2,
     "fettle.yaml:4: pipeline.b.outs: 'o' is already an out of step 'a'"),
    (STEP + "  a: {command: x, outs: [../o]}\n", 2, "fettle.yaml:3: pipeline.a.outs[0]: '../o' lies outside"),
    (STEP + "  a: {command: 'echo ${w}'}\n", 2, "there is no param 'w'"),
    (STEP + "  a: {command: x, data: [d]}\n", 2, "there is no data named 'd'"),
    ("project: p\ndata: {d: {path: nowhere}}\npipeline:\n  a: {command: x, data: [d]}\n", 3, "fettle.yaml:2: data.d: "),
]


@pytest.mark.parametrize("yaml,code,message", BAD, ids=range(len(BAD)))
def test_a_wrong_file_gets_one_clear_line(project, yaml, code, message):
    project.write("fettle.yaml", yaml)
    done = project.call("run", "--no-record")
    assert done.returncode == code, done.stderr
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (project.folder / "fettle.lock").exists()


def test_a_broken_lock_says_what_to_do(project):
    project.run()
    project.write("fettle.lock", "<<<<<<< HEAD\n" + project.read("fettle.lock"))
    done = project.call("run", "--no-record")
    assert done.returncode == 2 and "delete it" in done.stderr
    (project.folder / "fettle.lock").unlink()
    assert project.actions() == ["skip", "skip"], "results are found in the cache"


def test_a_failing_command_stops_the_run_with_its_last_words(project):
    failing = "command: echo so far >&2; false || mkdir /x/y;"
    project.write("fettle.yaml", textwrap.dedent(YAML).replace("command: mkdir", failing))
    done = project.call("run", "--no-record")
    assert done.returncode == 1
    assert "step 'second': failed with exit code" in done.stderr and "\n  so far" in done.stderr
    assert "second" not in project.read("fettle.lock") and "first" in project.read("fettle.lock")
    project.write("fettle.yaml", textwrap.dedent(YAML))
    assert project.actions() == ["skip", "run"]
    missing = textwrap.dedent(YAML).replace("command: cat", "command: [no-such-program] #")
    project.write("fettle.yaml", missing)
    done = project.call("run", "--no-record")
    assert done.returncode == 3 and "no-such-program" in done.stderr


# Each step writes half, waits, writes the rest: a kill finds it anywhere in between.
SLOW = """
    project: slow
    pipeline:
"""
for i in range(6):
    SLOW += f"""
      s{i}:
        command: mkdir -p w && printf 'half' > w/{i} && sleep 0.05 && printf ' whole {i}' >> w/{i} &&
          (sleep 0.02; printf ' .' >> w/{i})
        deps: [{f'w/{i - 1}' if i else 'source.txt'}]
        outs: [w/{i}]
"""


@pytest.mark.parametrize("after_ms", range(5, 500, 35))
def test_after_a_kill_the_next_run_is_right(tmp_path, after_ms):
    project = Project(tmp_path, SLOW)
    process = project.start("run", "--no-record")
    time.sleep(after_ms / 1000)
    process.kill()
    process.wait()
    steps = project.run()
    assert len(steps) == 6
    assert [project.read(f"w/{i}") for i in range(6)] == [f"half whole {i} ." for i in range(6)]
    assert project.actions() == ["skip"] * 6


def wait_for(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


HANGING = """
    project: hanging
    pipeline:
      hang: {command: "echo $$ > pid; sleep 100 | cat; touch out", outs: [out]}
"""


def test_a_killed_runs_orphan_is_ended_by_the_next(tmp_path):
    project = Project(tmp_path, HANGING)
    process = project.start("run", "--no-record")
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    second = project.call("run", "--no-record")
    assert second.returncode == 5 and f"(process {process.pid})" in second.stderr
    process.kill()
    process.wait()
    orphan = int(project.read("pid"))
    os.kill(orphan, 0)
    project.write("fettle.yaml", textwrap.dedent(HANGING).replace("sleep 100 | cat", "true"))
    assert project.actions() == ["run"]
    wait_for(lambda: not pathlib.Path(f"/proc/{orphan}/fd").exists() or not os.listdir(f"/proc/{orphan}/fd"))


def test_an_interrupt_ends_the_step_and_keeps_what_was_done(tmp_path):
    yaml = HANGING + "      before: {command: touch b, outs: [b]}\n"
    project = Project(tmp_path, yaml.replace("outs: [out]}", "outs: [out], deps: [b]}"))
    process = project.start("run", "--no-record")
    wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 10 and "step 'hang': stopped on request" in errors
    assert "before" in project.read("fettle.lock")


class TrackingServer:
    """Answers as the MLflow API does and remembers what it was asked."""

    def __init__(self):
        self.calls = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                outer.calls.append((self.command, path, body))
                reply = {}
                if path.endswith("get-by-name"):
                    self.send_response(404)
                    reply = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"}
                else:
                    self.send_response(200)
                    if path.endswith("experiments/create"):
                        reply = {"experiment_id": "7"}
                    if path.endswith("runs/create"):
                        reply = {"run": {"info": {"run_id": "abc"}}}
                data = json.dumps(reply).encode()
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self, end: str) -> list:
        return [json.loads(body) for _, path, body in self.calls if path.endswith(end)]

    def batch(self, kind: str) -> dict:
        return {entry["key"]: entry["value"] for body in self.bodies("runs/log-batch") for entry in body.get(kind, [])}


@pytest.fixture
def tracking():
    server = TrackingServer()
    yield server
    server.server.shutdown()


def test_a_run_is_recorded_with_params_metrics_and_digests(project, tracking):
    subprocess.run("git init -q . && git add . && git -c user.name=t -c user.email=t@t commit -qm t", shell=True,
                   cwd=project.folder, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project.folder, capture_output=True,
                            text=True).stdout.strip()
    done = project.call("run", "--json", "--server", tracking.url, "--set", "word=two")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == "abc"
    assert tracking.batch("params") == {"word": "two"}
    assert tracking.batch("metrics") == {"lines": 2, "deep.x": 0.5}
    steps = {step["name"]: step["key"] for step in json.loads(done.stdout)["steps"]}
    assert {name: tracking.batch("tags")[f"fettle.step.{name}"] for name in steps} == steps
    created = {tag["key"]: tag["value"] for tag in tracking.bodies("runs/create")[0]["tags"]}
    assert created["mlflow.source.git.commit"] == commit and created["mlflow.source.git.dirty"] == "false"
    put = ("PUT", "/api/2.0/mlflow-artifacts/artifacts/7/abc/artifacts/m.json")
    assert put in [call[:2] for call in tracking.calls]
    assert tracking.bodies("runs/update")[0]["status"] == "FINISHED"
    asked = len(tracking.calls)
    assert project.call("run", "--server", tracking.url, "--set", "word=two").returncode == 0
    assert len(tracking.calls) == asked, "a run in which nothing ran leaves no trace"


def test_a_failed_run_is_recorded_as_failed(project, tracking):
    project.write("fettle.yaml", textwrap.dedent(YAML).replace("command: mkdir", "command: false; mkdir /x/y;"))
    assert project.call("run", "--server", tracking.url).returncode == 1
    assert tracking.bodies("runs/update")[0]["status"] == "FAILED"
    assert "step 'second'" in tracking.batch("tags")["fettle.error"]


def test_steps_know_their_run(project, tracking):
    telling = "echo $MLFLOW_RUN_ID $MLFLOW_TRACKING_URI >"
    project.write("fettle.yaml", textwrap.dedent(YAML).replace("cat source.txt >", telling))
    assert project.call("run", "--server", tracking.url).returncode == 0
    assert project.read("work/first.txt").startswith(f"abc {tracking.url}\n")


def test_no_server_is_a_warning_unless_it_was_asked_for(project):
    nowhere = "http://127.0.0.1:9"
    done = project.call("run", "--server", nowhere)
    assert done.returncode == 10 and "no server at " + nowhere in done.stderr
    assert not (project.folder / "work/first.txt").exists()
    done = project.call("run", env={**os.environ, "FETTLE_SERVER": nowhere})
    assert done.returncode == 0 and "warning: this run is not recorded: no server at " + nowhere in done.stdout
