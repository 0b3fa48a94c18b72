"""fettle-serve as a program: what it links, start, damage, outcomes, metrics, stop."""
import shutil
import subprocess
import threading

import pytest
import requests


def fettle_serve(*arguments):
    return subprocess.run(["fettle-serve", *arguments], capture_output=True, text=True, timeout=30)


def infer(url, request_id, hour=12, post=requests.post, **more):
    content = {"id": request_id, "inputs": [
        {"name": "hour", "shape": [1], "datatype": "INT64", "data": [hour]},
        {"name": "distance", "shape": [1], "datatype": "FP32", "data": [500]},
        {"name": "origin", "shape": [1], "datatype": "BYTES", "data": ["ATL"]}], **more}
    return post(f"{url}/v2/models/flights/infer", json=content, timeout=10)


def test_it_links_no_database_no_arrow_and_no_trainer():
    linked = subprocess.run(["ldd", shutil.which("fettle-serve")], capture_output=True, text=True, check=True).stdout
    assert "libgrpc" in linked
    for library in ("sqlite", "arrow", "parquet", "xgboost", "yaml"):
        assert library not in linked


def test_outcomes_are_on_disk_when_they_are_answered(start_serve):
    serve = start_serve()
    assert infer(serve.url, "p", parameters={"unit": "unit-9", "time_ms": 986169600000}).status_code == 200
    answer = requests.post(f"{serve.url}/v2/outcomes", json={
        "outcomes": [{"id": "p:0", "label": 1}, {"id": "q:0", "label": False, "time_ms": 1}]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2})
    serve.kill()
    events = serve.event_bytes()
    for text in (b"p:0", b"unit-9", b"q:0"):
        assert text in events


@pytest.mark.parametrize("content, message", [
    ({}, "give outcomes"), ({"outcomes": []}, "give outcomes"), ({"ids": ["a"], "labels": []}, "1 ids and 0 labels"),
    ({"outcomes": [{"id": "a", "lable": 1}]}, "unknown key 'lable'"),
    ({"outcomes": [{"id": "", "label": 1}]}, "has no id"),
    ({"outcomes": [{"id": "a", "label": "late"}]}, "the label of 'a' must be a finite number"),
    ({"ids": ["a"], "labels": [1], "time_ms": [1, 2]}, "time_ms"), ([], ""),
])
def test_wrong_outcomes(serve, content, message):
    answer = requests.post(f"{serve.url}/v2/outcomes", json=content)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_metrics_count_what_was_answered_and_refused(start_serve):
    serve = start_serve("--model-version", "3", "--name", "flights")
    for _ in range(3):
        infer(serve.url, "m")
    assert infer(serve.url, "m", hour="noon").status_code == 400
    text = requests.get(f"{serve.url}/metrics").text
    variant = 'endpoint="flights",variant="champion",version="3"'
    assert f"fettle_requests_total{{{variant}}} 3\n" in text
    assert f"fettle_predictions_total{{{variant}}} 3\n" in text
    assert f'fettle_request_duration_seconds_bucket{{{variant},le="+Inf"}} 3\n' in text
    assert 'fettle_request_errors_total{endpoint="flights"} 1\n' in text
    assert "fettle_events_dropped_total 0\n" in text


def test_a_damaged_bundle_is_named_and_not_served(tmp_path, bundle):
    folder = tmp_path / "copy"
    shutil.copytree(bundle, folder)
    model = bytearray((folder / "model.ubj").read_bytes())
    model[len(model) // 2] ^= 1
    (folder / "model.ubj").write_bytes(model)
    refused = fettle_serve(str(folder), "--http", "127.0.0.1:0")
    assert refused.returncode == 12
    assert "model.ubj' is changed" in refused.stderr
    shutil.copy(bundle / "model.ubj", folder / "model.ubj")
    (folder / "note.txt").write_text("extra")
    assert "note.txt' is extra" in fettle_serve(str(folder), "--http", "127.0.0.1:0").stderr
    assert fettle_serve(str(tmp_path), "--http", "127.0.0.1:0").returncode == 3


def test_ports_in_use_and_wrong_usage(start_serve, bundle):
    serve = start_serve()
    for option, address in (("--http", serve.address), ("--grpc", serve.grpc)):
        refused = fettle_serve(str(bundle), "--http", "127.0.0.1:0", option, address)
        assert refused.returncode == 10 and "in use" in refused.stderr
    assert "did you mean --http?" in fettle_serve(str(bundle), "--htpp", "x").stderr
    exposed = fettle_serve(str(bundle), "--http", "127.0.0.1:0", "--grpc", "0.0.0.0:0")
    assert exposed.returncode == 5 and "--allow-unauthenticated" in exposed.stderr
    assert fettle_serve().returncode == 2
    assert fettle_serve("--help").stdout.startswith("usage: fettle-serve")
    assert fettle_serve("--version").stdout.startswith("fettle-serve 0.")


def test_a_stop_under_load_answers_what_it_took(start_serve):
    serve = start_serve()
    statuses, started = [], threading.Event()

    def load():
        session = requests.Session()
        try:
            while True:
                statuses.append(infer(serve.url, "s", post=session.post).status_code)
                if len(statuses) > 50:
                    started.set()
        except requests.ConnectionError:
            pass

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert started.wait(20)
    assert serve.stop() == 0
    for thread in threads:
        thread.join(20)
    assert set(statuses) == {200}
