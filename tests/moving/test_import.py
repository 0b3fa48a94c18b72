"""`fettle import mlflow`: from MLflow's database, folder and server, with what a client sees compared on both sides."""
import base64
import http.server
import json
import sqlite3
import threading

import pytest
import requests
from conftest import MlflowServer, client_of, fettle, fill, see

KINDS = ["experiment", "logged_model", "run", "registered_model"]


def imported(server, source, *more, code=0):
    return fettle("import", "mlflow", source, "--server", server.control, *more, code=code)


def counted(server, source, *more):
    return json.loads(imported(server, source, *more, "--json"))


def differences(here, there, path=""):
    """Where two values differ, in words."""
    if isinstance(here, dict) and isinstance(there, dict):
        return [text for key in here | there for text in differences(here.get(key), there.get(key), f"{path}.{key}")]
    return [] if here == there else [f"{path}: {there!r} became {here!r}"[:300]]


def assert_nothing_new(document):
    for kind in KINDS:
        assert document[kind]["unchanged"] == sum(document[kind].values()) > 0, document
    assert document["points"] == 0 and document["files"] == 0


@pytest.mark.parametrize("name", ["sqlite", "folder"])
def test_all_that_a_client_sees_is_there(start_server, request, name):
    uri, ids = request.getfixturevalue(f"{name}_source")
    server = start_server()
    document = counted(server, uri, "--check")
    assert document["check"]["differing"] == 0 and document["conflicts"] == [], document
    there, here = see(client_of(uri)), see(client_of(server.control))
    if uri.startswith("file:"):  # its own reader drops the step of a line that names a dataset
        there["runs"][ids["run"]]["history"]["auc"] = [(9, 3, 0.9)]
    assert differences(here, there) == []
    assert len(here["runs"][ids["run"]]["history"]["loss"]) == 301
    assert_nothing_new(counted(server, uri))


def test_a_live_server_and_its_database(start_server, live_source):
    server = start_server()
    plan = imported(server, live_source.url, "--dry-run")
    assert "nothing was written" in plan
    document = counted(server, live_source.url, "--check")
    assert document["check"]["differing"] == 0, document
    there, here = see(client_of(live_source.url)), see(client_of(server.control))
    assert differences(here, there) == []
    again = counted(server, live_source.url)
    assert again["run"]["unchanged"] == sum(again["run"].values()) and again["files"] == 0
    # The same from its database: only what the API does not tell is new (deleted versions).
    refused = imported(server, f"{live_source.folder}/mlflow.db", code=5)
    assert "--artifacts-destination" in refused
    database = counted(server, f"{live_source.folder}/mlflow.db", "--artifacts-destination", str(live_source.artifacts))
    assert database["run"]["unchanged"] == sum(database["run"].values()), database
    checked = imported(server, f"{live_source.folder}/mlflow.db", "--artifacts-destination", str(live_source.artifacts),
                       "--check")
    assert "differ" not in checked


