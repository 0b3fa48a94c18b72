"""Whatever is sent: no 5xx, since clients retry those for minutes; an error says its code and why; the server goes on answering."""
import copy
import http.client
import json
import random
import socket

import pytest
import requests

SEEDS = 1500
AT_ONCE = 50  # seeds that share their objects
API, AJAX, FILES = "/api/2.0/mlflow", "/ajax-api/2.0/mlflow", "/api/2.0/mlflow-artifacts"
PAIR, POINT = {"key": "k", "value": "v"}, {"key": "m", "value": 1.5, "timestamp": 1, "step": 2}
DATASET = {"tags": [PAIR], "dataset": {"name": "d", "digest": "x", "source_type": "local", "source": "s", "schema": "{}", "profile": "{}"}}
HISTORY = json.dumps({"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": "RUN"})

# Method, path, parameters of requests that succeed. RUN, EXP, $LM (a logged model) and NAME (a registered model) are filled in.
REQUESTS = [
    ("POST", API + "/experiments/create", {"name": "EXP x", "artifact_location": "s3://b/x", "tags": [PAIR]}),
    ("GET", API + "/experiments/get", {"experiment_id": "EXP"}),
    ("GET", API + "/experiments/get-by-name", {"experiment_name": "Default"}),
    ("POST", API + "/experiments/search", {"max_results": 5, "filter": "name = 'x' AND tags.k = 'v'", "order_by": ["name DESC"], "view_type": "ALL"}),
    ("GET", API + "/experiments/search", {"max_results": 5, "filter": "name LIKE 'x%'", "order_by": "name"}),
    ("POST", API + "/experiments/update", {"experiment_id": "EXP", "new_name": "EXP y"}),
    ("POST", API + "/experiments/set-experiment-tag", {"experiment_id": "EXP", **PAIR}),
    ("POST", API + "/experiments/delete-experiment-tag", {"experiment_id": "EXP", "key": "k"}),
    ("POST", API + "/experiments/search-datasets", {"experiment_ids": ["EXP"]}),
    ("POST", API + "/runs/create", {"experiment_id": "EXP", "user_id": "u", "run_name": "n", "start_time": 5, "tags": [PAIR]}),
    ("POST", API + "/runs/update", {"run_id": "RUN", "status": "FINISHED", "end_time": 7, "run_name": "n"}),
    ("GET", API + "/runs/get", {"run_id": "RUN"}),
    ("POST", API + "/runs/search", {"experiment_ids": ["EXP"], "filter": "metrics.m > 1 and params.k = 'v'", "max_results": 5,
                                    "run_view_type": "ACTIVE_ONLY", "order_by": ["metrics.m DESC"]}),
    ("POST", API + "/runs/log-metric", {"run_id": "RUN", **POINT, "model_id": "$LM", "dataset_name": "d", "dataset_digest": "x"}),
    ("POST", API + "/runs/log-parameter", {"run_id": "RUN", **PAIR}),
    ("POST", API + "/runs/set-tag", {"run_id": "RUN", **PAIR}),
    ("POST", API + "/runs/delete-tag", {"run_id": "RUN", "key": "k"}),
    ("POST", API + "/runs/log-batch", {"run_id": "RUN", "metrics": [POINT, POINT | {"step": 3}], "params": [PAIR], "tags": [PAIR]}),
    ("POST", API + "/runs/log-inputs", {"run_id": "RUN", "datasets": [DATASET], "models": [{"model_id": "$LM"}]}),
    ("POST", API + "/runs/outputs", {"run_id": "RUN", "models": [{"model_id": "$LM", "step": 1}]}),
    ("POST", API + "/runs/log-model", {"run_id": "RUN", "model_json": HISTORY}),
    ("POST", API + "/runs/delete", {"run_id": "RUN"}), ("POST", API + "/runs/restore", {"run_id": "RUN"}),
    ("POST", API + "/experiments/delete", {"experiment_id": "EXP"}), ("POST", API + "/experiments/restore", {"experiment_id": "EXP"}),
    ("GET", API + "/artifacts/list", {"run_id": "RUN", "path": "a"}),
    ("GET", API + "/metrics/get-history", {"run_id": "RUN", "metric_key": "m", "max_results": 5}),
    ("GET", API + "/metrics/get-history-bulk-interval", {"run_ids": "RUN", "metric_key": "m", "max_results": 5, "start_step": 0, "end_step": 9}),
    ("GET", AJAX + "/metrics/get-history-bulk", {"run_id": "RUN", "metric_key": "m", "max_results": 5}),
    ("POST", API + "/logged-models", {"experiment_id": "EXP", "name": "n", "model_type": "t", "source_run_id": "RUN", "params": [PAIR], "tags": [PAIR]}),
    ("GET", API + "/logged-models/$LM", {"allow_deleted": "true"}),
    ("PATCH", API + "/logged-models/$LM", {"model_id": "$LM", "status": "LOGGED_MODEL_READY"}),
    ("PATCH", API + "/logged-models/$LM/tags", {"tags": [PAIR]}),
    ("DELETE", API + "/logged-models/$LM/tags/k", {}),
    ("POST", API + "/logged-models/$LM/params", {"params": [PAIR]}),
    ("POST", API + "/logged-models/search", {"experiment_ids": ["EXP"], "filter": "metrics.m > 0 AND name = 'n'", "max_results": 5,
                                             "datasets": [{"dataset_name": "d", "dataset_digest": "x"}],
                                             "order_by": [{"field_name": "metrics.m", "ascending": False, "dataset_name": "d"}]}),
    ("GET", API + "/logged-models/$LM/artifacts/directories", {"artifact_directory_path": "a"}),
    ("DELETE", API + "/logged-models/$LM", {}),
    ("POST", API + "/registered-models/create", {"name": "NAME x", "tags": [PAIR], "description": "d"}),
    ("GET", API + "/registered-models/get", {"name": "NAME"}),
    ("PATCH", API + "/registered-models/update", {"name": "NAME", "description": "d"}),
    ("POST", API + "/registered-models/rename", {"name": "NAME", "new_name": "NAME"}),
    ("GET", API + "/registered-models/search", {"filter": "name LIKE 'x%'", "max_results": 5, "order_by": "name"}),
    ("POST", API + "/registered-models/get-latest-versions", {"name": "NAME", "stages": ["None"]}),
    ("POST", API + "/registered-models/set-tag", {"name": "NAME", **PAIR}),
    ("DELETE", API + "/registered-models/delete-tag", {"name": "NAME", "key": "k"}),
    ("POST", API + "/registered-models/alias", {"name": "NAME", "alias": "a", "version": "1"}),
    ("GET", API + "/registered-models/alias", {"name": "NAME", "alias": "a"}),
    ("DELETE", API + "/registered-models/alias", {"name": "NAME", "alias": "a"}),
    ("POST", API + "/model-versions/create", {"name": "NAME", "source": "s3://b/x", "run_id": "RUN", "run_link": "l", "description": "d",
                                              "tags": [PAIR], "model_id": "$LM"}),
    ("GET", API + "/model-versions/get", {"name": "NAME", "version": "1"}),
    ("PATCH", API + "/model-versions/update", {"name": "NAME", "version": "1", "description": "d"}),
    ("POST", API + "/model-versions/transition-stage", {"name": "NAME", "version": "1", "stage": "Staging", "archive_existing_versions": True}),
    ("GET", API + "/model-versions/get-download-uri", {"name": "NAME", "version": "1"}),
    ("POST", API + "/model-versions/set-tag", {"name": "NAME", "version": "1", **PAIR}),
    ("DELETE", API + "/model-versions/delete-tag", {"name": "NAME", "version": "1", "key": "k"}),
    ("GET", API + "/model-versions/search", {"filter": "name = 'x' AND run_id = 'y'", "max_results": 5, "order_by": "name"}),
    ("DELETE", API + "/model-versions/delete", {"name": "NAME", "version": "1"}),
    ("DELETE", API + "/registered-models/delete", {"name": "NAME"}),
    ("PUT", FILES + "/artifacts/0/RUN/artifacts/a/b.txt", {}), ("GET", FILES + "/artifacts/0/RUN/artifacts/a/b.txt", {}),
    ("GET", FILES + "/artifacts", {"path": "0/RUN/artifacts"}), ("DELETE", FILES + "/artifacts/0/RUN/artifacts/a", {}),
    ("POST", FILES + "/mpu/create/0/RUN/artifacts", {"path": "a", "num_parts": 2}),
    ("GET", FILES + "/presigned/0/RUN/artifacts/a", {}),
    ("GET", "/get-artifact", {"run_id": "RUN", "path": "a"}),
    ("GET", "/model-versions/get-artifact", {"name": "NAME", "version": "1", "path": "a"}),
]

