"""Bundles for the tests: an XGBoost model trained here, in the folder form that fettle-serve reads."""
import hashlib
import json
import pathlib

import numpy as np
import pandas as pd
import xgboost

ORIGINS = ["ATL", "BOS", "DEN", "ORD", "SFO"]


def flights(rows: int, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "hour": rng.integers(0, 24, rows),
        "distance": rng.uniform(100, 2500, rows).astype(np.float32),
        "origin": pd.Categorical(rng.choice(ORIGINS, rows), categories=ORIGINS),
    })
    signal = (frame["hour"] - 12) / 6 + (frame["origin"] == "ORD") - frame["distance"] / 2500
    frame["late"] = (signal + rng.normal(size=rows) > 0).astype(int)
    return frame


def train(seed: int = 1, rounds: int = 20) -> xgboost.XGBClassifier:
    frame = flights(2000, seed)
    model = xgboost.XGBClassifier(n_estimators=rounds, max_depth=4, tree_method="hist", enable_categorical=True)
    model.fit(frame.drop(columns="late"), frame["late"])
    return model


def signature(kinds: dict[str, str], categories: dict[str, list[str]], output: str) -> dict:
    return {"inputs": [{"name": n, "kind": k, "categories": categories.get(n, [])} for n, k in kinds.items()],
            "output": output}


def seal(folder: pathlib.Path, model: str) -> str:
    """Writes bundle.json of what the folder holds (docs/formats/bundle.md); returns the bundle's digest."""
    (folder / "bundle.json").unlink(missing_ok=True)
    files = []
    for path in sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).as_posix()):
        if path.is_file():
            data = path.read_bytes()
            files.append({"path": path.relative_to(folder).as_posix(), "digest": hashlib.sha256(data).hexdigest(),
                          "size": len(data)})
    provenance = {"project": "", "run_id": "", "commit": "", "dirty": False, "snapshots": [], "steps": [],
                  "params": None}
    manifest = {"format": 1, "model": model, "files": files, "provenance": provenance}
    data = json.dumps(manifest, sort_keys=True, ensure_ascii=False).encode()
    (folder / "bundle.json").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def make(folder: pathlib.Path, classifier: xgboost.XGBClassifier, model: str = "flights") -> str:
    folder.mkdir(parents=True, exist_ok=True)
    classifier.get_booster().save_model(folder / "model.ubj")
    kinds = {"hour": "int", "distance": "float", "origin": "category"}
    (folder / "signature.json").write_text(json.dumps(signature(kinds, {"origin": ORIGINS}, "late_probability")))
    return seal(folder, model)


def make_endless(folder: pathlib.Path) -> str:
    """A model of valid numbers whose answers are not: the sum of its trees is beyond the largest float."""
    frame = flights(500)
    model = xgboost.XGBRegressor(n_estimators=3, max_depth=1, tree_method="hist", enable_categorical=True)
    model.fit(frame.drop(columns="late"), frame["late"])
    document = json.loads(model.get_booster().save_raw("json"))
    for tree in document["learner"]["gradient_booster"]["model"]["trees"]:
        for node, left in enumerate(tree["left_children"]):
            if left == -1:
                tree["split_conditions"][node] = tree["base_weights"][node] = 3e38
    model.load_model(bytearray(json.dumps(document).encode()))
    return make(folder, model)
