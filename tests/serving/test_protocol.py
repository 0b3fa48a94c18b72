"""The Open Inference Protocol over HTTP and gRPC, by Triton's own clients; every score against XGBoost's."""
import json

import bundles
import numpy as np
import pytest
import requests
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2 as pb
from tritonclient.utils import InferenceServerException

ROWS = 250


@pytest.fixture(scope="module")
def rows():
    return bundles.flights(ROWS, seed=5).drop(columns="late")


@pytest.fixture(scope="module")
def expected(classifier, rows):
    return classifier.predict_proba(rows)[:, 1]


def inputs(client, frame, binary=None):
    arrays = {"hour": ("INT64", frame["hour"].to_numpy(np.int64)),
              "distance": ("FP32", frame["distance"].to_numpy(np.float32)),
              "origin": ("BYTES", frame["origin"].astype(str).to_numpy(object))}
    out = []
    for name, (datatype, values) in arrays.items():
        tensor = client.InferInput(name, [len(values)], datatype)
        out.append(tensor.set_data_from_numpy(values, **({} if binary is None else {"binary_data": binary})))
    return out


@pytest.mark.parametrize("binary_in", [False, True])
@pytest.mark.parametrize("binary_out", [False, True, None])
def test_http_scores_as_xgboost_does(serve, rows, expected, binary_in, binary_out):
    client = triton_http.InferenceServerClient(serve.address)
    asked = triton_http.InferRequestedOutput("late_probability", binary_data=bool(binary_out))
    outputs = None if binary_out is None else [asked]
    result = client.infer("flights", inputs(triton_http, rows, binary_in), outputs=outputs, request_id="r-1")
    np.testing.assert_allclose(result.as_numpy("late_probability"), expected, rtol=1e-5)
    response = result.get_response()
    assert (response["id"], response["model_version"]) == ("r-1", "7")
    assert response["parameters"]["prediction_id_prefix"] == "r-1"
    assert len(response["parameters"]["bundle"]) == 64


def test_http_says_who_answered_and_makes_up_an_id(serve, rows):
    client = triton_http.InferenceServerClient(serve.address)
    for binary in (False, True):
        names = ("late_probability", "fettle.variant")
        outputs = [triton_http.InferRequestedOutput(name, binary_data=binary) for name in names]
        result = client.infer("flights", inputs(triton_http, rows), outputs=outputs)
        assert {v.decode() if isinstance(v, bytes) else v for v in result.as_numpy("fettle.variant")} == {"champion"}
        assert len(result.get_response()["id"]) == 32


def test_http_describes_itself(serve):
    client = triton_http.InferenceServerClient(serve.address)
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("flights") and client.is_model_ready("flights", "7")
    assert not client.is_model_ready("flights", "8") and not client.is_model_ready("fights")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("flights")
    assert [(t["name"], t["datatype"], t["shape"]) for t in metadata["inputs"]] == [
        ("hour", "INT64", [-1]), ("distance", "FP32", [-1]), ("origin", "BYTES", [-1])]
    assert metadata["versions"] == ["7"]
    assert client.get_model_repository_index() == [{"name": "flights", "version": "7", "state": "READY", "reason": ""}]
    for state in ("live", "ready"):  # KServe's client reads the body
        assert requests.get(f"{serve.url}/v2/health/{state}").json()[state] is True


def test_a_version_can_be_asked_for(serve, rows, expected):
    client = triton_http.InferenceServerClient(serve.address)
    result = client.infer("flights", inputs(triton_http, rows), model_version="7")
    np.testing.assert_allclose(result.as_numpy("late_probability"), expected, rtol=1e-5)
    with pytest.raises(InferenceServerException, match="no version '6' loaded; it has 7"):
        client.infer("flights", inputs(triton_http, rows), model_version="6")


