#!/usr/bin/env python3
"""Runs measures by name: bench/run.py [name ...] [--json]. Peers run beside Fettle in the same run.

Of `tracking`: --rows NAME,NAME measures only some rows of its table, --no-peer leaves MLflow out.
"""
import argparse
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BENCHES = {"trees": ["fettle_bench_trees"], "server": ["fettle_bench_serving"],
           "models": [sys.executable, str(HERE / "model_bench.py")],
           "tracking": ["fettle_bench_tracking"],
           "start": [sys.executable, str(HERE / "start_bench.py")],
           "pipeline": [sys.executable, str(HERE / "pipeline_bench.py")]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rows")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    for name in options.names or BENCHES:
        if name not in BENCHES:
            parser.error(f"there is no measure '{name}'; there are: {', '.join(BENCHES)}")
        command = BENCHES[name] + ["--json"] * options.json
        if name == "tracking":
            command += ["--rows", options.rows] if options.rows else []
            command += ["--no-peer"] * options.no_peer
        if not options.json:
            print(f"== {name}", flush=True)
        subprocess.run(command, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