def test_what_changes_in_the_source_follows_and_what_changes_here_stays(start_server, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    source = client_of(uri)
    runs = [source.create_run("0").info.run_id for _ in range(3)]
    server = start_server()
    assert counted(server, uri)["run"]["created"] == 3
    here = client_of(server.control)
    source.log_metric(runs[0], "m", 1.0, timestamp=5)
    source.set_tag(runs[0], "a", "1")
    here.set_tag(runs[1], "here", "1")
    source.set_tag(runs[2], "a", "source")
    here.set_tag(runs[2], "a", "here")
    answer = imported(server, uri, "--json", code=5)
    document = json.loads(answer)
    assert document["run"] == {"created": 0, "updated": 1, "unchanged": 0, "kept": 1, "conflicts": 1}, document
    assert runs[2] in document["conflicts"][0] and "--suffix" in document["error"]["message"]
    assert here.get_run(runs[0]).data.tags["a"] == "1" and here.get_run(runs[0]).data.metrics == {"m": 1.0}
    assert here.get_run(runs[1]).data.tags["here"] == "1" and here.get_run(runs[2]).data.tags["a"] == "here"
    assert "was changed here" in imported(server, uri, "--check", code=5)


def test_names_and_ids_that_are_taken(start_server, tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    source = client_of(uri)
    first = source.create_experiment("first")
    source.create_experiment("second")
    run = source.create_run(first).info.run_id
    source.create_registered_model("model")
    source.create_model_version("model", "s3://b/x")
    server = start_server()
    here = client_of(server.control)
    here.create_experiment("other")  # has the id of "first"
    here.create_experiment("taken")  # has the id of "second"
    here.create_registered_model("model")
    refused = imported(server, uri, code=5)
    assert "experiment '1'" in refused and "registered_model 'model'" in refused
    assert not here.search_runs(["0", "1", "2"])
    document = counted(server, uri, "--suffix", " (old)", "--check")
    assert document["check"]["differing"] == 0 and len(document["mapped"]) == 3, document
    moved = here.get_experiment_by_name("first (old)")
    assert here.get_run(run).info.experiment_id == moved.experiment_id not in ("0", "1", "2")
    assert here.get_model_version("model (old)", 1).source == "s3://b/x" and not here.search_model_versions("name='model'")
    again = counted(server, uri, "--suffix", " (old)")
    assert again["experiment"]["created"] == 0 and again["run"]["unchanged"] == 1
    assert here.create_experiment("next") == str(int(here.get_experiment_by_name("second (old)").experiment_id) + 1)


def test_an_interrupted_import_goes_on(start_server, change_records, sqlite_source):
    uri, ids = sqlite_source
    server = start_server()
    document = counted(server, uri, "--artifacts", "leave")  # as if it had ended before any artifact came
    assert document["files"] == 0
    server.stop()
    one = f"run = (SELECT id FROM runs WHERE run_id = '{ids['run']}') AND key = (SELECT id FROM metric_keys WHERE key = 'loss')"
    change_records(server.data,  # as if the points of a run had not all come
                   f"DELETE FROM imports WHERE kind = 'points' AND id = '{ids['run']}'",
                   *(f"DELETE FROM {table} WHERE {one}" for table in ["metric_series", "metric_blocks", "latest_metrics"]))
    server = start_server()
    again = counted(server, uri, "--artifacts", "leave", "--check")
    assert again["run"]["unchanged"] == sum(again["run"].values()) and 301 <= again["points"] < 400
    assert again["check"]["differing"] == 0


def test_sources_that_are_none(start_server, tmp_path):
    server = start_server()
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no experiment" in imported(server, empty, code=3)
    assert "no database file" in imported(server, tmp_path / "missing.db", code=3)
    (tmp_path / "text.db").write_text("this is no database, just text that is long enough to be read as a page" * 50)
    assert "text.db" in imported(server, tmp_path / "text.db", code=12)
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE x(a)").connection.commit()
    assert "no MLflow tracking database" in imported(server, tmp_path / "other.db", code=5)
    assert "no server at" in imported(server, "http://127.0.0.1:9", code=10)
    assert "no MLflow server" in imported(server, server.predict, code=5)
    uri = f"sqlite:///{tmp_path}/new.db"
    client_of(uri).create_experiment("x")
    with sqlite3.connect(tmp_path / "new.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
    assert "--any-schema" in imported(server, uri, code=5)
    assert counted(server, uri, "--any-schema")["experiment"]["created"] == 2


def test_a_damaged_folder_names_file_and_line(start_server, tmp_path):
    root = tmp_path / "mlruns"
    run = client_of(f"file://{root}").create_run("0").info
    (root / "0" / run.run_id / "metrics").mkdir(exist_ok=True)
    (root / "0" / run.run_id / "metrics" / "m").write_text("1 0.5 0\nrubbish\n")
    (root / "0" / "0123456789abcdef0123456789abcdef").mkdir()  # a run that a crash left without meta.yaml
    server = start_server()
    assert "metrics/m:2: " in imported(server, root, code=2)
    (root / "0" / run.run_id / "metrics" / "m").write_text("1 0.5\n2 0.25 1\n2 0.25 1\n")
    assert counted(server, root)["points"] == 2
    assert [m.step for m in client_of(server.control).get_metric_history(run.run_id, "m")] == [0, 1]


def test_databases_of_older_versions_lack_columns(start_server, tmp_path):
    path = tmp_path / "old.db"
    with sqlite3.connect(path) as old:  # what MLflow 1.0 wrote
        old.executescript("""
            CREATE TABLE experiments(experiment_id INTEGER PRIMARY KEY, name TEXT, artifact_location TEXT, lifecycle_stage TEXT);
            CREATE TABLE runs(run_uuid TEXT PRIMARY KEY, name TEXT, source_type TEXT, source_name TEXT, entry_point_name TEXT,
              user_id TEXT, status TEXT, start_time BIGINT, end_time BIGINT, source_version TEXT, lifecycle_stage TEXT,
              artifact_uri TEXT, experiment_id INTEGER);
            CREATE TABLE metrics(key TEXT, value FLOAT, timestamp BIGINT, run_uuid TEXT);
            CREATE TABLE params(key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags(key TEXT, value TEXT, run_uuid TEXT);
            INSERT INTO experiments VALUES(0, 'Default', 's3://bucket/0', 'active');
            INSERT INTO runs VALUES('0123456789abcdef0123456789abcdef', '', 'LOCAL', 'x', 'main', 'ann', 'FINISHED', 5, 9, '',
              'active', 's3://bucket/0/0123456789abcdef0123456789abcdef/artifacts', 0);
            INSERT INTO metrics VALUES('m', 0.5, 7, '0123456789abcdef0123456789abcdef');
            INSERT INTO tags VALUES('mlflow.runName', 'old one', '0123456789abcdef0123456789abcdef');
        """)
    server = start_server()
    document = counted(server, path, "--check")
    assert document["check"]["differing"] == 0 and document["artifacts_left"] == 1, document
    run = client_of(server.control).get_run("0123456789abcdef0123456789abcdef")
    assert run.info.run_name == "old one" and run.data.metrics == {"m": 0.5}
    assert run.info.artifact_uri.startswith("s3://bucket/0/")


@pytest.mark.parametrize("kind", ["database", "live"])
def test_artifacts_in_s3_stay_or_are_copied(start_server, tmp_path, s3, bucket, kind):
    if kind == "database":
        uri = f"sqlite:///{tmp_path}/mlflow.db"
        source = client_of(uri)
    else:  # a server whose clients write to S3 by themselves
        running = MlflowServer(tmp_path, root=f"s3://{bucket}/root")
        uri, source = running.url, client_of(running.url)
    try:
        ids = fill(source, tmp_path, location=f"s3://{bucket}/experiments/flights")
        assert any("/experiments/flights/" in "/" + key for key in s3.keys(bucket))
        server = start_server()
        destination = ["--artifacts-destination", str(tmp_path)] if kind == "database" else []
        left = imported(server, uri, "--check", *destination)
        assert f"s3://{bucket}/" in left and "--artifacts copy" in left and "differ" not in left
        here = client_of(server.control)
        assert here.get_run(ids["run"]).info.artifact_uri.startswith(f"s3://{bucket}/experiments/flights/")
        copied = counted(server, uri, "--artifacts", "copy", "--check", *destination)
        assert copied["check"]["differing"] == 0 and copied["artifacts_left"] == 0 < copied["files"], copied
        there, now = see(source), see(here)
        assert here.get_run(ids["run"]).info.artifact_uri.startswith("mlflow-artifacts:/")
        assert len(now["runs"][ids["run"]]["files"]) == 3 and len(now["models"][ids["model"]]["files"]) == 1
        assert differences(now, there) == []
        for key in s3.keys(bucket):  # nothing here needs the bucket any more
            s3.client().delete_object(Bucket=bucket, Key=key)
        assert differences(see(here), now) == []
    finally:
        if kind == "live":
            running.stop()
    assert "own, copy or leave" in imported(server, uri, "--artifacts", "all", code=2)


class Proxy:
    """In front of a server, a reverse proxy that asks for a password, as nginx does. `elsewhere`: where it redirects
    requests for files to."""

    def __init__(self, server, user, password):
        self.expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self.elsewhere, self.files, outer = None, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers["Authorization"] != outer.expected:
                    return self.answer(401, b"who are you?", {"WWW-Authenticate": "Basic"})
                is_file = "get-artifact" in self.path or "/artifacts/files" in self.path
                outer.files += is_file
                if is_file and outer.elsewhere:
                    return self.answer(302, b"", {"Location": outer.elsewhere + self.path})
                sent = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "authorization", "connection")}
                found = requests.request(self.command, server + self.path, data=body, headers=sent, timeout=60)
                self.answer(found.status_code, found.content, {"Content-Type": found.headers.get("Content-Type", "text/plain")})

            do_GET = do_POST = forward

            def answer(self, status, body, headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def guarded(live_source, monkeypatch):
    proxy = Proxy(live_source.url, "ann", "pässword:1")
    for name in ["MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"]:
        monkeypatch.delenv(name, raising=False)
    yield proxy
    proxy.stop()


def test_a_source_behind_a_password(start_server, live_source, guarded, monkeypatch):
    server = start_server()
    assert "MLFLOW_TRACKING_USERNAME" in imported(server, guarded.url, code=6)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pässword:1")
    document = counted(server, guarded.url, "--check")
    assert document["check"]["differing"] == 0 and 0 < document["files"] <= guarded.files, document
    for name in ["MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"]:  # not for what sees both
        monkeypatch.delenv(name)
    assert differences(see(client_of(server.control)), see(client_of(live_source.url))) == []


def test_a_password_follows_no_redirect(start_server, guarded, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pässword:1")
    asked = []

    class Thief(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.headers["Authorization"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    thief = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Thief)
    threading.Thread(target=thief.serve_forever, daemon=True).start()
    guarded.elsewhere = f"http://127.0.0.1:{thief.server_address[1]}"
    said = imported(start_server(), guarded.url, code=10)
    thief.shutdown()
    thief.server_close()
    assert "answered 302" in said and guarded.files > 0 and asked == []
