"""Scores and SHAP values of tree models against the libraries that trained them: one thread, alternating rounds.

The libraries' times include their call from Python, which is most of a single row's.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import catboost
import lightgbm
import numpy as np
import xgboost

FEATURES, BATCH, EXPLAINED, ROUNDS = 28, 1000, 512, 5
MEASURES = {"score_single": 1, "score_batch": BATCH, "shap_single": 1, "shap_batch": EXPLAINED}  # rows of a call
GOALS = {"XGBoost 500 x depth 6": {"score_single": 1.8, "score_batch": 0.55, "shap_single": 200, "shap_batch": 14},
         "XGBoost 100 x depth 4": {"score_single": 0.35, "score_batch": 0.14},
         "LightGBM 500 x 64 leaves": {"score_single": 3.5, "score_batch": 1.8, "shap_single": 400, "shap_batch": 150},
         "CatBoost 500 x depth 6": {"score_single": 1, "score_batch": 0.35}}


def models(folder):
    """Trains and saves the models; gives the file and what scores and explains n rows, by name."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20_000, FEATURES)).astype(np.float32)
    y = (rng.normal(size=len(x)) + (x[:, :-1] * x[:, 1:]).sum(axis=1) / 3 > 0).astype(int)
    out = {}
    for trees, depth in ((500, 6), (100, 4)):
        model = xgboost.train({"objective": "binary:logistic", "max_depth": depth}, xgboost.DMatrix(x, y), trees)
        model.set_param({"nthread": 1})
        matrices = {n: xgboost.DMatrix(x[:n]) for n in (1, EXPLAINED)}
        path = folder / f"xgboost{trees}.ubj"
        model.save_model(path)
        out[f"XGBoost {trees} x depth {depth}"] = (
            path, lambda n, m=model: m.inplace_predict(x[:n]), lambda n, m=model, d=matrices: m.predict(d[n], pred_contribs=True))
    leaves = lightgbm.train({"objective": "binary", "num_leaves": 64, "verbosity": -1}, lightgbm.Dataset(x, y), 500)
    leaves.save_model(folder / "lightgbm.txt")
    out["LightGBM 500 x 64 leaves"] = (folder / "lightgbm.txt", lambda n: leaves.predict(x[:n], num_threads=1),
                                       lambda n: leaves.predict(x[:n], pred_contrib=True, num_threads=1))
    cat = catboost.CatBoostClassifier(iterations=500, depth=6, verbose=False, allow_writing_files=False).fit(x, y)
    cat.save_model(str(folder / "catboost.json"), format="json")
    out["CatBoost 500 x depth 6"] = (
        folder / "catboost.json", lambda n: cat.predict(x[:n], prediction_type="RawFormulaVal", thread_count=1),
        lambda n: cat.get_feature_importance(catboost.Pool(x[:n]), type="ShapValues", thread_count=1))
    return out


def microseconds(call, n, times):
    start = time.perf_counter()
    for _ in range(times):
        call(n)
    return (time.perf_counter() - start) * 1e6 / n / times


def measure(folder):
    """Medians of all rounds: {model: {measure: (ours, theirs)}}."""
    trained, rounds = models(folder), {}
    for name in ROUNDS * list(trained):
        path, score, explain = trained[name]
        ours = json.loads(subprocess.run(["fettle_bench_model", str(path)], check=True, capture_output=True).stdout)
        for what, n in MEASURES.items():
            peer = microseconds(explain if what.startswith("shap") else score, n, 50 if what == "score_single" else 2)
            rounds.setdefault(name, {}).setdefault(what, []).append((ours[what], peer))
    return {name: {what: [statistics.median(side) for side in zip(*pairs)] for what, pairs in whats.items()}
            for name, whats in rounds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(pathlib.Path(folder))
    for name, whats in measured.items():
        for what, (ours, theirs) in whats.items():
            goal = GOALS[name].get(what)
            if options.json:
                print(json.dumps({"measure": f"{name}, {what}", "unit": "us/row", "fettle": ours, "peer": round(theirs, 3),
                                  "ratio": round(theirs / ours, 1), "goal": goal, "holds": goal is None or ours <= goal}))
                continue
            verdict = "" if goal is None else f"   goal {goal}: {'holds' if ours <= goal else 'MISSED'}"
            print(f"{name:24}  {what:12}  Fettle {ours:9.3f} us/row   library {theirs:10.2f} us/row   "
                  f"{theirs / ours:6.1f}x{verdict}")


if __name__ == "__main__":
    main()