def test_grpc_scores_as_xgboost_does(serve, rows, expected):
    client = triton_grpc.InferenceServerClient(serve.grpc)
    parameters = {"unit": "u", "time_ms": 5}
    result = client.infer("flights", inputs(triton_grpc, rows), request_id="g-1", parameters=parameters)
    np.testing.assert_allclose(result.as_numpy("late_probability"), expected, rtol=1e-5)
    response = result.get_response()
    assert (response.id, response.model_version) == ("g-1", "7")
    assert response.parameters["prediction_id_prefix"].string_param == "g-1"
    outputs = [triton_grpc.InferRequestedOutput("fettle.variant")]
    variants = client.infer("flights", inputs(triton_grpc, rows), outputs=outputs).as_numpy("fettle.variant")
    assert set(variants) == {b"champion"}


def test_grpc_takes_typed_contents(serve, rows, expected):
    request = pb.ModelInferRequest(model_name="flights")
    for name, datatype, field, values in (("hour", "INT64", "int64_contents", rows["hour"].tolist()),
                                          ("distance", "FP64", "fp64_contents", rows["distance"].tolist()),
                                          ("origin", "BYTES", "bytes_contents", [s.encode() for s in rows["origin"]])):
        tensor = request.inputs.add(name=name, datatype=datatype, shape=[ROWS])
        getattr(tensor.contents, field).extend(values)
    client = triton_grpc.InferenceServerClient(serve.grpc)
    response = client._client_stub.ModelInfer(request)
    np.testing.assert_allclose(np.frombuffer(response.raw_output_contents[0], np.float32), expected, rtol=1e-5)


def test_grpc_describes_itself_and_refuses_clearly(serve, rows):
    client = triton_grpc.InferenceServerClient(serve.grpc)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("flights")
    assert not client.is_model_ready("fights")
    assert [t.name for t in client.get_model_metadata("flights").inputs] == ["hour", "distance", "origin"]
    assert client.get_server_metadata().name == "fettle"
    assert client.get_model_repository_index().models[0].version == "7"
    with pytest.raises(InferenceServerException, match="no model 'fights'") as refused:
        client.infer("fights", inputs(triton_grpc, rows))
    assert "NOT_FOUND" in refused.value.status()
    with pytest.raises(InferenceServerException, match="input 'distance' is missing") as refused:
        client.infer("flights", [inputs(triton_grpc, rows)[i] for i in (0, 2)])
    assert "INVALID_ARGUMENT" in refused.value.status()


def test_all_columns_in_one_tensor(serve, rows, expected):
    matrix = np.column_stack([rows["hour"], rows["distance"], rows["origin"].cat.codes]).astype(np.float32)
    client = triton_http.InferenceServerClient(serve.address)
    for binary in (False, True):
        tensor = triton_http.InferInput("x", list(matrix.shape), "FP32").set_data_from_numpy(matrix, binary_data=binary)
        np.testing.assert_allclose(client.infer("flights", [tensor]).as_numpy("late_probability"), expected, rtol=1e-5)
    matrix[3, 2] = 5
    tensor.set_data_from_numpy(matrix)
    with pytest.raises(InferenceServerException, match="row 3: the value of column 'origin' is no category code"):
        client.infer("flights", [tensor])


@pytest.mark.parametrize("datatype", ["FP16", "FP64", "INT32", "INT16", "UINT8", "UINT64"])
def test_numbers_of_every_type(serve, classifier, rows, datatype):
    frame = rows.head(10).copy()
    np_type = {"FP16": np.float16, "FP64": np.float64, "INT32": np.int32, "INT16": np.int16, "UINT8": np.uint8,
               "UINT64": np.uint64}[datatype]
    frame["hour"] = frame["hour"].astype(np_type)
    sent = inputs(triton_http, frame)
    sent[0] = triton_http.InferInput("hour", [10, 1], datatype)
    sent[0].set_data_from_numpy(frame["hour"].to_numpy().reshape(10, 1))
    got = triton_http.InferenceServerClient(serve.address).infer("flights", sent).as_numpy("late_probability")
    np.testing.assert_allclose(got, classifier.predict_proba(rows.head(10))[:, 1], rtol=1e-5)


def column(name, datatype, data, **more):
    return {"name": name, "shape": [len(data)], "datatype": datatype, "data": data, **more}


def body(**changes):
    columns = {"hour": column("hour", "INT64", [12]), "distance": column("distance", "FP32", [500.5]),
               "origin": column("origin", "BYTES", ["ATL"])}
    columns.update(changes)
    return {"inputs": [c for c in columns.values() if c is not None]}