ODD = [None, True, False, 0, -1, 1.5, 10**25, 2**63, -2**63, 1e308, float("nan"), float("inf"), "", " ", "x", "NaN", "0", "-1", "9" * 30, "1e400",
       "x" * 300, "x" * 9000, "../x", "/etc/passwd", "a//b", "ä", "\u0000", "a\u0000b", "\ud800", "\U0001f600", "'", "\"", "`", "%", "%00", "%ff",
       "a' OR '1'='1", "metrics.a > ", "tags.`a` = 'b", "((((", "a = 'b' AND", "name = 'x' AND " * 50, "LIKE", "params.a IN ('", "models:/x",
       "models:/x@y", "models:/x/99999999999999999999", "runs:/x", "file:///etc", "mlflow-artifacts:/0", [], [[]], [None], ["x"], [1], {}, {"key": "k"},
       {"key": 5}, [{"key": None}], [{}] * 3, ["x"] * 2000, "WzFd", "bnVsbA==", [{"key": "k", "value": "v"}] * 150]
QUERY_ODD = [value for value in ODD if isinstance(value, str) and "\ud800" not in value] + ["true", "false", "1", "5000000"]


def places(value, path=()):
    """Every place in a JSON document."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutate(rng, body):
    body = copy.deepcopy(body)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        where = rng.choice([place for place in places(body)])
        if not where:
            body["x" if rng.random() < 0.5 else rng.choice(["run_id", "run_uuid", "name", "page_token", "filter", "max_results"])] = copy.deepcopy(rng.choice(ODD))
            continue
        holder = body
        for key in where[:-1]:
            holder = holder[key]
        if rng.random() < 0.3:
            del holder[where[-1]]
        else:
            holder[where[-1]] = copy.deepcopy(rng.choice(ODD))
    return body


def raw(rng, body) -> bytes:
    """The body as bytes, sometimes damaged."""
    text = json.dumps(body).encode()
    how = rng.random()
    if how < 0.75:
        return text
    if how < 0.8:
        return json.dumps(text.decode()).encode()
    if how < 0.85:
        return text[:rng.randint(0, len(text))]
    if how < 0.9:
        return text + rng.randbytes(5)
    if how < 0.93:
        return rng.choice([b"", b"null", b"[]", b"5", b'"', b"{" * 5000, b"[" * 100000, b'{"a":' * 2000, b"\xff\xfe", b"NaN", b"-", b'"\\ud800"'])
    damaged = bytearray(text)
    for _ in range(3):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged)


@pytest.fixture(scope="module")
def fresh(shared_server):
    """Objects of its own for each call."""
    session = requests.Session()

    def post(path, body):
        answer = session.post(f"{shared_server.control}{API}/{path}", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def make(number):
        names = {"EXP": post("experiments/create", {"name": f"bad {number}"})["experiment_id"], "NAME": f"bad {number}"}
        names["RUN"] = post("runs/create", {"experiment_id": names["EXP"]})["run"]["info"]["run_id"]
        names["$LM"] = post("logged-models", {"experiment_id": names["EXP"]})["model"]["info"]["model_id"]
        post("registered-models/create", {"name": names["NAME"]})
        post("model-versions/create", {"name": names["NAME"], "source": "s3://b/x"})
        return names
    return make


def fill(value, names):
    text = json.dumps(value)
    for word, name in names.items():
        text = text.replace(word, name)
    return json.loads(text)


def check(answer, what):
    assert answer.status_code < 500 or answer.status_code == 501, (what, answer.status_code, answer.text)
    if answer.status_code >= 400 and answer.headers.get("Content-Type", "").startswith("application/json"):
        body = answer.json()
        said = body.get("message") or body.get("error")  # the latter where no endpoint has been reached
        assert said and (body.get("error_code") or answer.status_code in (400, 404, 405, 413, 414, 431)), (what, answer.text)


def send(session, url, rng, method, path, body):
    if method == "GET" or not body:
        query = dict(body)
        for key in list(query):
            if rng.random() < 0.5:
                query[key] = rng.choice(QUERY_ODD)
        if query and rng.random() < 0.3:
            query.pop(rng.choice(list(query)))
        if rng.random() < 0.3:
            parts = path.split("/")
            parts[rng.randrange(4, len(parts)) if len(parts) > 4 else -1] = requests.utils.quote(rng.choice(QUERY_ODD), safe="")
            path = "/".join(parts)
        return session.request(method, url + path, params=query, data=b"x" if method == "PUT" else None, timeout=30)
    headers = {"Content-Type": "application/json"}
    if rng.random() < 0.05:
        headers = rng.choice([{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/json;charset=utf-16"}, {"Content-Type": ";"}])
    return session.request(method, url + path, data=raw(rng, mutate(rng, body)), headers=headers, timeout=30)


def test_the_requests_succeed_as_they_stand(shared_server, fresh):
    names = fresh("whole")
    for method, path, body in REQUESTS:
        path, body = fill([path, body], names)
        query = method == "GET" or not body
        answer = requests.request(method, shared_server.control + path, params=body if query else None, json=None if query else body,
                                  data=b"x" if method == "PUT" else None, timeout=30)
        assert answer.status_code in (200, 404, 501), (method, path, body, answer.text)  # 404: gone by now, or no such artifact


@pytest.mark.parametrize("block", range(SEEDS // AT_ONCE))
def test_mutated_requests_are_the_callers_mistakes(shared_server, fresh, block):
    session, names = requests.Session(), fresh(block)
    for seed in range(block * AT_ONCE, (block + 1) * AT_ONCE):
        rng = random.Random(seed)
        method, path, body = rng.choice(REQUESTS)
        path, body = fill([path, body], names)
        check(send(session, shared_server.control, rng, method, path, body), (seed, method, path))
    assert session.get(shared_server.control + "/health", timeout=30).status_code == 200
    assert session.get(f"{shared_server.control}{API}/experiments/get", params={"experiment_id": "0"}, timeout=30).status_code == 200


def test_huge_bodies_are_refused_and_read_no_further(shared_server):
    connection = http.client.HTTPConnection(shared_server.control.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", API + "/runs/log-batch")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(10**12))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


def test_slow_clients_hold_up_nobody(shared_server):
    """Hundreds of clients that send a byte and wait."""
    host, port = shared_server.control.removeprefix("http://").split(":")
    slow = [socket.create_connection((host, int(port)), timeout=30) for _ in range(300)]
    for number, connection in enumerate(slow):
        connection.sendall([b"P", b"POST /api", f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{".encode()][number % 3])
    for _ in range(20):
        answer = requests.get(f"{shared_server.control}{API}/experiments/get", params={"experiment_id": "0"}, timeout=10)
        assert answer.status_code == 200
    for connection in slow:
        connection.close()


def test_a_broken_connection_leaves_no_half_run(shared_server):
    """A body that ends early is no request."""
    host, port = shared_server.control.removeprefix("http://").split(":")
    session = requests.Session()
    experiment = session.post(f"{shared_server.control}{API}/experiments/create", json={"name": "broken off"}, timeout=30).json()["experiment_id"]
    body = json.dumps({"experiment_id": experiment}).encode()
    for cut in (0, 1, len(body) - 1):
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall(f"POST {API}/runs/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                               f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:cut])
    search = {"experiment_ids": [experiment]}
    assert session.post(f"{shared_server.control}{API}/runs/search", json=search, timeout=30).json() == {}
