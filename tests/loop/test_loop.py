"""The loop as a user meets it: deploy, roll out, replay, trace, through the real server and command line."""
import json
import subprocess
import threading

import pandas as pd
import pytest
import requests

PLAN = {"steps": [{"percent": 30, "min_outcomes": 300, "margin": 0.2}, {"percent": 60, "min_outcomes": 300, "margin": 0.2},
                  {"percent": 100, "min_outcomes": 0}]}


@pytest.fixture
def api(start_server, rest):
    return rest(start_server())


@pytest.fixture
def live(tmp_path, flights):
    """Twelve days of traffic with its labels, as a file."""
    frame = flights(6000, seed=9)
    frame["origin"] = frame["origin"].astype(str)
    frame["date"] = pd.date_range("2001-04-02", periods=len(frame), freq="173s").astype("datetime64[ms]")
    path = tmp_path / "live.parquet"
    frame.to_parquet(path, index=False)
    return path


def fettle(api, *words, expect=0, cwd=None):
    done = subprocess.run(["fettle", *words, "--server", api.server.control, "--json"], capture_output=True, text=True,
                          timeout=120, cwd=cwd)
    assert done.returncode == expect, done.stdout + done.stderr
    return json.loads(done.stdout)


def replay(api, live, *words):
    return fettle(api, "endpoint", "replay", "flights", str(live), "--time", "date", "--label-column", "late",
                  "--predict", api.server.predict, "--batch", "50", *words)


def use_plan(api):
    api.put("/projects/flights", {"endpoint": "flights", "folder": "/nowhere", "rollout": PLAN})


def test_a_good_challenger_is_promoted_by_replayed_traffic(api, models, live):
    use_plan(api)
    assert api.place(models / "first", 1) == {"deployed": True}
    assert api.place(models / "first", 1) == {"deployed": True}
    rollout = api.place(models / "second", 2)["rollout"]
    sent = replay(api, live)
    assert (sent["rows"], sent["failed"], sent["outcomes"], sent["days"]) == (6000, 0, 6000, 13)
    detail = api.get(f"/rollouts/{rollout}")
    assert [d["action"] for d in detail["decisions"]] == ["started", "advance", "promote"]
    assert detail["rollout"]["state"] == "promoted"
    shown = fettle(api, "endpoint", "show", "flights")
    assert [(v["variant"], v["version"], v["percent"]) for v in shown["variants"]] == [("champion", 2, 100)]
    assert (shown["predictions"], shown["outcomes"]) == (6000, 6000)
    assert sum(day["report"]["rows"] for day in api.get("/endpoints/flights/windows?kind=day")["windows"]) < 6000
    assert replay(api, live)["failed"] == 0
    assert fettle(api, "endpoint", "show", "flights")["predictions"] < 8000, "rows of open weeks count once"


def test_a_bad_challenger_is_rolled_back(api, models, live):
    use_plan(api)
    api.place(models / "first", 1)
    rollout = api.place(models / "wrong", 2)["rollout"]
    replay(api, live, "--to", "2001-04-08")
    detail = fettle(api, "rollout", "show", rollout)
    assert detail["rollout"]["state"] == "rolled_back"
    assert detail["decisions"][-1]["lower"] > 0
    assert fettle(api, "status")["endpoints"][0]["variants"][0]["version"] == 1


def test_a_challenger_that_answers_no_numbers_is_rolled_back_for_its_errors(api, models, flights):
    use_plan(api)
    api.place(models / "first", 1)
    rollout = api.place(models / "endless", 2)["rollout"]
    frame = flights(1, seed=4).assign(origin=lambda f: f["origin"].astype(str))
    for number in range(300):
        assert api.infer(frame, f"r{number}", time_ms=986_169_600_000 + number).status_code == 200
    api.post("/settle")
    detail = api.get(f"/rollouts/{rollout}")
    last = detail["decisions"][-1]
    assert detail["rollout"]["state"] == "rolled_back" and "error rate" in last["reason"]
    challenger, champion = last["evidence"]["challenger"], last["evidence"]["champion"]
    assert challenger["errors"] == challenger["requests"] > 0 and champion["errors"] == 0
    assert challenger["outcomes"] == 0, "no outcome was needed"


