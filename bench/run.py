#!/usr/bin/env python3
"""Runs measures by name: bench/run.py [name ...] [--json]. Peers run beside Fettle in the same run."""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
BENCHES = {"trees": ["fettle_bench_trees"], "server": ["fettle_bench_serving"],
           "tracking": ["fettle_bench_tracking"],
           "start": [sys.executable, str(HERE / "start_bench.py")],
           "pipeline": [sys.executable, str(HERE / "pipeline_bench.py")]}


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")] or list(BENCHES)
    flags = ["--json"] if "--json" in sys.argv[1:] else []
    for name in names:
        if name not in BENCHES:
            print(f"bench: there is no measure '{name}'; there are: {', '.join(BENCHES)}", file=sys.stderr)
            return 2
        if not flags:
            print(f"== {name}", flush=True)
        subprocess.run(BENCHES[name] + flags, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
