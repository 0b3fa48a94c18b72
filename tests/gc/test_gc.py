"""`fettle gc`: what was deleted is removed for good, what somebody needs stays, and nothing goes by accident."""
import json
import threading

import mlflow
import pytest
import requests
from conftest import NOW, Place, run
from mlflow.entities import ViewType

GC = "/api/fettle/v1/gc"
# Of what a run leaves in the records.
OF_RUNS = ["runs", "run_tags", "run_params", "metric_series", "metric_blocks", "latest_metrics", "run_inputs", "artifacts"]


def test_a_deleted_run_is_removed_with_its_bytes_and_others_are_not(place):
    kept = place.run(a="shared", b="kept")
    objects, rows = place.objects(), [place.rows(place.server.data, table) for table in OF_RUNS]
    gone = place.run(a="shared", c="x" * 100_000)
    size = place.bytes()
    place.client.delete_run(gone)

    assert place.gc("--dry-run")["runs"] == 0, "within the undo window"
    dry = place.gc("--dry-run", *NOW)
    assert (dry["runs"], dry["objects"], dry["bytes"]) == (1, 1, 100_000)
    assert place.client.get_run(gone).info.lifecycle_stage == "deleted" and place.bytes() == size
    assert "--yes" in place.gc(*NOW, code=5), "nothing is removed by accident"
    assert "--older-than" in place.gc("--older-than", "3x", code=2), "a mistake is told before anyone is asked"
    assert place.client.get_run(gone)

    report = place.gc("--yes", *NOW)
    assert (report["runs"], report["objects"], report["bytes"], report["kept"]) == (1, 1, 100_000, 0)
    assert place.objects() == objects and place.bytes() == size - 100_000
    assert rows == [place.rows(place.server.data, table) for table in OF_RUNS]
    with pytest.raises(mlflow.MlflowException, match="not found"):
        place.client.get_run(gone)
    assert [r.info.run_id for r in place.client.search_runs(["0"], run_view_type=ViewType.ALL)] == [kept]
    mlflow.set_tracking_uri(place.server.control)
    assert mlflow.artifacts.load_text(f"{place.client.get_run(kept).info.artifact_uri}/deep/a.txt") == "shared"
    assert place.gc("--yes", *NOW)["runs"] == 0


def test_artifacts_in_s3_go_and_those_that_others_share_stay(start, s3, bucket):
    place = start("--artifact-store", s3.uri(f"{bucket}/store"))
    objects = lambda: {key for key in s3.keys(bucket) if not key.endswith("/")}  # without Arrow's marks of folders
    kept = place.run(a="shared", b="kept")
    keys = objects()
    gone = place.run(a="shared", c="x" * 100_000)
    both = objects()
    assert len(both) == len(keys) + 1
    place.client.delete_run(gone)

    dry = place.gc("--dry-run", *NOW)
    assert (dry["runs"], dry["objects"], dry["bytes"]) == (1, 1, 100_000) and objects() == both
    report = place.gc("--yes", *NOW)
    assert (report["runs"], report["bytes"]) == (1, 100_000) and objects() == keys
    mlflow.set_tracking_uri(place.server.control)
    assert mlflow.artifacts.load_text(f"{place.client.get_run(kept).info.artifact_uri}/deep/a.txt") == "shared"

    s3.stop()
    try:
        assert "S3: cannot list" in place.gc("--yes", *NOW, code=10)
    finally:
        s3.start()


def test_until_then_it_can_be_restored(place):
    gone, experiment = place.run(a="a"), place.client.create_experiment("flights")
    inside = place.run(experiment, b="b")
    place.client.delete_run(gone)
    place.client.delete_experiment(experiment)
    model = place.client.create_logged_model("0", name="net").model_id
    place.client.delete_logged_model(model)
    report = place.gc("--yes")
    assert report["request"]["older_than_ms"] == 30 * 86_400_000
    assert (report["runs"], report["experiments"], report["objects"]) == (0, 0, 0)
    assert f"run {gone} restored" in run("run", "restore", gone, "--server", place.server.control)
    run("experiment", "restore", "flights", "--server", place.server.control)
    run("model", "restore", model, "--server", place.server.control)
    assert place.client.get_logged_model(model).name == "net"
    assert "not found" in run("model", "restore", "m-none", "--server", place.server.control, code=3)
    for each in [gone, inside]:
        assert place.client.get_run(each).info.lifecycle_stage == "active"
        assert len(place.client.get_metric_history(each, "loss")) == 5
    run("run", "delete", gone, inside, "--server", place.server.control)
    assert place.gc("--yes", *NOW)["runs"] == 2
    assert "not found" in run("run", "restore", gone, "--server", place.server.control, code=3)


