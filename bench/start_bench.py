#!/usr/bin/env python3
"""How fast a server answers and how much memory it holds while nobody asks, beside `mlflow server`.

From the start of the process to the first 200 on /health; memory two seconds later. Fettle's is all that is resident
in its one process; of MLflow's processes, pages that several share count once. Fettle's figures are medians of several
starts on fresh data folders; MLflow starts once, since it takes long.
"""
import http.client
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 11
TRIES_S = 180  # of one start
IDLE_S = 2


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def started(command: list, port: int) -> tuple:
    """The process, and the milliseconds until its first answer."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while not is_healthy(port):
        if process.poll() is not None or time.perf_counter() - begin > TRIES_S:
            raise SystemExit(f"start_bench: {command[0]} did not answer")
        time.sleep(0.0005)
    return process, (time.perf_counter() - begin) * 1000


def stop(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(timeout=60)


def kilobytes(path: pathlib.Path, key: str) -> int:
    return sum(int(line.split()[1]) for line in path.read_text().splitlines() if line.startswith(key))


def session_mb(pid: int) -> float:
    """Of all processes of the session that `pid` leads, shared pages counted once."""
    total = 0
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if int((process / "stat").read_text().rpartition(")")[2].split()[3]) == pid:
                total += kilobytes(process / "smaps_rollup", "Pss:")
        except (OSError, ValueError):  # it has ended
            continue
    return total / 1024


def fettle(folder: str, number: int, idle_s: float) -> tuple:
    port = free_port()
    process, ms = started(["fettle", "server", "--data", f"{folder}/{number}", "--control", f"127.0.0.1:{port}",
                           "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0"], port)
    time.sleep(idle_s)
    mb = kilobytes(pathlib.Path(f"/proc/{process.pid}/status"), "VmRSS:") / 1024
    stop(process)
    return ms, mb


def mlflow(folder: str) -> tuple:
    port = free_port()
    process, ms = started(["mlflow", "server", "--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/mlflow.db",
                           "--artifacts-destination", f"{folder}/mlflow"], port)
    time.sleep(IDLE_S)
    mb = session_mb(process.pid)
    stop(process)
    return ms, mb


def main() -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        starts = [fettle(folder, number, 0)[0] for number in range(ROUNDS)]
        idle = fettle(folder, ROUNDS, IDLE_S)[1]
        peer = mlflow(folder)
    for name, unit, ours, theirs in (("start_to_first_answer", "ms", statistics.median(starts), peer[0]),
                                     ("idle_memory", "MB", idle, peer[1])):
        if "--json" in sys.argv[1:]:
            print(json.dumps({"measure": name, "unit": unit, "fettle": round(ours, 1), "mlflow": round(theirs, 1),
                              "ratio": round(theirs / ours, 1)}))
        else:
            print(f"{name.replace('_', ' '):24} fettle {ours:8.1f} {unit}   mlflow {theirs:8.0f} {unit}   {theirs / ours:.0f}x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
