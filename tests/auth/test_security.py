"""Attacks on logins, sessions and browsers; the audit trail; what the operator does."""
import json
import os
import re
import socket
import subprocess

import pytest
import requests

from conftest import ADMIN, Person


def fettle(*arguments, **environment):
    return subprocess.run(["fettle", *arguments], capture_output=True, text=True, timeout=30,
                          env={**os.environ, **environment})


def test_failed_logins_are_slowed_and_others_are_not(server, person, admin):
    bob = person("bob")
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 200
    statuses = []
    for attempt in range(12):
        wrong = Person(server, "admin", f"guess {attempt}").mlflow("GET", "experiments/get", experiment_id="0")
        statuses.append(wrong.status_code)
    assert statuses[0] == 401 and statuses[-1] == 429
    assert int(wrong.headers["Retry-After"]) >= 1
    assert bob.mlflow("GET", "experiments/get", experiment_id="0").status_code == 200
    carl = Person(server, "carl", "no such user")
    assert carl.mlflow("GET", "experiments/get", experiment_id="0").status_code == 401  # the same address
    assert person("dora").mlflow("GET", "experiments/get", experiment_id="0").status_code == 200


def test_a_refused_upload_is_not_read(server):
    with socket.create_connection(server.control.removeprefix("http://").rsplit(":", 1)) as link:
        link.sendall(b"PUT /api/2.0/mlflow-artifacts/artifacts/0/x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                     b"Content-Length: 99999999999\r\n\r\n")
        link.settimeout(10)
        assert link.recv(4096).startswith(b"HTTP/1.1 401")
    assert not list((server.data / "spool").iterdir())


def test_hosts_and_origins(start_server):
    server = start_server("--allowed-host", "fettle.example.org", "--allowed-origin", "https://portal.example.org")
    create = server.control + "/api/2.0/mlflow/experiments/create"
    for listener in (server.control, server.predict):
        assert requests.get(listener + "/health", headers={"Host": "evil.example"}).status_code == 403
        assert requests.get(listener + "/health", headers={"Host": "fettle.example.org"}).status_code == 200
        assert requests.get(listener + "/health").headers["X-Content-Type-Options"] == "nosniff"
        assert requests.get(listener + "/health").headers["X-Frame-Options"] == "SAMEORIGIN"
    def post(name, origin):
        return requests.post(create, json={"name": name}, headers={"Origin": origin}).status_code
    assert post("a", "https://evil.example") == 403
    assert post("a", "null") == 403
    assert post("a", "http://127.0.0.1:1") == 403
    assert post("a", "https://portal.example.org") == 200
    assert post("b", server.control) == 200
    forged = requests.post(server.predict + "/v2/outcomes", data="{}", headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403


def test_a_session_of_the_page(server, person):
    person("ada", ("reader", "experiment", "*"))
    page = requests.Session()
    page.headers["X-Fettle-Page"] = "1"
    api = server.control + "/api/fettle/v1/"
    refused = page.get(api + "me")
    assert refused.status_code == 401 and "WWW-Authenticate" not in refused.headers
    assert page.post(api + "login", json={"user": "ada", "password": "wrong"}).status_code == 401
    forged = requests.post(api + "login", json={"user": "ada", "password": "ada's password"}, headers={"Origin": "https://evil.example"})
    assert forged.status_code == 403
    entered = page.post(api + "login", json={"user": "ada", "password": "ada's password"})
    assert entered.json() == {"user": "ada"}
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert page.get(api + "me").json() == {"access_control": True, "user": "ada", "admin": False, "role_limit": "admin"}
    # the cookie alone changes nothing: a browser says where its page is from
    create = api + "tokens"
    assert page.post(create, json={"name": "t"}).status_code == 403
    assert page.post(create, json={"name": "t"}, headers={"Origin": "https://evil.example"}).status_code == 403
    assert page.post(create, json={"name": "t"}, headers={"Origin": server.control}).status_code == 200
    secret = page.cookies["fettle_session"]
    assert requests.get(api + "me", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert page.post(api + "logout", json={}, headers={"Origin": server.control}).status_code == 200
    assert requests.get(api + "me", cookies={"fettle_session": secret}).status_code == 401


def test_a_session_ends_with_its_password(server, person, admin):
    person("ada")
    api = server.control + "/api/fettle/v1/"
    page = requests.Session()
    page.post(api + "login", json={"user": "ada", "password": "ada's password"})
    assert page.get(api + "me").status_code == 200
    admin.fettle("PATCH", "users/ada", {"password": "something else"})
    assert page.get(api + "me").status_code == 401


def test_the_audit_trail_says_who_did_and_was_refused_what(server, person, admin):
    ada = person("ada", ("reader", "experiment", "*"))
    made = admin.mlflow("POST", "experiments/create", {"name": "flights"}).json()["experiment_id"]
    run = admin.mlflow("POST", "runs/create", {"experiment_id": made}).json()["run"]["info"]["run_id"]
    for step in range(50):
        admin.mlflow("POST", "runs/log-metric", {"run_id": run, "key": "a", "value": step, "timestamp": step})
    assert ada.mlflow("POST", "experiments/delete", {"experiment_id": made}).status_code == 403
    token = ada.fettle("POST", "tokens", {"name": "script"}).json()
    assert Person(server, "ada", "wrong password").mlflow("GET", "experiments/get", experiment_id="0").status_code == 401
    assert ada.fettle("GET", "audit").status_code == 403
    assert admin.mlflow("POST", "experiments/delete", {"experiment_id": made}).status_code == 200
    entries = admin.fettle("GET", "audit?limit=1000").json()["entries"]
    shown = [(e["who"], e["status"], e["action"].split("/")[-1], e["object"]) for e in entries]
    assert ("admin", 200, "create", "experiment 'flights'") in shown
    assert ("admin", 200, "delete", f"experiment {made}") in shown
    assert ("ada", 403, "delete", f"experiment {made}") in shown
    assert ("ada", 200, "tokens", "tokens name=script") in shown
    assert any(e["who"] == "ada" and e["status"] == 401 for e in entries)
    assert len([e for e in entries if e["object"] == f"run {run}"]) == 1  # fifty calls, one line
    assert all(e["peer"] == "127.0.0.1" for e in entries)
    everything = json.dumps(entries) + (server.data.parent / "server.log").read_text()
    for secret in (token["token"], ADMIN[1], "ada's password", "wrong password"):
        assert secret not in everything
    who = {"FETTLE_SERVER": server.control, "MLFLOW_TRACKING_USERNAME": ADMIN[0], "MLFLOW_TRACKING_PASSWORD": ADMIN[1]}
    refused = json.loads(fettle("audit", "--refused", "--who", "ada", "--json", **who).stdout)["entries"]
    assert refused and all(e["status"] >= 400 and e["who"] == "ada" for e in refused)
    assert "experiments/delete" in fettle("audit", "--object", f"experiment {made}", **who).stdout


def test_the_command_line_from_the_first_start_on(start_server, records_of, monkeypatch, tmp_path):
    monkeypatch.delenv("FETTLE_ADMIN_PASSWORD")
    server = start_server("--access-control")
    log = (tmp_path / "server.log").read_text()
    password = re.search(r"user 'admin', password '(\w+)'", log).group(1)
    assert len(password) == 24
    me = {"FETTLE_SERVER": server.control, "MLFLOW_TRACKING_USERNAME": "admin", "MLFLOW_TRACKING_PASSWORD": password}
    nobody = fettle("status", FETTLE_SERVER=server.control)
    assert nobody.returncode == 6 and "token" in nobody.stderr
    assert fettle("status", **me).returncode == 0
    assert fettle("user", "create", "ada", FETTLE_NEW_PASSWORD="ada's password", **me).returncode == 0
    assert fettle("grant", "set", "ada", "writer", "--experiment", "team-*", **me).returncode == 0
    assert "team-*" in fettle("grant", "list", **me).stdout
    ada = {**me, "MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "ada's password"}
    token = fettle("token", "create", "laptop", "--days", "30", **ada).stdout.strip()
    assert re.fullmatch(r"fettle_[\w-]{43}", token)
    with_token = {"FETTLE_SERVER": server.control, "FETTLE_TOKEN": token}
    assert fettle("status", **with_token).returncode == 0
    listed = json.loads(fettle("token", "list", "--json", **with_token).stdout)["tokens"]
    assert [t["name"] for t in listed] == ["laptop"] and listed[0]["used_ms"] > 0
    denied = fettle("user", "create", "eve", FETTLE_NEW_PASSWORD="eve's password", **with_token)
    assert denied.returncode == 7 and "admin" in denied.stderr
    changed = fettle("user", "password", "ada", FETTLE_NEW_PASSWORD="ada's second", **ada)
    assert changed.returncode == 0, changed.stderr
    assert fettle("token", "revoke", listed[0]["id"], **me).returncode == 0
    assert fettle("status", **with_token).returncode == 6

    running = fettle("user", "reset", *records_of(server.data))
    assert running.returncode == 5
    server.stop()
    reset = fettle("user", "reset", *records_of(server.data))
    new = re.search(r"user 'admin', password '(\w+)'", reset.stdout).group(1)
    again = start_server("--access-control")
    assert "password '" not in (tmp_path / "server.log").read_text()[len(log):]
    assert fettle("status", **{**me, "FETTLE_SERVER": again.control}).returncode == 6
    assert fettle("status", **{**me, "FETTLE_SERVER": again.control, "MLFLOW_TRACKING_PASSWORD": new}).returncode == 0
    assert fettle("user", "reset", "--data", str(tmp_path / "nothing")).returncode == 3
    assert fettle("user", "reset").returncode == 2


@pytest.mark.parametrize("given, said", [([], "--access-control"), (["--access-control"], "--tls-cert")])
def test_beyond_this_machine_only_with_passwords_and_tls(tmp_path, given, said):
    refused = fettle("server", "--data", str(tmp_path / "data"), "--control", "0.0.0.0:0", "--predict", "127.0.0.1:0",
                     "--grpc", "127.0.0.1:0", *given)
    assert refused.returncode == 5 and said in refused.stderr


def test_beyond_this_machine_behind_a_proxy(start_server):
    server = start_server("--access-control", "--allow-plain", "--control", "0.0.0.0:0")
    port = server.control.rsplit(":", 1)[1]
    assert requests.get(f"http://127.0.0.1:{port}/api/fettle/v1/me").status_code == 401


def test_every_route_says_who_may_use_it(start_server, tmp_path):
    start_server("--access-control").stop()
    assert "says nothing about who may use it" not in (tmp_path / "server.log").read_text()