def test_the_name_of_a_deleted_experiment_is_free_again(place):
    experiment = place.client.create_experiment("flights", tags={"a": "b"})
    place.run(experiment, a="a")
    model = place.client.create_logged_model(experiment, name="net", tags={"k": "v"}, params={"p": "1"})
    place.client.delete_experiment(experiment)
    with pytest.raises(mlflow.MlflowException, match="deleted state"):
        place.client.create_experiment("flights")
    report = place.gc("--yes", *NOW)
    assert (report["experiments"], report["runs"], report["logged_models"]) == (1, 1, 1)
    with pytest.raises(mlflow.MlflowException, match="not found"):
        place.client.get_logged_model(model.model_id)
    again = place.client.create_experiment("flights")
    assert again != experiment, "a number is never given again"
    assert place.client.search_runs([again, experiment], run_view_type=ViewType.ALL) == []
    assert {e.name for e in place.client.search_experiments(view_type=ViewType.ALL)} == {"Default", "flights"}
    assert place.objects() == set()


def test_what_a_model_version_needs_stays_and_is_told(place):
    experiment = place.client.create_experiment("flights")
    needed, by_source = place.run(experiment, a="a"), place.run(experiment, b="b")
    place.client.create_registered_model("late")
    first = place.client.create_model_version("late", f"{place.client.get_run(needed).info.artifact_uri}/deep", needed)
    place.client.create_model_version("late", f"{place.client.get_run(by_source).info.artifact_uri}/deep", by_source)
    model = place.client.create_logged_model(experiment, name="net")
    place.client.create_model_version("late", f"models:/{model.model_id}", model_id=model.model_id)
    place.client.delete_experiment(experiment)
    objects = place.objects()
    report = place.gc("--yes", *NOW)
    why = {each["id"]: each["why"] for each in report["kept_things"]}
    assert why[needed] == "version 1 of model 'late' needs it" and "version 2" in why[by_source]
    assert "version 3" in why[model.model_id] and "3 of its runs and logged models stay" in why[experiment]
    assert report["runs"] == report["experiments"] == report["objects"] == 0 and place.objects() == objects
    said = run("gc", "--server", place.server.control, "--dry-run", *NOW)
    assert "kept although old: 4" in said and "version 1 of model 'late' needs it" in said

    place.client.delete_model_version("late", first.version)
    assert place.gc("--yes", *NOW)["runs"] == 1
    place.client.delete_registered_model("late")
    report = place.gc("--yes", *NOW)
    assert (report["runs"], report["logged_models"], report["experiments"], report["kept"]) == (1, 1, 1, 0)
    assert place.objects() == set()


