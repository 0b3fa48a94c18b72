"""Webhooks as the real client manages them, told to a real receiver that checks signatures as MLflow documents it."""
import base64
import hashlib
import hmac
import http.server
import json
import queue
import subprocess
import threading
import time

import mlflow
import pytest
import requests
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import MlflowException

SECRET = "my-secret-key"
REACH = ["--webhook-allow-http", "--webhook-allow-private"]


def verify(payload: str, headers, secret: str) -> bool:
    """The verification of MLflow's documentation."""
    signature, timestamp = headers.get("X-MLflow-Signature"), headers.get("X-MLflow-Timestamp")
    if not signature or not signature.startswith("v1,") or abs(time.time() - int(timestamp)) > 300:
        return False
    signed = f"{headers.get('X-MLflow-Delivery-Id')}.{timestamp}.{payload}"
    expected = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    return hmac.compare_digest(signature.removeprefix("v1,"), expected)


class Receiver:
    """Keeps what it was sent; answers with `statuses`, then 200."""

    def __init__(self, port=0):
        self.got, self.statuses, self.headers = queue.Queue(), [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.got.put((json.loads(body), dict(self.headers), verify(body, self.headers, SECRET)))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"thanks")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook?a=b"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def next(self):
        return self.got.get(timeout=60)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.stop()


@pytest.fixture
def open_server(start_server):
    running = start_server(*REACH)
    mlflow.set_tracking_uri(running.control)
    mlflow.set_registry_uri(running.control)
    return running


@pytest.fixture
def hooks(open_server):
    return mlflow.MlflowClient()


def fettle(server, *arguments, code=0):
    done = subprocess.run(["fettle", *arguments, "--server", server.control], capture_output=True, text=True, timeout=60)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_webhooks_are_managed_by_the_client(client):
    made = client.create_webhook("ci.1", "https://example.com/hook", ["model_version.created", "prompt.created"],
                                 description="for CI", secret=SECRET)
    assert made.name == "ci.1" and made.status == "ACTIVE" and made.description == "for CI" and made.secret is None
    assert [str(e) for e in made.events] == ["model_version.created", "prompt.created"]
    got = client.get_webhook(made.webhook_id)
    assert got.url == "https://example.com/hook" and got.creation_timestamp == got.last_updated_timestamp > 0
    changed = client.update_webhook(made.webhook_id, url="https://example.com/other", status="DISABLED",
                                    events=[WebhookEvent("model_version_alias", "created")])
    assert changed.status == "DISABLED" and changed.url.endswith("other") and changed.description == "for CI"
    assert [str(e) for e in changed.events] == ["model_version_alias.created"]
    assert client.update_webhook(made.webhook_id, description="").description is None
    for i in range(3):
        client.create_webhook(f"w{i}", "https://example.com", ["registered_model.created"])
    first = client.list_webhooks(max_results=3)
    assert [w.name for w in first] == ["w2", "w1", "w0"]
    rest = client.list_webhooks(max_results=3, page_token=first.token)
    assert [w.name for w in rest] == ["ci.1"] and not rest.token
    client.delete_webhook(made.webhook_id)
    with pytest.raises(MlflowException, match="not found") as missing:
        client.get_webhook(made.webhook_id)
    assert missing.value.error_code == "RESOURCE_DOES_NOT_EXIST"


EVENT = {"entity": "MODEL_VERSION", "action": "CREATED"}
GOOD = {"name": "a", "url": "https://example.com", "events": [EVENT]}


@pytest.mark.parametrize("change", [
    {"name": ""}, {"name": "-a"}, {"name": "a" * 64}, {"name": "a b"}, {"name": 7}, {"url": ""}, {"url": "example.com"},
    {"url": "http://example.com"}, {"url": "file:///etc/passwd"}, {"url": "https://localhost/x"},
    {"url": "https://127.0.0.1"}, {"url": "https://169.254.169.254/latest/meta-data"}, {"url": "https://[::1]/"},
    {"url": "https://10.1.2.3"}, {"url": "https://0x7f.1"}, {"url": "https://u:p@example.com"}, {"events": []},
    {"events": None}, {"events": "MODEL_VERSION"}, {"events": [{"entity": "MODEL_VERSION"}]}, {"status": "SLEEPING"},
    {"events": [{"entity": "MODEL_VERSION", "action": "DELETED"}]}, {"events": [{"entity": "RUN", "action": "CREATED"}]},
    {"secret": 7}, {"description": "x" * 1001}])
def test_bad_webhooks_are_refused(api, change):
    answer = api.post("webhooks", {**GOOD, **change})
    assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE", answer.text
    assert api.get("webhooks").text == "{}"