def test_a_trace_leads_from_a_prediction_to_its_bundle(api, models, live):
    api.place(models / "first", 1)
    last = replay(api, live, "--to", "2001-04-05", "--id-prefix", "w/1")["last_prediction"]
    found = fettle(api, "trace", last)
    assert found["prediction"]["id"] == last and found["version"] == {"model": "flights", "version": 1}
    assert set(found["prediction"]["named_inputs"]) == {"hour", "distance", "origin"}
    assert isinstance(found["prediction"]["named_inputs"]["origin"], str)
    assert found["outcomes"][0]["label"] in (0, 1)
    assert {f["path"] for f in found["bundle"]["files"]} == {"model.ubj", "signature.json"}
    fettle(api, "trace", "nobody:1", expect=3)


def test_replay_says_what_is_wrong_with_its_input(api, models, live):
    api.place(models / "first", 1)

    def refused(*words):
        done = subprocess.run(["fettle", "endpoint", "replay", "flights", str(live), "--predict", api.server.predict,
                               "--server", api.server.control, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode != 0
        return done.stderr

    assert "there are" in refused("--time", "dat", "--label-column", "late") or "date" in refused(
        "--time", "dat", "--label-column", "late")
    assert "not a time" in refused("--time", "hour", "--label-column", "late")
    assert "example" in refused("--time", "date", "--label-column", "late", "--fault", "nonsense")
    assert "no numeric column" in refused("--time", "date", "--label-column", "late", "--fault", "origin*2")


def test_people_steer_a_rollout(api, models):
    api.place(models / "first", 1)
    rollout = api.place(models / "second", 2)["rollout"]
    third = api.place(models / "wrong", 3, status=409)
    assert "fettle rollout start flights 3" in third["error"]["message"]
    held = fettle(api, "rollout", "hold", rollout, "--reason", "lunch", "--actor", "ann")
    assert held["state"] == "held"
    assert fettle(api, "rollout", "hold", rollout, expect=5)["error"]["code"] == "failed_precondition"
    fettle(api, "rollout", "resume", rollout)
    fettle(api, "rollout", "rollback", rollout, "--reason", "no")
    started = fettle(api, "rollout", "start", "flights", "--version", "3")
    fettle(api, "rollout", "promote", started["id"], "--reason", "drill")
    assert [r["state"] for r in fettle(api, "rollout", "list")["rollouts"]] == ["promoted", "rolled_back"]
    decisions = api.get(f"/rollouts/{rollout}")["decisions"]
    for decision in decisions[1:]:  # a person's word is kept with what could be seen then
        assert decision["evidence"]["challenger"]["requests"] == 0
        assert decision["evidence"]["plan_says"] == "hold" and "waiting for outcomes" in decision["evidence"]["because"]
    assert [(d["action"], d["reason"]) for d in decisions][1:] == [("hold", "lunch"), ("resume", ""), ("rollback", "no")]


def test_a_stream_tells_changes_as_they_happen(api, models):
    api.place(models / "first", 1)
    answer = requests.get(api.server.control + "/api/fettle/v1/stream", stream=True, timeout=30)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    threading.Thread(target=lambda: api.place(models / "second", 2)).start()
    for line in answer.iter_lines(chunk_size=1):
        if line.startswith(b"data:"):
            change = json.loads(line[5:])
            break
    assert (change["kind"], change["endpoint"]) == ("rollout_started", "flights")


def test_bytes_that_are_not_what_their_name_says_are_refused(api):
    name = "0" * 64
    refused = requests.put(f"{api.server.control}/api/fettle/v1/blobs/{name}", data=b"something else", timeout=10)
    assert refused.status_code == 400 and "send them again" in refused.json()["error"]["message"]
    assert requests.head(f"{api.server.control}/api/fettle/v1/blobs/{name}", timeout=10).status_code == 404
    manifest = {"format": 1, "model": "m", "files": [{"path": "a", "digest": name, "size": 1}], "provenance": {}}
    assert "is not stored" in api.post("/bundles", manifest, status=409)["error"]["message"]


def test_apply_sends_a_project_and_names_the_line_of_a_mistake(api, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    text = "project: flights\nendpoint: flights\nmonitor:\n  alpha: 0.02\n  outcome_delay_days: 2\n"
    (project / "fettle.yaml").write_text(text)
    fettle(api, "apply", "--project", str(project))
    assert api.get("/projects")["projects"][0]["monitor"] == {"alpha": 0.02, "outcome_delay_days": 2}
    (project / "fettle.yaml").write_text(text.replace("alpha", "alhpa"))
    error = fettle(api, "apply", "--project", str(project), expect=2)["error"]["message"]
    assert "alpha" in error and "fettle.yaml:4" in error
