"""Every held-out row scored by the XGBoost library and by the endpoint, as a probe that leaves no events: run as its own
process, prints one JSON document."""
import json
import sys

import numpy as np
import pyarrow.parquet as pq
import requests
import xgboost


def rows_as_codes(table, signature) -> np.ndarray:
    columns = []
    for column in signature["inputs"]:
        values = table[column["name"]].to_pandas()
        if column["kind"] == "category":
            values = values.astype(str).map({name: code for code, name in enumerate(column["categories"])})
        columns.append(values.to_numpy(dtype=np.float32))
    return np.stack(columns, axis=1)


def ask(session, url, table, signature, begin, end):
    part = table.slice(begin, end - begin)
    inputs = []
    for column in signature["inputs"]:
        text = column["kind"] == "category"
        inputs.append({"name": column["name"], "shape": [part.num_rows], "datatype": "BYTES" if text else "FP32",
                       "data": part[column["name"]].to_pylist()})
    answer = session.post(url + "/v2/models/flights/infer", json={"inputs": inputs, "parameters": {"record": False}})
    answer.raise_for_status()
    return answer.json()["outputs"][0]["data"]


def main(url: str, model: str, valid: str) -> None:
    with open(model + "/signature.json") as file:
        signature = json.load(file)
    table = pq.read_table(valid)
    booster = xgboost.Booster(model_file=model + "/model.ubj")
    types = ["c" if column["kind"] == "category" else "float" for column in signature["inputs"]]
    theirs = booster.inplace_predict(rows_as_codes(table, signature)) if "c" not in types else booster.predict(
        xgboost.DMatrix(rows_as_codes(table, signature), feature_types=types, enable_categorical=True,
                        feature_names=booster.feature_names))
    session = requests.Session()
    ours = []
    for begin in range(0, table.num_rows, 2000):
        ours.extend(ask(session, url, table, signature, begin, min(table.num_rows, begin + 2000)))
    scoring = session.post(url + "/invocations", json={"params": {"record": False}, "dataframe_split": {
        "columns": [c["name"] for c in signature["inputs"]],
        "data": [[table[c["name"]][i].as_py() for c in signature["inputs"]] for i in range(5)]}})
    scoring.raise_for_status()
    print(json.dumps({"rows": len(ours), "max_difference": float(np.max(np.abs(np.array(ours) - theirs))),
                      "invocations_difference": float(np.max(np.abs(np.array(scoring.json()["predictions"]) - theirs[:5])))}))


main(*sys.argv[1:4])