def test_a_deployed_bundle_keeps_its_files_and_serves_after_a_restart(start, place, rest, models, flights):
    api = rest(place.server)
    run_id = place.run(a="a")
    place.client.create_registered_model("flights")
    artifacts = place.client.get_run(run_id).info.artifact_uri
    digests = [api.push(models / name) for name in ["first", "second"]]
    for number, digest in enumerate(digests, 1):
        place.client.create_model_version("flights", f"{artifacts}/deep", run_id, tags={"fettle.bundle": digest})
    api.place(models / "first", 1)
    api.post("/versions", {"model": "flights", "version": 2, "bundle": digests[1], "endpoint": "", "run_id": run_id})
    place.client.delete_run(run_id)
    objects = place.objects()
    place.gc("--yes", *NOW)
    assert place.objects() == objects, "both bundles and the run that their versions name"

    for version in ["1", "2"]:
        place.client.delete_model_version("flights", version)
    report = place.gc("--yes", *NOW)
    kept = {each["kind"]: each for each in report["kept_things"]}
    assert report["bundles"] == 1 and kept["bundle"]["id"] == digests[0] and "still served" in kept["bundle"]["why"]
    files = {file["digest"] for file in json.loads((models / "first" / "bundle.json").read_bytes())["files"]}
    left = {path.parent.name + path.name for path in place.objects()}
    assert left == files | {digests[0]}, "the run has gone with its artifact, and the other bundle"
    assert api.get(f"/bundles/{digests[1]}", status=404)

    assert place.server.stop() == 0
    cache = place.server.data / "cache"
    for path in sorted(cache.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    answer = rest(start().server).infer(flights(3), "r1")
    assert answer.status_code == 200, answer.text


def test_no_object_goes_while_a_backup_is_fetched(place, tmp_path):
    gone = place.run(a="a" * 1000)
    server = place.server.control
    begun = requests.post(f"{server}/api/fettle/v1/backups", timeout=30).json()
    place.client.delete_run(gone)
    objects = place.objects()
    report = place.gc("--yes", *NOW)
    assert report["runs"] == 1 and report["objects"] == 0 and "backup" in report["objects_stay"]
    assert place.objects() == objects
    for each in begun["manifest"]["objects"]:
        assert requests.get(f"{server}/api/fettle/v1/backups/{begun['id']}/objects/{each['sha256']}", timeout=30).ok
    assert requests.delete(f"{server}/api/fettle/v1/backups/{begun['id']}", timeout=30).ok
    report = place.gc("--yes", *NOW)
    assert report["objects"] == 1 and not report["objects_stay"] and place.objects() == set()


def test_what_was_removed_can_be_imported_again_whole(place, server_class, tmp_path):
    (tmp_path / "source").mkdir()
    source = server_class(tmp_path / "source")
    try:
        there = Place(source, None)
        experiment = there.client.create_experiment("flights")
        moved = there.run(experiment, a="a")
        words = ["import", "mlflow", source.control, "--server", place.server.control]
        for _ in range(2):
            run(*words)
            assert len(place.client.get_metric_history(moved, "loss")) == 5
            mlflow.set_tracking_uri(place.server.control)
            assert mlflow.artifacts.load_text(f"{place.client.get_run(moved).info.artifact_uri}/deep/a.txt") == "a"
            place.client.delete_run(moved)
            assert place.gc("--yes", *NOW)["runs"] == 1 and place.objects() == set()
    finally:
        source.stop()


def test_one_at_a_time_and_only_what_is_asked_for(place):
    url = place.server.control + GC
    assert requests.get(url, timeout=30).json() == {"report": None}
    answers = []

    def ask():
        for _ in range(20):
            answers.append(requests.post(url, json={"dry_run": True}, timeout=30))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    refused = [a for a in answers if a.status_code != 200]
    assert refused and all(a.status_code == 409 and "runs already" in a.json()["error"]["message"] for a in refused)
    while requests.get(url, timeout=30).json()["report"]["state"] == "running":
        pass
    for body, words in [({"older_than_ms": -1}, "0 or more"), ({"older_than": 5}, "older_than_ms"), ([], "object"),
                        ({"dry_run": "yes"}, "dry_run")]:
        answer = requests.post(url, json=body, timeout=30)
        assert answer.status_code == 400 and words in answer.json()["error"]["message"], answer.text
    for words in ["", "30", "d", "1h1d", "-1d", "1w", "99999999999999999999d"]:
        assert "--older-than" in place.gc("--dry-run", "--older-than", words, code=2)


def test_in_the_background(start):
    place = start("--gc-every", "1s", "--gc-older-than", "0s")
    gone = place.run(a="a")
    place.client.delete_run(gone)
    while place.client.search_runs(["0"], run_view_type=ViewType.ALL):
        pass
    assert place.server.process.poll() is None


def test_admins_only_and_on_the_audit_trail(start_server, monkeypatch):
    monkeypatch.setenv("FETTLE_ADMIN_PASSWORD", "only-for-this-test")
    url = start_server("--access-control").control
    admin, ada = ("admin", "only-for-this-test"), ("ada", "also-for-this-test")
    assert requests.post(f"{url}/api/fettle/v1/users", json={"name": ada[0], "password": ada[1], "admin": False},
                         auth=admin, timeout=30).ok
    assert requests.post(url + GC, json={}, timeout=30).status_code == 401
    for ask in [requests.post, requests.get]:
        assert ask(url + GC, auth=ada, timeout=30).status_code == 403
    assert requests.post(url + GC, json={}, auth=admin, timeout=30).ok
    trail = requests.get(f"{url}/api/fettle/v1/audit", params={"object": "gc"}, auth=admin, timeout=30).json()
    assert {entry["who"] for entry in trail["entries"]} == {"admin", "ada"}
