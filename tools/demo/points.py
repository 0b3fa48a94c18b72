"""The demo's points, in the order in which a team would live them. Each does, looks, and tells the report what it saw."""
import datetime as dt
import hashlib
import json
import os
import pathlib
import stat
import subprocess
import sys
import threading
import time

import requests

from fettle import CommandFailed, Fettle, Server
from report import Report
from world import World, milliseconds

HERE = pathlib.Path(__file__).resolve().parent
DAY = dt.timedelta(days=1)
WEEK_MS = 7 * 86_400_000
API = "/api/fettle/v1"
BUNDLE_FILES = {"model.ubj", "signature.json", "profile.json", "verdict.json", "MLmodel"}
# A sample has 14 times less data: smaller models fit it; less traffic gives fewer outcomes to wait for, and intervals are
# wider, and so must the margin be.
SAMPLE_PARAMS = {"rounds": 60, "depth": 4}
SAMPLE_ROLLOUT = """
  steps:
    - {percent: 20, min_outcomes: 300, margin: 0.1}
    - {percent: 50, min_outcomes: 600, margin: 0.1}
    - {percent: 100, min_outcomes: 0}
"""


class Stage:
    """What all points share."""

    def __init__(self, report: Report, fettle: Fettle, server: Server, world: World, folder: pathlib.Path, sample: bool):
        self.report, self.fettle, self.server, self.world, self.folder, self.sample = report, fettle, server, world, folder, sample
        self.batch = 50 if sample else 250
        self.pinger = None
        self.versions = {}  # what each registered version was made for
        self.sent = self.refused = 0
        self.prediction = ""  # id of one of the replayed

    def get(self, path: str):
        answer = requests.get(self.server.control + API + path, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def rollouts(self):
        """Oldest first."""
        return sorted(self.get("/rollouts")["rollouts"], key=lambda r: r["created_ms"])

    def champion(self) -> dict:
        return next(v for v in self.get("/endpoints/flights")["variants"] if v["variant"] == "champion")

    def pipeline(self, purpose: str, *words: str) -> dict:
        document = self.fettle.run("pipeline", "run", *words)
        bundle = json.loads((self.fettle.project / "work/bundle.json").read_text())
        self.versions[str(bundle["version"])] = purpose
        self.report.say(f"version {bundle['version']} for {purpose}: bundle {bundle['digest'][:12]}")
        return document

    def close(self) -> None:
        if self.pinger:
            self.pinger.stop()


class Pinger(threading.Thread):
    """Asks for one prediction after the other on a kept connection, whatever is swapped behind the endpoint. Its rows
    are no traffic: it asks the server not to record them."""

    BODY = {"parameters": {"record": False}, "inputs": [
        {"name": "hour", "shape": [1], "datatype": "FP32", "data": [18]},
        {"name": "weekday", "shape": [1], "datatype": "FP32", "data": [4]},
        {"name": "distance", "shape": [1], "datatype": "FP32", "data": [733]},
        {"name": "origin", "shape": [1], "datatype": "BYTES", "data": ["ORD"]},
        {"name": "destination", "shape": [1], "datatype": "BYTES", "data": ["LGA"]}]}

    def __init__(self, url: str):
        super().__init__(daemon=True)
        self.url, self.answered, self.failures, self.ended = url + "/v2/models/flights/infer", 0, [], threading.Event()

    def run(self):
        session = requests.Session()
        while not self.ended.wait(0.005):
            try:
                answer = session.post(self.url, json=self.BODY, timeout=10)
                if answer.status_code != 200:
                    self.failures.append(answer.text[:200])
            except requests.RequestException as error:
                self.failures.append(str(error)[:200])
            self.answered += 1

    def stop(self):
        self.ended.set()
        self.join(timeout=15)


def data(stage: Stage) -> None:
    report, fettle = stage.report, stage.fettle
    report.head("Data: a quarter of flights is snapshot, and one flipped bit is found")
    started = time.monotonic()
    added = fettle.run("data", "add", "flights")["snapshot"]
    first = time.monotonic() - started
    started = time.monotonic()
    again = fettle.run("data", "add", "flights")
    second = time.monotonic() - started
    sound = fettle.run("data", "verify", "flights")
    victim = largest_object(fettle.project / ".fettle/blobs")
    flip_bit(victim)
    try:
        fettle.run("data", "verify", "flights")
        found = ""
    except CommandFailed as error:
        found = error.text
        code = error.code
    flip_bit(victim)
    healed = fettle.run("data", "verify", "flights")
    report.point(1, "data is snapshot by content and verified",
                 {"snapshot": added["digest"], "files": len(added["files"]), "bytes": added["bytes"],
                  "seconds to add": round(first, 3), "seconds to add again": round(second, 3), "damage": found[:300]},
                 the_snapshot_is_named_by_its_content=len(added["digest"]) == 64,
                 adding_again_changes_nothing=again["snapshot"]["digest"] == added["digest"] and again["unchanged"],
                 adding_again_reads_no_file=again["hashed"] == 0,
                 adding_again_is_instant=second < 0.5,
                 a_sound_store_verifies=sound["damages"] == [] and healed["damages"] == [],
                 one_flipped_bit_is_found=bool(found) and code == 12)


def largest_object(blobs: pathlib.Path) -> pathlib.Path:
    return max((path for path in blobs.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def flip_bit(path: pathlib.Path) -> None:
    mode = path.stat().st_mode
    path.chmod(mode | stat.S_IWUSR)
    with open(path, "r+b") as file:
        file.seek(path.stat().st_size // 2)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x10]))
    path.chmod(mode)


def first_version(stage: Stage) -> None:
    report, fettle = stage.report, stage.fettle
    report.head("Pipeline: prepare, train on January to March, evaluate, gate, register")
    fettle.run("apply")
    first = stage.pipeline("the first quarter")
    explained = fettle.run("pipeline", "run", "--explain")
    again = fettle.run("pipeline", "run")
    metrics = json.loads((fettle.project / "work/metrics.json").read_text())
    report.point(2, "the pipeline runs what changed and nothing else",
                 {"milliseconds": {s["name"]: s["duration_ms"] for s in first["steps"]}, "metrics": metrics,
                  "explained": {s["name"]: f"{s['action']}: {'; '.join(s['reasons'])}" for s in explained["steps"]}},
                 every_step_ran=[s["action"] for s in first["steps"]] == ["run"] * 5,
                 a_second_run_skips_every_step=[s["action"] for s in again["steps"]] == ["skip"] * 5,
                 explain_says_why=all(s["action"] == "skip" and s["reasons"] for s in explained["steps"]),
                 the_lock_file_is_written=(fettle.project / "fettle.lock").exists(),
                 the_model_beats_a_constant=metrics["log_loss"] < metrics["log_loss_constant"])

    verdict = json.loads((fettle.project / "work/verdict.json").read_text())
    report.point(4, "a gate decides on real checks", {"verdict": verdict["status"],
                 "checks": {c["name"]: [c["status"], c["message"]] for c in verdict["checks"]}},
                 the_first_version_passed=verdict["status"] in ("pass", "warn"),
                 the_verdict_is_stored=bool(stage.get(f"/verdicts?run_id={first['run_id']}")["verdicts"]))

    bundle = json.loads((fettle.project / "work/bundle.json").read_text())
    manifest = requests.get(f"{stage.server.control}{API}/blobs/{bundle['digest']}", timeout=30).content
    champion = stage.champion()
    report.point(5, "a version is an immutable bundle, named by its digest",
                 {"bundle": bundle["digest"], "version": bundle["version"], "files": [f["path"] for f in json.loads(manifest)["files"]]},
                 the_name_is_the_digest_of_the_manifest=hashlib.sha256(manifest).hexdigest() == bundle["digest"],
                 it_holds_model_signature_profile_and_verdict=BUNDLE_FILES <= {f["path"] for f in json.loads(manifest)["files"]},
                 the_first_version_is_champion=champion["bundle"] == bundle["digest"])
    stage.first_bundle = bundle["digest"]
    stage.pinger = Pinger(stage.server.predict)
    stage.pinger.start()


def client(script: str, *words: str) -> dict:
    done = subprocess.run([sys.executable, str(HERE / script), *words], capture_output=True, text=True)
    if done.returncode != 0:
        raise CommandFailed([script, *words], done.returncode, done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def checks_by_other_clients(stage: Stage) -> None:
    report = stage.report
    report.head("Other people's clients: mlflow reads the run, XGBoost scores every held-out row")
    seen = client("check_mlflow.py", stage.server.control, "flights", "flights")
    report.point(3, "an unmodified mlflow client reads runs, artifacts and the registry", seen,
                 the_run_is_found=seen["runs"] >= 1 and str(seen["version"]) == "1",
                 params_and_metrics_are_there="auc" in seen["metrics"] and "rounds" in seen["params"],
                 artifacts_download={"model.ubj", "MLmodel"} <= set(seen["files"]),
                 the_model_loads_by_alias=seen["trees"] > 0)
    parity = client("check_parity.py", stage.server.predict, str(stage.fettle.project / "work/model"),
                    str(stage.fettle.project / "work/valid.parquet"))
    report.point(6, "the server scores as XGBoost does and swaps models without dropping a request", parity,
                 equal_to_xgboost_on_every_row=parity["rows"] > 0 and parity["max_difference"] <= 1e-6,
                 invocations_agree=parity["invocations_difference"] <= 1e-6)


def failing_gate(stage: Stage) -> None:
    report, fettle = stage.report, stage.fettle
    report.head("Gate: a model of one stump is stopped")
    try:
        fettle.run("pipeline", "run", "--set", "rounds=1", "--set", "depth=1")
        code, text = 0, ""
    except CommandFailed as error:
        code, text = error.code, error.text
    verdict = json.loads((fettle.project / "work/verdict.json").read_text())
    failed = [c["name"] for c in verdict["checks"] if c["status"] == "fail"]
    report.point(4, "a gate decides on real checks", {"stump": {"exit code": code, "failed checks": failed, "said": text[-600:]}},
                 a_worse_model_stops_the_pipeline=code == 5 and bool(failed),
                 no_version_came_of_it=stage.champion()["version"] == 1 and not stage.rollouts())


def week(stage: Stage, begin, end, hub: str, fault: tuple) -> None:
    """One week of traffic, after what the team does on its Monday."""
    report = stage.report
    report.head(f"Week of {begin:%d %B}")
    rollouts = stage.rollouts()
    if not rollouts:
        stage.pipeline("a time zone bug", "--set", "hour_offset=12")
    elif len(rollouts) == 1 and rollouts[0]["state"] == "rolled_back":
        stage.pipeline("deeper trees", "--set", "depth=7")
    file = stage.world.ask(begin, end, hub, fault)
    tuesday = min(begin + DAY, end)
    monday = replay(stage, file, begin, tuesday)
    wait_for_retraining(stage)  # it takes minutes, not the week that the replay would be through by then
    rest = replay(stage, file, tuesday, end)
    stage.world.land(begin, end)
    tell(stage, monday["rows"] + rest["rows"])


def replay(stage: Stage, file, begin, end) -> dict:
    prefix = f"{begin:%m%d}"
    sent = stage.fettle.run(
        "endpoint", "replay", "flights", str(file), "--time", "date", "--label-column", "late",
        "--predict", stage.server.predict, "--batch", str(stage.batch), "--outcome-delay-days", "1",
        "--id-prefix", prefix, "--from", f"{begin:%Y-%m-%d}", "--to", f"{end:%Y-%m-%d}")
    stage.prediction = f"{prefix}-{begin:%Y-%m-%d}-0:3"  # the fourth row of the first request
    stage.sent += sent["rows"]
    stage.refused += sent["failed"]
    return sent


def wait_for_retraining(stage: Stage) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        running = [r for r in stage.get("/retrains")["retrains"] if r["state"] == "running"]
        if not running:
            return
        time.sleep(0.1)
    raise RuntimeError("the retraining did not end within five minutes")


def tell(stage: Stage, rows: int) -> None:
    endpoint = stage.get("/endpoints/flights")
    shares = ", ".join(f"v{v['version']} {v['percent']:.0f} %" for v in endpoint["variants"])
    stage.report.say(f"{rows:,} rows, {stage.refused} refused so far; {shares}; {endpoint['state']}: {endpoint['why']}")


def finished(stage: Stage) -> None:
    report, rollouts = stage.report, stage.rollouts()
    by_purpose = {stage.versions.get(str(r["challenger"]["version"]), "retraining"): r for r in rollouts}
    bad, good = by_purpose.get("a time zone bug"), by_purpose.get("deeper trees")
    decisions = {purpose: stage.get(f"/rollouts/{r['id']}")["decisions"] for purpose, r in by_purpose.items()}
    report.point(7, "a canary promotes on evidence and rolls back on harm",
                 {purpose: {"state": r["state"], "decisions": [[d["action"], d["reason"]] for d in decisions[purpose]]}
                  for purpose, r in by_purpose.items()},
                 the_bad_challenger_was_rolled_back=bool(bad) and bad["state"] == "rolled_back",
                 the_good_challenger_was_promoted=bool(good) and good["state"] == "promoted",
                 every_move_has_a_reason=all(d["reason"] for moves in decisions.values() for d in moves))
    stage.pinger.stop()
    report.point(6, "the server scores as XGBoost does and swaps models without dropping a request",
                 {"asked during all swaps": stage.pinger.answered, "failures": stage.pinger.failures[:3],
                  "replayed rows": stage.sent, "refused": stage.refused},
                 no_request_was_dropped=stage.pinger.answered > 100 and not stage.pinger.failures and stage.refused == 0)


def verdict_of_the_watch(stage: Stage, hub: str, fault: tuple) -> None:
    report = stage.report
    report.head("What the watch saw")
    finished(stage)
    windows = stage.get("/endpoints/flights/windows?kind=week")["windows"]
    alerts = stage.get("/alerts")["alerts"]
    for alert in sorted(alerts, key=lambda a: a["opened_event_ms"]):
        report.say(f"{alert['kind']}: {alert['message']}")
    first, last = milliseconds(fault[0]) - WEEK_MS, milliseconds(fault[1]) + WEEK_MS

    def in_fault(alert):
        return first <= alert["opened_event_ms"] <= last

    drift = [a for a in alerts if a["kind"] == "drift"]
    quality = [a for a in alerts if a["kind"] == "data_quality"]
    outcome = [a for a in alerts if a["kind"] in ("concept_drift", "performance")]
    retrains = stage.get("/retrains")["retrains"]
    made = [r for r in stage.rollouts() if str(r["challenger"]["version"]) not in stage.versions]
    beside = [(w["start_ms"], w["variant"], w["version"], round(w["report"]["performance"]["log_loss"], 4))
              for w in windows if w["report"]["outcomes_judged"]]
    report.point(8, "the watch tells the truth, and the loop closes",
                 {"alerts": [[a["kind"], a["subject"], a["message"]] for a in alerts],
                  "retrainings": [[r["state"], r["reason"]] for r in retrains],
                  "log loss by week and version": beside},
                 outcomes_raised_the_alert=bool(outcome),
                 features_stayed_quiet_outside_the_fault=all(in_fault(a) for a in drift + quality),
                 the_fault_raised_data_quality_and_names_the_hub=any(
                     "distance" in a["subject"] + a["message"] and hub in a["subject"] + a["message"] for a in quality),
                 the_fault_raised_the_feature_alarm_of_the_slice=any("distance" in a["subject"] and hub in a["subject"] for a in drift),
                 the_alert_started_a_retraining=any(r["state"] == "succeeded" for r in retrains),
                 the_new_version_passed_gate_and_canary=any(r["state"] == "promoted" for r in made))


def pictures(stage: Stage) -> None:
    report, server = stage.report, stage.server
    report.head("Status, page, metrics")
    stage.fettle.show("status")
    status = stage.fettle.run("status")
    pages = {path: requests.get(server.control + path, timeout=10) for path in ("/", "/endpoints/flights", f"/rollouts/{stage.rollouts()[0]['id']}")}
    metrics = {name: requests.get(url + "/metrics", timeout=10) for name, url in (("control", server.control), ("predict", server.predict))}
    report.point(9, "status, page and metrics show it",
                 {"endpoints": status["endpoints"], "samples": {name: sample_count(answer.text) for name, answer in metrics.items()}},
                 status_says_how_it_is_and_why=all(e["state"] and e["why"] for e in status["endpoints"]),
                 the_page_is_served=all(p.status_code == 200 and "text/html" in p.headers["Content-Type"] for p in pages.values()),
                 metrics_are_prometheus_text=all(sample_count(answer.text) > 5 for answer in metrics.values()))


def sample_count(text: str) -> int:
    """Samples of a Prometheus exposition; raises if it is none."""
    from prometheus_client.parser import text_string_to_metric_families
    return sum(len(family.samples) for family in text_string_to_metric_families(text))


def trace(stage: Stage) -> None:
    report = stage.report
    report.head("Trace: from one prediction back to data and code")
    found = stage.fettle.run("trace", stage.prediction)
    stage.fettle.show("trace", stage.prediction)
    provenance = found["bundle"]["provenance"]
    report.point(10, "one prediction leads back to data and code", found,
                 it_names_version_and_run=bool(found["version"]) and found["run"]["run_id"] == provenance["run_id"],
                 it_names_steps_and_snapshot=bool(provenance["steps"]) and bool(provenance["snapshots"]),
                 it_names_the_commit=len(provenance["commit"]) == 40)