def post(serve, content, path="/v2/models/flights/infer", **options):
    data = content if isinstance(content, (str, bytes)) else json.dumps(content)
    return requests.post(serve.url + path, data=data, timeout=10, **options)


def test_json_may_come_in_any_order_and_without_a_content_type(serve):
    plain = post(serve, body()).json()["outputs"][0]["data"]
    late = {"data": [[500.5]], "datatype": "FP32", "shape": [1, 1], "name": "distance", "other": {"a": [1, {"b": 2}]}}
    reordered = {"id": "", "more": [1, [2]], **body(distance=late)}
    assert post(serve, reordered).json()["outputs"][0]["data"] == plain
    untyped = post(serve, body(), headers={"Content-Type": "application/octet-stream"})
    assert untyped.json()["outputs"][0]["data"] == plain


def test_missing_values_are_null_or_nan(serve, classifier, rows):
    frame = rows.head(1).copy()
    frame["distance"] = np.float32("nan")
    frame.loc[:, "origin"] = None
    expected = classifier.predict_proba(frame)[0, 1]
    for missing in ("null", "NaN"):
        hour = column("hour", "INT64", frame["hour"].tolist())
        text = json.dumps(body(hour=hour, origin=column("origin", "BYTES", [None])))
        got = post(serve, text.replace("500.5", missing)).json()["outputs"][0]["data"][0]
        assert got == pytest.approx(expected, rel=1e-5)
    unknown = post(serve, body(origin=column("origin", "BYTES", ["ZZZ"]))).json()["outputs"][0]["data"]
    assert unknown == post(serve, body(origin=column("origin", "BYTES", [None]))).json()["outputs"][0]["data"]
    assert b"origin=ZZZ" in wait_for_event(serve, b"origin=ZZZ")


def wait_for_event(serve, text):
    """An outcome is answered after all events before it are on disk."""
    assert post(serve, {"ids": ["none:0"], "labels": [0]}, "/v2/outcomes").status_code == 200
    found = serve.event_bytes()
    assert text in found
    return found