def test_bad_requests_about_webhooks(api):
    made = api.post("webhooks", GOOD).json()["webhook"]
    url = f"{api.url}/api/2.0/mlflow/webhooks/{made['webhook_id']}"
    assert set(made) == {"webhook_id", "name", "url", "events", "status", "creation_timestamp", "last_updated_timestamp"}
    assert made["events"] == [EVENT] and made["status"] == "ACTIVE"
    assert api.session.patch(url, json={"url": "http://example.com"}, timeout=20).status_code == 400
    assert api.session.patch(url, json={"events": [{}]}, timeout=20).status_code == 400
    assert api.session.get(url.replace("/api/", "/ajax-api/"), timeout=20).json()["webhook"] == made
    for query in [{"max_results": 1001}, {"max_results": -1}, {"page_token": "garbage"}]:
        assert api.get("webhooks", **query).status_code == 400
    for method in ["get", "patch", "delete"]:
        assert getattr(api.session, method)(url + "0", json={}, timeout=20).status_code == 404
    assert api.post("webhooks/0/test").status_code == 404


def test_every_event_arrives_signed_and_in_order(open_server, hooks, receiver):
    events = ["registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted",
              "model_version_alias.created", "model_version_alias.deleted", "prompt.created", "prompt_version.created",
              "prompt_alias.created"]
    hooks.create_webhook("all", receiver.url, events, secret=SECRET)
    hooks.create_webhook("resting", receiver.url, events, status="DISABLED")
    hooks.create_registered_model("m", tags={"a": "1"}, description="first")
    hooks.create_model_version("m", "mlflow-artifacts:/0/x/artifacts/m", tags={"t": "ü"})
    hooks.set_model_version_tag("m", "1", "k", "v")
    hooks.delete_model_version_tag("m", "1", "k")
    hooks.set_registered_model_alias("m", "champion", 1)
    hooks.delete_registered_model_alias("m", "champion")
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    hooks.set_prompt_alias("greeting", "live", 1)
    expected = [
        {"name": "m", "tags": {"a": "1"}, "description": "first"},
        {"name": "m", "version": "1", "source": "mlflow-artifacts:/0/x/artifacts/m", "run_id": None, "tags": {"t": "ü"},
         "description": None},
        {"name": "m", "version": "1", "key": "k", "value": "v"},
        {"name": "m", "version": "1", "key": "k"},
        {"name": "m", "alias": "champion", "version": "1"},
        {"name": "m", "alias": "champion"}]
    ids = set()
    for name, data in zip(events, expected):
        body, headers, verified = receiver.next()
        assert f"{body['entity']}.{body['action']}" == name and body["data"] == data
        assert verified and headers["Content-Type"] == "application/json" and "T" in body["timestamp"]
        ids.add(headers["X-MLflow-Delivery-Id"])
    assert len(ids) == len(expected)
    prompts = [receiver.next()[0] for _ in range(3)]
    assert [p["entity"] for p in prompts] == ["prompt", "prompt_version", "prompt_alias"]
    assert prompts[1]["data"]["template"] == "Hello {{name}}" and prompts[1]["data"]["version"] == "1"
    assert receiver.got.empty()


def test_a_test_says_what_came_of_it(open_server, hooks, receiver):
    webhook = hooks.create_webhook("t", receiver.url, ["model_version.created"], secret=SECRET)
    result = hooks.test_webhook(webhook.webhook_id)
    assert result.success and result.response_status == 200 and result.response_body == "thanks"
    body, _, verified = receiver.next()
    assert verified and body["data"]["name"] == "example_model" and body["data"]["source"] == "models:/123"
    receiver.statuses = [500]
    result = hooks.test_webhook(webhook.webhook_id, "prompt.created")
    assert not result.success and result.response_status == 500
    assert receiver.next()[0]["data"]["name"] == "example_prompt"
    receiver.stop()
    result = hooks.test_webhook(webhook.webhook_id)
    assert not result.success and result.response_status is None and "Failed to test webhook" in result.error_message


def test_what_was_committed_arrives_after_kill(start_server, receiver):
    first = start_server(*REACH)
    client = mlflow.MlflowClient(first.control, first.control)
    receiver.stop()  # so that nothing can be delivered before the kill
    client.create_webhook("late", receiver.url, ["registered_model.created"], secret=SECRET)
    for i in range(5):
        client.create_registered_model(f"m{i}")
    first.kill()
    again = Receiver(receiver.port)
    start_server(*REACH)
    # The first may have been tried before the kill and waits for its next try; order is kept.
    got = [again.next() for _ in range(5)]
    assert [body["data"]["name"] for body, _, _ in got] == [f"m{i}" for i in range(5)] and all(ok for *_, ok in got)
    again.stop()


def test_killed_again_and_again_every_acknowledged_change_is_told(start_server, receiver):
    server = start_server(*REACH)
    mlflow.MlflowClient(server.control, server.control).create_webhook("k", receiver.url, ["registered_model.created"], secret=SECRET)
    acknowledged, told, number = [], {}, 0
    for round_ in range(4):
        while len(acknowledged) < 15 * (round_ + 1):
            if len(acknowledged) == 15 * round_ + 10:  # in the middle of things: others are asked for at this moment
                threading.Timer(0.003 * (round_ + 1), server.process.kill).start()
            number += 1
            try:
                answer = requests.post(f"{server.control}/api/2.0/mlflow/registered-models/create", json={"name": f"m{number}"},
                                       timeout=20)
            except requests.ConnectionError:
                break
            assert answer.status_code == 200, answer.text
            acknowledged.append(f"m{number}")
        server.process.wait(timeout=20)
        server = start_server(*REACH)
    while not set(acknowledged) <= set(told):
        body, headers, verified = receiver.next()
        assert verified and told.setdefault(body["data"]["name"], headers["X-MLflow-Delivery-Id"]) == headers["X-MLflow-Delivery-Id"]
    names = {m["name"] for m in requests.get(f"{server.control}/api/2.0/mlflow/registered-models/search?max_results=1000",
                                             timeout=20).json()["registered_models"]}
    assert set(told) <= names  # nothing is told of what was not committed


