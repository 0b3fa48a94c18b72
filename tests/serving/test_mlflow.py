"""MLflow's scoring protocol: every form of a request, and its errors."""
import json

import bundles
import mlflow
import numpy as np
import pytest
import requests


@pytest.fixture(scope="module")
def rows():
    return bundles.flights(20, seed=6).drop(columns="late")


@pytest.fixture(scope="module")
def expected(classifier, rows):
    return classifier.predict_proba(rows)[:, 1]


def post(serve, content, path="/invocations", content_type="application/json"):
    data = content if isinstance(content, str) else json.dumps(content)
    return requests.post(serve.url + path, data=data, headers={"Content-Type": content_type}, timeout=10)


def test_every_form_scores_the_same(serve, rows, expected):
    shuffled = rows[["origin", "hour", "distance"]].assign(extra=1)
    split = json.loads(shuffled.to_json(orient="split"))
    records = json.loads(shuffled.to_json(orient="records"))
    columns = {name: json.loads(rows[name].to_json(orient="values")) for name in rows}
    late_columns = {"data": split["data"], "index": split["index"], "columns": split["columns"]}
    for content in ({"dataframe_split": split}, {"dataframe_split": late_columns, "params": {"a": [1]}},
                    {"dataframe_records": records}, {"instances": records}, {"inputs": columns}, {"inputs": records}):
        answer = post(serve, content)
        assert answer.status_code == 200, answer.text
        np.testing.assert_allclose(answer.json()["predictions"], expected, rtol=1e-5)
    assert len(answer.headers["X-Fettle-Prediction-Id-Prefix"]) == 32
    assert post(serve, {"instances": records}, "/endpoints/flights/invocations").status_code == 200


def test_what_mlflow_itself_sends(serve, rows, expected):
    content = mlflow.models.utils.dataframe_split_to_json(rows) if hasattr(
        mlflow.models.utils, "dataframe_split_to_json") else json.dumps(
            {"dataframe_split": json.loads(rows.to_json(orient="split"))})
    np.testing.assert_allclose(post(serve, content).json()["predictions"], expected, rtol=1e-5)


def test_numbers_may_be_text(serve, rows, expected):
    records = json.loads(rows.astype(str).to_json(orient="records"))
    np.testing.assert_allclose(post(serve, {"instances": records}).json()["predictions"], expected, rtol=1e-4)


@pytest.mark.parametrize("content, message", [
    ({}, "exactly one of the input fields"), ([], "exactly one of the input fields"),
    ({"instances": [], "inputs": []}, ""), ({"dataframe_split": 3}, "dataframe_split"),
    ({"dataframe_records": 3}, "must be a list"), ({"dataframe_records": []}, "no rows"),
    ({"dataframe_split": {"columns": ["hour"], "data": [[1]]}}, "input 'distance' is missing"),
    ({"dataframe_split": {"columns": ["hour", "distance", "origin"], "data": [[1, 2]]}}, "row 0 has 2 values for 3"),
    ({"instances": [{"hour": "soon", "distance": 1, "origin": "ATL"}]},
     "column 'hour', row 0: expected a number, got text"),
    ({"instances": [{"hour": 1, "distance": 1, "origin": 4}]}, "column 'origin', row 0: expected text, got a number"),
    ({"instances": [1]}, "takes records or lists"), ({"inputs": {"hour": [1], "distance": [1, 2]}}, "1 and 2 rows"),
    ("{", ""), ("", ""),
])
def test_wrong_requests(serve, content, message):
    answer = post(serve, content)
    assert answer.status_code == 400
    assert message in answer.json()["message"] and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_content_types(serve, rows):
    content = {"instances": json.loads(rows.to_json(orient="records"))}
    assert post(serve, content, content_type="application/json; charset=utf-8").status_code == 200
    assert post(serve, content, content_type="application/json; charset=latin-1").status_code == 415
    assert post(serve, "a,b\n1,2\n", content_type="text/csv").status_code == 415
    assert requests.get(serve.url + "/invocations").status_code == 405
    assert requests.get(serve.url + "/ping").status_code == 200
    assert post(serve, content, "/endpoints/fligths/invocations").status_code == 404
