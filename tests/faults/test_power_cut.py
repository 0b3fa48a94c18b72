"""Power cuts: a server's writes are recorded, and at many moments the disk that may be left is given to a new server, which must
have all that was acknowledged before, nothing half, and must need no repair."""
import hashlib
import pathlib
import random
import subprocess
import threading

import pytest
import requests

import power_cut

THREADS = 4
STEPS = 60  # writes of each thread
CUTS = 60
POINTS = 20


@pytest.fixture(scope="module")
def recorder(tmp_path_factory):
    library = tmp_path_factory.mktemp("recorder") / "recorder.so"
    source = pathlib.Path(__file__).with_name("recorder.c")
    subprocess.run(["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


class Recorded:
    """A server whose writes below `disk` are recorded in `log`."""

    def __init__(self, server_class, recorder, folder, monkeypatch):
        self.disk, self.log = folder / "disk", folder / "log"
        self.disk.mkdir()
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(recorder))
            patch.setenv("RECORD_ROOT", str(self.disk))
            patch.setenv("RECORD_LOG", str(self.log))
            self.server = server_class(self.disk)
        self.promises = []  # (end of the log when it was acknowledged, what was promised)
        self.lock = threading.Lock()

    def promise(self, *what):
        with self.lock:
            self.promises.append((self.log.stat().st_size, what))


class Writer(threading.Thread):
    """Writes at random, and promises what was acknowledged."""

    def __init__(self, recorded: Recorded, number: int):
        super().__init__()
        self.recorded, self.number, self.rng = recorded, number, random.Random(number)
        self.session = requests.Session()
        self.url = recorded.server.control
        self.runs, self.models = [], []

    def post(self, path, body, method="POST"):
        answer = self.session.request(method, f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def experiment(self, number):
        name = f"e {self.number} {number}"
        self.recorded.promise("experiment", self.post("experiments/create", {"name": name})["experiment_id"], name)

    def create_run(self, number):
        run = self.post("runs/create", {"experiment_id": "0", "run_name": f"r {self.number} {number}"})["run"]["info"]["run_id"]
        self.runs.append(run)
        self.recorded.promise("run", run)

    def batch(self, number):
        run, key = self.rng.choice(self.runs), f"b{self.number}.{number}"
        self.post("runs/log-batch", {
            "run_id": run, "metrics": [{"key": key, "value": i * 0.5, "timestamp": 1000 + i, "step": i} for i in range(POINTS)],
            "params": [{"key": key, "value": "p"}], "tags": [{"key": key, "value": "t"}]})
        self.recorded.promise("batch", run, key)

    def artifact(self, number):
        run, path = self.rng.choice(self.runs), f"a{self.number}.{number}"
        body = random.Random(number // 8).randbytes(self.rng.choice([10, 5000, 70_000]))  # others send the same just now
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}"
        assert self.session.put(url, data=body, timeout=60).status_code == 200
        self.recorded.promise("artifact", run, path, hashlib.sha256(body).hexdigest())

    def version(self, number):
        name = f"m {self.number}"
        if not self.models:
            self.post("registered-models/create", {"name": name})
        made = self.post("model-versions/create", {"name": name, "source": "s3://bucket/x"})["model_version"]["version"]
        self.models.append(made)
        self.recorded.promise("version", name, made)
        self.post("registered-models/alias", {"name": name, "alias": f"a{made}", "version": made})
        self.recorded.promise("alias", name, f"a{made}", made)

    def run(self):
        self.create_run(0)
        for number in range(1, STEPS):
            self.rng.choices([self.experiment, self.create_run, self.batch, self.artifact, self.version], [1, 1, 5, 4, 2])[0](number)


class Survivor:
    """What the server that was started on a rebuilt disk has."""

    def __init__(self, server):
        self.url, self.session = server.control, requests.Session()
        runs = self.post("runs/search", {"experiment_ids": ["0"], "max_results": 50000}).get("runs", [])
        self.runs = {run["info"]["run_id"]: run["data"] for run in runs}
        found = self.post("experiments/search", {"max_results": 50000})["experiments"]
        self.experiments = {e["experiment_id"]: e["name"] for e in found}
        models = self.get("registered-models/search", max_results=1000).get("registered_models", [])
        self.aliases = {(m["name"], a["alias"]): a["version"] for m in models for a in m.get("aliases", [])}
        versions = self.get("model-versions/search").get("model_versions", [])
        self.versions = {(v["name"], v["version"]) for v in versions}

    def post(self, path, body):
        answer = self.session.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def get(self, path, **query):
        answer = self.session.get(f"{self.url}/api/2.0/mlflow/{path}", params=query, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def has(self, kind, *what):
        return getattr(self, f"has_{kind}")(*what)

    def has_experiment(self, number, name):
        return self.experiments.get(number) == name

    def has_run(self, run):
        return run in self.runs

    def has_batch(self, run, key):
        return run in self.runs and key in self.keys(run, "metrics")

    def has_artifact(self, run, path, digest):
        answer = self.session.get(f"{self.url}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}", timeout=60)
        return answer.status_code == 200 and hashlib.sha256(answer.content).hexdigest() == digest

    def has_version(self, name, version):
        return (name, version) in self.versions

    def has_alias(self, name, alias, version):
        return self.aliases.get((name, alias)) == version

    def keys(self, run, kind):
        return {one["key"] for one in self.runs[run].get(kind, []) if one["key"].startswith("b")}

    def check_batches_are_whole(self, rng):
        for run in self.runs:
            assert self.keys(run, "metrics") == self.keys(run, "params") == self.keys(run, "tags"), "a batch is half there"
        with_batches = [(run, key) for run in self.runs for key in sorted(self.keys(run, "metrics"))]
        for run, key in rng.sample(with_batches, min(5, len(with_batches))):
            history = self.get("metrics/get-history", run_id=run, metric_key=key, max_results=25000)["metrics"]
            assert [m["step"] for m in history] == list(range(POINTS)), "a batch is half there"

    def check_artifacts_are_whole(self):
        """What is listed can be read, with the size that is said."""
        for run in self.runs:
            for file in self.get("artifacts/list", run_id=run).get("files", []):
                url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{file['path']}"
                answer = self.session.get(url, timeout=60)
                assert answer.status_code == 200 and len(answer.content) == file["file_size"], (url, answer.text[:200])


def cuts(recorded: Recorded, rng: random.Random, count: int):
    """(moment, disk as it was then), at moments all over the recording, most of them just after something was promised."""
    ends = [end for end, *_ in power_cut.read(recorded.log)]
    promised = [at for at, _ in recorded.promises]
    moments = sorted(rng.sample(promised, min(len(promised), count * 2 // 3)) + rng.sample(ends, min(len(ends), count // 3)))
    disk = power_cut.Disk(recorded.disk)
    for end, *record in power_cut.read(recorded.log):
        while moments and moments[0] < end:
            yield moments.pop(0), disk
        disk.follow(*record)
    for moment in moments:
        yield moment, disk


def test_after_a_power_cut_all_that_was_acknowledged_is_there(server_class, recorder, tmp_path, monkeypatch):
    recorded = Recorded(server_class, recorder, tmp_path, monkeypatch)
    writers = [Writer(recorded, number) for number in range(THREADS)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    recorded.server.kill()
    assert len(recorded.promises) >= THREADS * STEPS, "a writer failed"
    rng = random.Random(7)
    for number, (moment, disk) in enumerate(cuts(recorded, rng, CUTS)):
        folder = tmp_path / f"cut {number}"
        folder.mkdir()
        disk.rebuild(folder, rng)
        server = server_class(folder)
        try:
            survivor = Survivor(server)
            for at, what in recorded.promises:
                assert at > moment or survivor.has(*what), (number, moment, at, what)
            survivor.check_batches_are_whole(rng)
            survivor.check_artifacts_are_whole()
        finally:
            server.kill()
        subprocess.run(["rm", "-r", folder], check=True)


def test_after_a_power_cut_all_outcomes_that_were_acknowledged_are_there(server_class, recorder, tmp_path, monkeypatch, rest, models,
                                                                         flights):
    recorded = Recorded(server_class, recorder, tmp_path, monkeypatch)
    api = rest(recorded.server)
    api.place(models / "first", 1)
    recorded.promise(0)
    frame = flights(5, seed=4).assign(origin=lambda f: f["origin"].astype(str))
    for number in range(1, STEPS // 2):
        assert api.infer(frame, f"r{number}", time_ms=986169600000).status_code == 200
        answer = api.outcomes([f"r{number}:{row}" for row in range(5)], [number % 2] * 5)
        assert answer.status_code == 200, answer.text
        recorded.promise(5 * number)
    recorded.server.kill()
    rng = random.Random(11)
    for number, (moment, disk) in enumerate(cuts(recorded, rng, CUTS // 3)):
        folder = tmp_path / f"cut {number}"
        folder.mkdir()
        disk.rebuild(folder, rng)
        server = server_class(folder)
        try:
            promised = max((what for at, (what,) in recorded.promises if at <= moment), default=None)
            if promised is not None:
                again = rest(server)
                again.post("/settle")
                assert again.get("/endpoints/flights")["outcomes"] >= promised, (number, moment)
                again.get(f"/predictions/r{promised // 5}:4" if promised else "/endpoints/flights")
        finally:
            server.kill()
        subprocess.run(["rm", "-r", folder], check=True)