def test_a_failed_delivery_is_tried_again_with_its_id(open_server, hooks, receiver):
    hooks.create_webhook("r", receiver.url, ["registered_model.created"], secret=SECRET)
    receiver.statuses = [503]
    hooks.create_registered_model("m")
    first, second = receiver.next(), receiver.next()
    assert first[0] == second[0] and second[2]
    assert first[1]["X-MLflow-Delivery-Id"] == second[1]["X-MLflow-Delivery-Id"]


def poll(condition):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came true")


def test_dead_letters_are_kept_and_sent_again(open_server, hooks, receiver):
    webhook = hooks.create_webhook("d", receiver.url, ["registered_model.created"], secret=SECRET)
    receiver.statuses, receiver.headers = [410, 307], {"Location": receiver.url}
    hooks.create_registered_model("gone")
    hooks.create_registered_model("moved")
    poll(lambda: json.loads(fettle(open_server, "webhook", "list", "--json"))["webhooks"][0]["dead"] == 2)
    assert receiver.got.qsize() == 2  # neither a refusal nor a redirect is followed up
    shown = json.loads(fettle(open_server, "webhook", "show", webhook.webhook_id, "--json"))
    assert [d["status"] for d in shown["deliveries"]] == [307, 410] and "secret" not in shown
    text = fettle(open_server, "webhook", "show", webhook.webhook_id)
    assert "answered 410" in text and "redirects are not followed" in text
    ids = [receiver.next()[1]["X-MLflow-Delivery-Id"] for _ in range(2)]
    assert "2 to be sent again" in fettle(open_server, "webhook", "redeliver", webhook.webhook_id)
    assert [receiver.next()[1]["X-MLflow-Delivery-Id"] for _ in range(2)] == ids
    one = poll(lambda: [d for d in json.loads(fettle(open_server, "webhook", "show", webhook.webhook_id, "--json"))
                        ["deliveries"] if d["state"] == "delivered"])[0]
    assert "1 to be sent again" in fettle(open_server, "webhook", "redeliver", webhook.webhook_id, one["id"])
    assert receiver.next()[1]["X-MLflow-Delivery-Id"] == one["id"]
    assert "no delivery" in fettle(open_server, "webhook", "redeliver", webhook.webhook_id, "none", code=3)


def test_one_slow_or_dead_receiver_holds_up_nobody(open_server, hooks, receiver):
    hooks.create_webhook("dead", "http://127.0.0.1:9/x", ["registered_model.created"])
    hooks.create_webhook("alive", receiver.url, ["registered_model.created"])
    for i in range(5):
        hooks.create_registered_model(f"m{i}")
    assert [receiver.next()[0]["data"]["name"] for _ in range(5)] == [f"m{i}" for i in range(5)]


def test_fettles_own_events_and_verbs(open_server, hooks, receiver, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n")
    made = json.loads(fettle(open_server, "webhook", "create", "own", receiver.url, "--event", "model_version_alias.moved",
                             "--secret-file", str(secret), "--json"))
    assert made["has_secret"] and SECRET not in json.dumps(made)
    assert not hooks.list_webhooks()  # the client would choke on an event that it does not know
    hooks.create_registered_model("m")
    hooks.create_model_version("m", "mlflow-artifacts:/0/x/artifacts/m")
    fettle(open_server, "model", "alias", "set", "m", "champion", "1", "--reason", "first", "--actor", "ada")
    body, _, verified = receiver.next()
    assert verified and body["data"] == {"name": "m", "alias": "champion", "version": "1", "from": None, "actor": "ada",
                                         "reason": "first", "approved_by": None}
    assert "the receiver took" in fettle(open_server, "webhook", "test", made["id"])
    assert "did you mean" in fettle(open_server, "webhook", "create", "x", receiver.url, "--event", "model_version.create",
                                    code=2)
    assert "own" in fettle(open_server, "webhook", "list")
    fettle(open_server, "webhook", "remove", made["id"])
    assert "no webhooks" in fettle(open_server, "webhook", "list")


def test_secrets_are_not_in_the_data_folder(open_server, hooks):
    hooks.create_webhook("s", "https://example.com", ["registered_model.created"], secret="s3cret-s3cret")
    assert (open_server.data / "webhooks.key").stat().st_mode & 0o777 == 0o600
    for file in open_server.data.rglob("*"):
        assert not file.is_file() or b"s3cret-s3cret" not in file.read_bytes(), file
