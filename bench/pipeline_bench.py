#!/usr/bin/env python3
"""A chain of 100 trivial steps, made once and then again with nothing to do; ninja runs the same graph beside it.

Ninja compares times only; Fettle also knows the content of every file, so ninja's figure is the floor, not the peer to
beat. Prints milliseconds, the median of alternating rounds.
"""
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

STEPS = 100
ROUNDS = 21


def write_projects(folder: pathlib.Path) -> None:
    yaml, ninja = ["project: chain", "pipeline:"], ["rule copy", "  command = cp $in $out"]
    for i in range(STEPS):
        before, out = (f"out/{i - 1}" if i else "source"), f"out/{i}"
        yaml.append(f"  step{i}: {{command: cp {before} {out}, deps: [{before}], outs: [{out}]}}")
        ninja.append(f"build {out}: copy {before}")
    for name, file, lines in (("fettle", "fettle.yaml", yaml), ("ninja", "build.ninja", ninja)):
        (folder / name / "out").mkdir(parents=True)
        (folder / name / "source").write_text("x\n")
        (folder / name / file).write_text("\n".join(lines) + "\n")


def run_ms(command: list, folder: pathlib.Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - start) * 1000


def main() -> int:
    ours, ninja = ["fettle", "pipeline", "run", "--no-record"], ["ninja", "-j1"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_projects(folder)
        first = run_ms(ours, folder / "fettle"), run_ms(ninja, folder / "ninja")
        time.sleep(0.1)  # files written this shortly before they are read are read once more
        run_ms(ours, folder / "fettle")
        rounds = [(run_ms(ours, folder / "fettle"), run_ms(ninja, folder / "ninja"),
                   run_ms(["fettle", "--version"], folder)) for _ in range(ROUNDS)]
    again = [statistics.median(column) for column in zip(*rounds)]
    if "--json" in sys.argv[1:]:
        for measure, mine, peer in (("pipeline_100_first", *first), ("pipeline_100_no_op", *again[:2])):
            print(json.dumps({"measure": measure, "unit": "ms", "fettle": round(mine, 2), "ninja": round(peer, 2),
                              "ratio": round(peer / mine, 2)}))
        return 0
    print(f"{STEPS} steps, first run   fettle {first[0]:8.1f} ms   ninja {first[1]:8.1f} ms   {first[1] / first[0]:.2f}x")
    print(f"{STEPS} steps, no-op run   fettle {again[0]:8.1f} ms   ninja {again[1]:8.1f} ms   {again[1] / again[0]:.2f}x   "
          f"(of fettle's, {again[2]:.1f} ms are the start of the program)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