@pytest.mark.parametrize("content, message", [
    (body(distance=None, distanse=column("distanse", "FP32", [1])), "no input 'distanse'; did you mean 'distance'?"),
    (body(distance=None), "input 'distance' is missing; 'flights' takes hour, distance, origin"),
    (body(distance=column("distance", "FP32", ["far"])), "input 'distance', element 0: expected a number, got text"),
    (body(origin=column("origin", "BYTES", [3])), "input 'origin', element 0: expected text, got a number"),
    (body(origin=column("origin", "FP32", [3])), "input 'origin' is FP32; this column takes text (BYTES)"),
    (body(distance=column("distance", "BYTES", ["3"])), "input 'distance' is BYTES; this column takes numbers"),
    (body(distance=column("distance", "FP31", [3])), "there is no datatype 'FP31'"),
    (body(distance=column("distance", "FP32", [3, 4])), "inputs have 1 and 2 rows"),
    (body(distance={"name": "distance", "datatype": "FP32", "shape": [1], "data": [1, 2]}),
     "more elements than its shape"),
    (body(distance={"name": "distance", "datatype": "FP32", "shape": [1], "data": []}),
     "has 0 elements; its shape says 1"),
    (body(distance={"name": "distance", "datatype": "FP32", "shape": [1]}), "input 'distance' has no data"),
    (body(distance={"name": "distance", "datatype": "FP32", "data": [1]}), "input 'distance' has no shape"),
    (body(distance={"name": "distance", "shape": [1], "data": [1]}), "input 'distance' has no datatype"),
    (body(distance={"shape": [1], "datatype": "FP32", "data": [1]}), "an input has no name"),
    (body(distance={**column("distance", "FP32", [1]), "shape": [1, 2]}), "has shape [1, 2]"),
    (body(distance={**column("distance", "FP32", [1]), "shape": [-1]}), "has shape [-1]"),
    (body(distance={**column("distance", "FP32", [1]), "shape": [1, 1, 1]}), "has shape [1, 1, 1]"),
    (body(distance={**column("distance", "FP32", [1]), "shape": [1, 1, 1, 1]}), "at most 2 dimensions"),
    (body(distance={**column("distance", "FP32", [1]), "shape": []}), "has no shape"),
    ({"inputs": [{"name": "distance", "datatype": "FP32", "shape": [9007199254740992], "data": [1]}]},
     "at most 65536 rows"),
    ({"inputs": [{"name": "distance", "datatype": "FP32", "shape": [60000], "data": [1]}]}, "more than the request's"),
    ({"inputs": [column("hour", "INT64", [1]), column("hour", "INT64", [1])]}, "input 'hour' is given twice"),
    ({**body(), "outputs": [{"name": "late"}]},
     "no output 'late'; 'flights' gives late_probability, fettle.variant, shap_values"),
    ({**body(), "outputs": [{"name": "late_probability"}] * 2}, "asked for twice"),
    ({**body(), "parameters": {"time_ms": "now"}}, "parameter 'time_ms'"),
    ({**body(), "parameters": {"unit": 3}}, "parameter 'unit' is a number; it must be text"),
    (body(**{"fettle.unit": column("fettle.unit", "INT64", [3])}), "input 'fettle.unit' is INT64; it must be BYTES"),
    (body(distance={**column("distance", "FP32", [1]), "parameters": {"binary_data_size": 4}}), "give one"),
    (body(distance={"name": "distance", "datatype": "FP32", "shape": [1], "parameters": {"shared_memory_region": "x"}}),
     "shared memory is not offered"),
    ({**body(), "id": "x" * 257}, "at most 256 bytes"), ({**body(), "id": 3}, "id is a number; it must be text"),
    ({**body(), "parameters": {"unit": "x" * 257}}, "at most 256 bytes"),
    ({}, "input 'hour' is missing"),
    ({"inputs": []}, "input 'hour' is missing"),
    ({"inputs": 3}, "inputs"), ([], "no JSON object"), ("", "no JSON"), ("{", ""), ("nonsense", ""), ("null", ""),
    ('{"inputs": [', ""), ('{"inputs": [{"name": "hour", "shape": [1], "datatype": "INT64", "data": [1', ""),
    ('{"inputs": []} {}', "after its end"), (b'{"id": "\xff"}', ""), ("[" * 100_000, ""),
])
def test_wrong_requests_are_told_what_is_wrong(serve, content, message):
    answer = post(serve, content)
    assert answer.status_code in (400, 501), answer.text
    assert message in answer.json()["error"]
    assert post(serve, body()).status_code == 200


@pytest.mark.parametrize("header, raw, message", [
    ("0", b"", "Inference-Header-Content-Length"), ("-1", b"", "Inference-Header-Content-Length"),
    ("99999", b"", "must be the length of the JSON"), ("x", b"", "must be the length of the JSON"),
    (None, b"\0" * 3, "3 bytes are left"), (None, b"\0" * 5, "1 bytes of binary data belong to no input"),
])
def test_wrong_binary_requests_are_told_what_is_wrong(serve, header, raw, message):
    tensor = {"name": "distance", "datatype": "FP32", "shape": [1], "parameters": {"binary_data_size": 4}}
    head = json.dumps(body(distance=tensor)).encode()
    answer = post(serve, head + raw, headers={"Inference-Header-Content-Length": header or str(len(head))})
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_a_cut_text_tensor_is_refused(serve):
    for raw in (b"\x03\0\0\0AT", b"\xff\xff\xff\xffATL", b"\x03\0\0", b"\x03\0\0\0ATL!", b"\x02\0\0\0\xff\xff"):
        tensor = {"name": "origin", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(raw)}}
        head = json.dumps(body(origin=tensor)).encode()
        answer = post(serve, head + raw, headers={"Inference-Header-Content-Length": str(len(head))})
        assert answer.status_code == 400 and "origin" in answer.json()["error"]


def test_unknown_models_and_compressed_bodies(serve):
    answer = post(serve, body(), "/v2/models/fligths/infer")
    assert (answer.status_code, "did you mean 'flights'?" in answer.json()["error"]) == (404, True)
    answer = post(serve, body(), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 501 and "gzip" in answer.json()["error"]
