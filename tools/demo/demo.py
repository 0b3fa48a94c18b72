#!/usr/bin/env python3
"""The whole loop on real data: snapshot, train, gate, bundle, serve, canary, watch, retrain, trace.

usage: demo.py [--sample] [--exit]
  --sample  on the committed sample of the data (for CI), with a rollout plan that fits its traffic
  --exit    stop everything at the end and exit 0 only if all ten points held; else the server stays up
"""
import argparse
import datetime as dt
import os
import pathlib
import re
import shutil
import subprocess
import sys

import points
from fettle import Fettle, Server
from report import Report
from world import World, day

ROOT = pathlib.Path(__file__).resolve().parents[2]
FULL = ROOT / "tools/data/node_modules/vega-datasets/data/flights-3m.parquet"
SAMPLE = ROOT / "examples/flights/sample/flights-sample.parquet"
WEEK = dt.timedelta(days=7)
FIRST_TRAFFIC, LAST_TRAFFIC = day("2001-04-02"), day("2001-07-01")
FAULT = (day("2001-05-21"), day("2001-05-25"))  # while the hub's distances are in kilometres
HUB = "ATL"


def make_project(folder: pathlib.Path, sample: bool) -> pathlib.Path:
    """A copy of examples/flights, in which data lands; with a rollout and a model that fit a sample, if it is one."""
    project = folder / "flights"
    shutil.copytree(ROOT / "examples/flights", project, ignore=shutil.ignore_patterns("sample", "data", "work", ".fettle"))
    if sample:
        file = project / "fettle.yaml"
        text = re.sub(r"(?ms)^rollout:.*?(?=^\w|\Z)", f"rollout:{points.SAMPLE_ROLLOUT}\n", file.read_text())
        for name, value in points.SAMPLE_PARAMS.items():
            text = re.sub(rf"(?m)^  {name}: .*$", f"  {name}: {value}", text, count=1)
        file.write_text(text)
    commit(project)
    return project


def commit(project: pathlib.Path) -> None:
    """A user's project is under version control: models are traced back to a commit of it."""
    for words in (["init", "--quiet"], ["add", "--all"],
                  ["-c", "user.name=Demo", "-c", "user.email=demo@localhost", "commit", "--quiet", "-m", "Predict late flights"]):
        subprocess.run(["git", *words], cwd=project, check=True)


def play(report: Report, folder: pathlib.Path, arguments) -> Server:
    project = make_project(folder, arguments.sample)
    world = World(SAMPLE if arguments.sample else FULL, project / "data/flights", folder / "live")
    for week in range(13):
        begin = day("2001-01-01") + week * WEEK
        world.land(begin, min(begin + WEEK, FIRST_TRAFFIC))
    server = Server(folder, usual_ports=not arguments.exit)
    stage = points.Stage(report, Fettle(project), server, world, folder, arguments.sample)
    stage.fettle.environment.update(FETTLE_SERVER=server.control, MLFLOW_TRACKING_URI=server.control)
    report.say(f"server at {server.control}, predictions at {server.predict}")
    try:
        points.data(stage)
        points.first_version(stage)
        points.checks_by_other_clients(stage)
        points.failing_gate(stage)
        begin = FIRST_TRAFFIC
        while begin < LAST_TRAFFIC:
            points.week(stage, begin, min(begin + WEEK, LAST_TRAFFIC), HUB, FAULT)
            begin += WEEK
        points.verdict_of_the_watch(stage, HUB, FAULT)
        points.pictures(stage)
        points.trace(stage)
    except BaseException:
        stage.close()
        if arguments.exit:
            server.stop()
        raise
    stage.close()
    return server


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", action="store_true", help="on the committed sample of the data")
    parser.add_argument("--exit", action="store_true", help="stop everything; exit 0 only if all ten points held")
    arguments = parser.parse_args()
    folder = pathlib.Path(os.environ.get("FETTLE_DEMO", ROOT / "demo"))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    report, server = Report(), None
    try:
        server = play(report, folder, arguments)
    except Exception as error:  # the report says how far it came
        report.fail(error)
    report.write(ROOT / "demo-report.json")
    if server is not None and arguments.exit:
        server.stop()
    elif server is not None:
        print(f"\nThe server stays up (pid {server.process.pid}; stop it with: kill {server.process.pid}). Open\n"
              f"  {server.control}/            is the model in fine fettle?\n"
              f"  {server.control}/endpoints/flights\nor ask: ./run exec fettle status")
    return 0 if report.held() else 1


if __name__ == "__main__":
    sys.exit(main())
