"""Clients that write at random and note what was acknowledged, and what a server has of it later."""
import hashlib
import random
import threading

import requests

POINTS = 20  # of each batch


class Ledger:
    """(moment, what was promised) in the order of the acknowledgements. `now` says which moment it is."""

    def __init__(self, now):
        self.now, self.promises, self.more = now, [], threading.Condition()

    def promise(self, *what):
        with self.more:
            self.promises.append((self.now(), what))
            self.more.notify_all()

    def wait_for(self, count):
        with self.more:
            assert self.more.wait_for(lambda: len(self.promises) >= count, timeout=60)


class Writer(threading.Thread):
    """Writes at random until it has made all its steps, or the server is gone."""

    def __init__(self, url: str, ledger: Ledger, number: int, steps: int):
        super().__init__()
        self.url, self.ledger, self.number, self.steps = url, ledger, number, steps
        self.session, self.rng = requests.Session(), random.Random(number)
        self.runs, self.models, self.wrong = [], [], None

    def post(self, path, body):
        answer = self.session.post(f"{self.url}/api/2.0/mlflow/{path}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def experiment(self, number):
        name = f"e {self.number} {number}"
        self.ledger.promise("experiment", self.post("experiments/create", {"name": name})["experiment_id"], name)

    def create_run(self, number):
        run = self.post("runs/create", {"experiment_id": "0", "run_name": f"r {self.number} {number}"})["run"]["info"]["run_id"]
        self.runs.append(run)
        self.ledger.promise("run", run)

    def batch(self, number):
        run, key = self.rng.choice(self.runs), f"b{self.number}.{number}"
        self.post("runs/log-batch", {
            "run_id": run, "metrics": [{"key": key, "value": i * 0.5, "timestamp": 1000 + i, "step": i} for i in range(POINTS)],
            "params": [{"key": key, "value": "p"}], "tags": [{"key": key, "value": "t"}]})
        self.ledger.promise("batch", run, key)

    def artifact(self, number):
        run, path = self.rng.choice(self.runs), f"a{self.number}.{number}"
        body = random.Random(number // 8).randbytes(self.rng.choice([10, 5000, 70_000]))  # others send the same just now
        url = f"{self.url}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{path}"
        assert self.session.put(url, data=body, timeout=60).status_code == 200
        self.ledger.promise("artifact", run, path, hashlib.sha256(body).hexdigest())

    def version(self, number):
        name = f"m {self.number}"
        if not self.models:
            self.post("registered-models/create", {"name": name})
        made = self.post("model-versions/create", {"name": name, "source": "s3://bucket/x"})["model_version"]["version"]
        self.models.append(made)
        self.ledger.promise("version", name, made)
        self.post("registered-models/alias", {"name": name, "alias": f"a{made}", "version": made})
        self.ledger.promise("alias", name, f"a{made}", made)

    def run(self):
        kinds = [self.experiment, self.create_run, self.batch, self.artifact, self.version]
        try:
            self.create_run(0)
            for number in range(1, self.steps):
                self.rng.choices(kinds, [1, 1, 5, 4, 2])[0](number)
        except requests.RequestException:
            pass  # the server is gone; its answers so far are what counts
        except Exception as error:
            self.wrong = error


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

    def check(self, promises, until=None):
        for moment, what in promises:
            assert (until is not None and moment > until) or self.has(*what), f"lost: {what}, acknowledged at {moment}"

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
