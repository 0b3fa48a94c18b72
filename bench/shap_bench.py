"""SHAP values of 500 trees over 28 features against the libraries that trained them: one thread, alternating rounds."""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import lightgbm
import numpy as np
import xgboost

FEATURES, TREES, BATCH, ROUNDS = 28, 500, 512, 5
GOALS = {("xgboost", "batch"): 14, ("lightgbm", "batch"): 150, ("xgboost", "single"): 200, ("lightgbm", "single"): 400}
SHAPES = {"xgboost": "500 trees x depth 6", "lightgbm": "500 trees x 64 leaves"}


def models(folder):
    """Saves one model of each library; gives (path, call that explains n rows)."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = (rng.normal(size=len(x)) + (x[:, :-1] * x[:, 1:]).sum(axis=1) / 3 > 0).astype(int)
    trees = xgboost.train({"objective": "binary:logistic", "max_depth": 6}, xgboost.DMatrix(x, y), TREES)
    trees.save_model(folder / "xgboost.ubj")
    trees.set_param({"nthread": 1})
    leaves = lightgbm.train({"objective": "binary", "num_leaves": 64, "verbosity": -1}, lightgbm.Dataset(x, y), TREES)
    leaves.save_model(folder / "lightgbm.txt")
    matrices = {n: xgboost.DMatrix(x[:n]) for n in (1, BATCH)}
    return {"xgboost": (folder / "xgboost.ubj", lambda n: trees.predict(matrices[n], pred_contribs=True)),
            "lightgbm": (folder / "lightgbm.txt", lambda n: leaves.predict(x[:n], pred_contrib=True, num_threads=1))}


def microseconds(call, n):
    start = time.perf_counter()
    call(n)
    return (time.perf_counter() - start) * 1e6 / n


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        trained = models(pathlib.Path(folder))
        for library in ROUNDS * list(trained):
            path, call = trained[library]
            ours = json.loads(subprocess.run(["fettle_bench_shap", str(path)], check=True, capture_output=True).stdout)
            for how, n in (("batch", BATCH), ("single", 1)):
                mine, peer = times.setdefault((library, how), ([], []))
                mine.append(ours[how])
                peer.append(microseconds(call, n))
    for (library, how), (mine, peer) in times.items():
        fettle, theirs, goal = statistics.median(mine), statistics.median(peer), GOALS[library, how]
        if options.json:
            print(json.dumps({"measure": f"shap_{library}_{how}", "unit": "us/row", "fettle": fettle, library: theirs,
                              "ratio": round(theirs / fettle, 1), "goal": goal, "holds": fettle <= goal}))
        else:
            print(f"SHAP, {SHAPES[library]}, {how:6}  Fettle {fettle:8.2f} us/row   {library} {theirs:8.0f} us/row   "
                  f"{theirs / fettle:5.1f}x   goal {goal}: {'holds' if fettle <= goal else 'MISSED'}")


if __name__ == "__main__":
    main()
