"""SHAP values as an output: over HTTP, gRPC and MLflow's protocol, every value against XGBoost's."""
import bundles
import numpy as np
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
import xgboost
from tritonclient.utils import InferenceServerException

from test_protocol import inputs


@pytest.fixture(scope="module")
def rows():
    return bundles.flights(60, seed=5).drop(columns="late")


@pytest.fixture(scope="module")
def expected(classifier, rows):
    return classifier.get_booster().predict(xgboost.DMatrix(rows, enable_categorical=True), pred_contribs=True)


@pytest.mark.parametrize("binary", [False, True])
def test_http(serve, rows, expected, binary):
    client = triton_http.InferenceServerClient(serve.address)
    asked = [triton_http.InferRequestedOutput(name, binary_data=binary) for name in ("shap_values", "late_probability")]
    result = client.infer("flights", inputs(triton_http, rows), outputs=asked)
    assert [output["name"] for output in result.get_response()["outputs"]] == ["shap_values", "late_probability"]
    shap, scores = result.as_numpy("shap_values"), result.as_numpy("late_probability")
    np.testing.assert_allclose(shap, expected, atol=1e-5)
    np.testing.assert_allclose(1 / (1 + np.exp(-shap.sum(axis=1, dtype=np.float64))), scores, atol=1e-5)


def test_http_by_parameter(serve, rows, expected):
    client = triton_http.InferenceServerClient(serve.address)
    result = client.infer("flights", inputs(triton_http, rows), parameters={"explain": True})
    np.testing.assert_allclose(result.as_numpy("shap_values"), expected, atol=1e-5)
    assert result.as_numpy("late_probability").shape == (60,)
    plain = client.infer("flights", inputs(triton_http, rows), parameters={"explain": False})
    assert plain.as_numpy("shap_values") is None


def test_one_row_equals_its_row_of_many(serve, rows, expected):
    client = triton_http.InferenceServerClient(serve.address)
    for row in range(5):
        result = client.infer("flights", inputs(triton_http, rows[row:row + 1]), parameters={"explain": True})
        np.testing.assert_allclose(result.as_numpy("shap_values")[0], expected[row], atol=1e-5)


def test_grpc(serve, rows, expected):
    client = triton_grpc.InferenceServerClient(serve.grpc)
    asked = [triton_grpc.InferRequestedOutput("shap_values")]
    result = client.infer("flights", inputs(triton_grpc, rows), outputs=asked)
    np.testing.assert_allclose(result.as_numpy("shap_values"), expected, atol=1e-5)
    result = client.infer("flights", inputs(triton_grpc, rows), parameters={"explain": True})
    np.testing.assert_allclose(result.as_numpy("shap_values"), expected, atol=1e-5)


def test_mlflow(serve, rows, expected):
    body = {"dataframe_split": rows.astype({"origin": str}).to_dict(orient="split"), "params": {"explain": True}}
    body["dataframe_split"].pop("index")
    answer = requests.post(f"{serve.url}/invocations", json=body)
    assert answer.status_code == 200, answer.text
    np.testing.assert_allclose(answer.json()["shap_values"], expected, atol=1e-5)
    assert len(answer.json()["predictions"]) == 60


def test_too_many_rows_are_refused(serve):
    client = triton_http.InferenceServerClient(serve.address)
    with pytest.raises(InferenceServerException, match="at most 4096 rows"):
        client.infer("flights", inputs(triton_http, bundles.flights(4097)), parameters={"explain": True})
