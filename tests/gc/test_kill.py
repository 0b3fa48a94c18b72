"""kill -9 in the midst of a clean-up, again and again: it goes on where it was, nothing dangles and nothing is lost."""
import random
from concurrent.futures import ThreadPoolExecutor

import mlflow
import requests
from conftest import NOW
from mlflow.entities import Param, ViewType
from test_gc import GC, OF_RUNS

DELETED, KEPT, ROUNDS = 400, 10, 8


def fill(place):
    """Runs that stay, and runs, experiments and logged models that are deleted."""
    client = place.client
    kept = [place.run(a=f"kept {i}", b="both") for i in range(KEPT)]
    objects, rows = place.objects(), [place.rows(place.server.data, table) for table in OF_RUNS]
    experiments = [client.create_experiment(f"e{i}") for i in range(5)]

    def gone(i):
        run = client.create_run(experiments[i % 5]).info.run_id
        client.log_batch(run, params=[Param(f"p{k}", str(k)) for k in range(50)])
        client.log_metric(run, "loss", i)
        client.log_text(run, f"gone {i}", "gone.txt")
        client.log_text(run, "both", "both.txt")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(gone, range(DELETED)))
    for experiment in experiments:
        client.create_logged_model(experiment, name="net", params={"p": "1"})
        client.delete_experiment(experiment)
    return kept, objects, rows


def killed_in_the_midst(place, rng):
    """Begins a clean-up and kills the server: at once, or as soon as some runs are gone."""
    asked = {"older_than_ms": 0, "unused_for_ms": 0}
    session = requests.Session()
    session.post(place.server.control + GC, json=asked, timeout=30)
    some = rng.choice([0, 1, 33])
    report = {"runs": 0, "state": "running"}
    while report["runs"] < some and report["state"] == "running":
        report = session.get(place.server.control + GC, timeout=30).json()["report"]
    place.server.kill()


def test_a_killed_clean_up_goes_on(start):
    rng = random.Random(11)
    place = start()
    kept, objects, rows = fill(place)
    seen = []
    for _ in range(ROUNDS):
        killed_in_the_midst(place, rng)
        place = start()
        seen.append(place.rows(place.server.data, "runs"))
    place.gc("--yes", *NOW)
    assert seen == sorted(seen, reverse=True) and any(KEPT < count < KEPT + DELETED for count in seen), seen
    assert place.objects() == objects
    assert rows == [place.rows(place.server.data, table) for table in OF_RUNS]
    for table in ["logged_models", "model_params", "experiment_tags", "datasets", "object_removals", "experiments WHERE id > 0"]:
        assert place.rows(place.server.data, table) == 0, table
    mlflow.set_tracking_uri(place.server.control)
    for i, run in enumerate(kept):
        assert len(place.client.get_metric_history(run, "loss")) == 5
        assert mlflow.artifacts.load_text(f"{place.client.get_run(run).info.artifact_uri}/deep/a.txt") == f"kept {i}"
    assert len(place.client.search_runs(["0"], run_view_type=ViewType.ALL)) == KEPT
    for i in range(5):
        place.client.create_experiment(f"e{i}")
