"""The server is killed at random points under load. What it acknowledged is there afterwards, whole and once."""
import random
import threading

import pytest
import requests

ROUNDS = 6
BATCH = 20  # metrics in one log-batch: all or none


class Load:
    """Writers of four kinds; each notes what was acknowledged. The server is killed after `budget` acknowledgements."""

    def __init__(self, server, api, frame, round_number, rollout, budget):
        self.server, self.api, self.frame, self.round, self.rollout = server, api, frame, round_number, rollout
        self.budget, self.lock, self.dead = budget, threading.Lock(), threading.Event()
        self.runs, self.batches, self.tried_batches, self.outcomes, self.commands = [], [], [], [], []

    def run(self):
        threads = [threading.Thread(target=self._until_dead, args=(work,))
                   for work in (self.log_run, self.predict, self.command)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.server.process.wait(timeout=20)

    def _until_dead(self, work):
        number = 0
        while not self.dead.is_set():
            try:
                work(number)
            except (requests.ConnectionError, requests.Timeout):
                self.dead.set()
            number += 1

    def acknowledged(self, notes, what):
        with self.lock:
            if self.dead.is_set() and self.budget <= 0:
                return
            notes.append(what)
            self.budget -= 1
            if self.budget == 0:
                self.server.process.kill()
                self.dead.set()

    def mlflow(self, call, body):
        return requests.post(f"{self.server.control}/api/2.0/mlflow/{call}", json=body, timeout=20)

    def log_run(self, number):
        made = self.mlflow("runs/create", {"experiment_id": "0", "start_time": 1})
        if made.status_code != 200:
            return
        run = made.json()["run"]["info"]["run_id"]
        self.acknowledged(self.runs, run)
        self.tried_batches.append(run)
        metrics = [{"key": f"m{i}", "value": number, "timestamp": 1, "step": 0} for i in range(BATCH)]
        if self.mlflow("runs/log-batch", {"run_id": run, "metrics": metrics}).status_code == 200:
            self.acknowledged(self.batches, run)

    def predict(self, number):
        request = f"r{self.round}-{number}"
        if self.api.infer(self.frame, request, time_ms=1_000_000_000_000 + number).status_code != 200:
            return
        ids = [f"{request}:{row}" for row in range(len(self.frame))]
        if self.api.outcomes(ids, [number % 2] * len(ids)).status_code == 200:
            self.acknowledged(self.outcomes, ids)

    def command(self, number):
        verb = "hold" if number % 2 == 0 else "resume"
        answer = requests.post(f"{self.server.control}/api/fettle/v1/rollouts/{self.rollout}/{verb}", timeout=20,
                               json={"actor": "test", "reason": f"{self.round}-{number}"})
        if answer.status_code == 200:
            self.acknowledged(self.commands, f"{self.round}-{number}")


def metrics_of(server, run):
    answer = requests.get(f"{server.control}/api/2.0/mlflow/runs/get", params={"run_id": run}, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()["run"]["data"].get("metrics", [])


def check(server, api, load, told_before):
    for run in load.runs:
        metrics_of(server, run)
    for run in load.tried_batches:
        assert len(metrics_of(server, run)) in (0, BATCH), "half a batch"
    for run in load.batches:
        assert len(metrics_of(server, run)) == BATCH, "an acknowledged batch is lost"
    api.post("/settle")
    known = {}
    for ids in load.outcomes[-3:] + load.outcomes[:1]:
        found = api.get(f"/predictions/{ids[-1]}")
        assert len(found["outcomes"]) == 1, "an acknowledged outcome is lost or doubled"
        known[ids[-1]] = found
    told = [d["reason"] for d in api.get(f"/rollouts/{load.rollout}")["decisions"] if d["action"] in ("hold", "resume")]
    assert len(told) == len(set(told)), "a command is recorded twice"
    assert set(load.commands) <= set(told), "an acknowledged command is lost"
    assert told[:len(told_before)] == told_before, "history has changed"
    return told


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_acknowledged_is_lost_or_half_done(start_server, rest, models, flights, seed):
    rng = random.Random(seed)
    frame = flights(5, seed=4)
    frame["origin"] = frame["origin"].astype(str)
    server = start_server()
    api = rest(server)
    # No step ever ends by itself, so that every decision is one of this test's commands.
    api.put("/projects/flights", {"endpoint": "flights", "folder": "/nowhere", "rollout": {
        "steps": [{"percent": 50, "min_outcomes": 10**9}, {"percent": 100, "min_outcomes": 0}],
        "guardrails": {"max_loss_increase": 100, "max_latency_ratio": 1e9}}})
    api.place(models / "first", 1)
    rollout = api.place(models / "second", 2)["rollout"]
    told, answered = [], 0
    for number in range(ROUNDS):
        load = Load(server, api, frame, f"{seed}{number}", rollout, rng.randint(20, 150))
        load.run()
        answered += sum(len(ids) for ids in load.outcomes)
        server = start_server()
        api = rest(server)
        told = check(server, api, load, told)
        if api.get(f"/rollouts/{rollout}")["rollout"]["state"] == "held":
            api.post(f"/rollouts/{rollout}/resume", {"actor": "test", "reason": f"after {seed}{number}"})
            told.append(f"after {seed}{number}")
    endpoint = api.get("/endpoints/flights")
    assert endpoint["outcomes"] >= answered, "acknowledged outcomes are lost"
    assert endpoint["unmatched"] == 0
    arms = api.get(f"/rollouts/{rollout}")["live"]["arms"]
    assert sum(arm["outcomes"] for arm in arms) == endpoint["outcomes"], "evidence is the same after every restart"
    assert server.stop() == 0
