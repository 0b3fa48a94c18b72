"""Every way out of the artifact folders that MLflow's server has had, tried on Fettle: refused, and a canary is neither
read nor changed. Each case names the report and says what the attack was. (Reports about who may do what are among the
tests of access control, those about what a client does with its own files are the client's.)"""
import hashlib
import http.client
import http.server
import pathlib
import threading
import urllib.parse

import pytest
from servers import Api, use

SECRET = "the canary sings"


class Cage:
    """A server that may use `root` only, beside a folder with a secret; nothing outside of `root` may change."""

    def __init__(self, folder: pathlib.Path, start_server):
        self.root, self.canary = folder / "root", folder / "canary"
        self.root.mkdir()
        self.canary.mkdir()
        (self.canary / "secret.txt").write_text(SECRET)
        self.server = use(start_server("--artifact-allow", self.root.as_uri()))
        self.api = Api(self.server)
        self.experiment = self.api.post("experiments/create", {"name": "inside", "artifact_location": self.root.as_uri()}).json()["experiment_id"]
        self.run = self.api.run(self.experiment)
        self.proxied = self.api.run()
        self.own = pathlib.Path(urllib.parse.urlsplit(self.run["artifact_uri"]).path)
        self.own.mkdir(parents=True)
        (self.own / "mine.txt").write_text("mine")
        self.state = self.outside()

    def outside(self):
        return sorted(str(p.relative_to(self.canary.parent)) for p in [*self.canary.rglob("*"), *self.canary.parent.iterdir(), *self.root.rglob("*")])

    def check(self):
        assert (self.canary / "secret.txt").read_text() == SECRET
        assert self.outside() == self.state, "nothing was written"
        assert not [p for p in self.server.data.rglob("*evil*")]

    def raw(self, method, target, body=None, headers=None):
        """As it stands: a client library would tidy the path."""
        connection = http.client.HTTPConnection(self.server.control.removeprefix("http://"), timeout=20)
        connection.request(method, target, body, headers or {})
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        connection.close()
        assert SECRET not in text
        return answer.status, text

    def refused(self, answer, where):
        assert SECRET not in answer.text, where
        assert 400 <= answer.status_code < 500, (where, answer.status_code, answer.text)

    def try_run(self, run):
        """All that can be asked of a run whose location may lead out."""
        for path in ["secret.txt", "../canary/secret.txt", "canary/secret.txt"]:
            for route in ["/get-artifact", "/ajax-api/2.0/mlflow/get-artifact"]:
                self.refused(self.api.session.get(self.api.url + route, params={"run_id": run, "path": path}, timeout=20), path)
            self.refused(self.api.session.post(self.api.url + "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run, "path": path},
                                               data=b"evil", timeout=20), path)
        for path in ["", "..", "canary"]:
            listed = self.api.get("artifacts/list", run_id=run, path=path)
            assert SECRET not in listed.text and "secret.txt" not in listed.text, listed.text


@pytest.fixture
def cage(tmp_path, start_server):
    cage = Cage(tmp_path, start_server)
    yield cage
    cage.check()


LOCATIONS = {
    "CVE-2023-6909 query: '..' behind a '?' ended up behind the run's path": "http://host/root?/../../../canary",
    "CVE-2023-6909 encoded query": "http://host/root%3f/../../../canary",
    "CVE-2024-1594 fragment: '#' hid '..' from the check, not from the join": "file:///ROOT#/../../canary",
    "CVE-2024-3848 fragment again, in a scheme whose check skipped it": "http:///#/../../CANARY",
    "CVE-2024-1483 http with a fragment made the server read its own files": "http:/#/../../../../../../../../../../CANARY",
    "CVE-2024-1593 parameters: ';' hid '..' from the check": "http://host/root;/../../../../../../CANARY",
    "CVE-2024-1593 parameters in a local path": "file:///ROOT;/../canary",
    "CVE-2024-2928 encoded fragment": "file:///ROOT%23/../../canary",
    "CVE-2024-3573 a scheme that is spelled oddly is local after all": "FILE:///CANARY",
    "CVE-2024-3573 an empty host": "file:CANARY",
    "CVE-2024-3573 localhost as the host": "file://localhost/CANARY",
    "CVE-2024-8859 dbfs: only the path was checked, the rest went into a file: URI": "dbfs:/../../../CANARY",
    "CVE-2023-6975 backslashes": "file:///ROOT\\..\\canary",
    "CVE-2023-6975 a drive": "C:/CANARY",
    "CVE-2023-1176 an absolute path": "/CANARY",
    "CVE-2023-2356 a relative path": "../canary",
    "CVE-2023-2356 '..' in a file: URI": "file:///ROOT/../canary",
    "CVE-2023-2356 '..', encoded": "file:///ROOT/%2e%2e/canary",
    "CVE-2024-1560 '..', encoded twice": "file:///ROOT/%252e%252e/canary",
    "CVE-2024-1558 '..' in a proxied location": "mlflow-artifacts:/../../CANARY",
    "CVE-2024-1558 '..' in a proxied location, with a host": "mlflow-artifacts://host:5000/../../../CANARY",
    "a name that begins like a root": "file:///ROOTED",
    "the folder above the roots": "file:///ABOVE",
    "NUL": "file:///ROOT%00/../canary",
    "another machine": "file://other/CANARY",
    "proc": "file:///proc/self/root/CANARY",
    "artifacts of another run by reference": "runs:/RUN/../../canary",
    "a model by reference": "models:/m/1/../../canary",
}


def fill(cage, text):
    strip = lambda path: str(path).lstrip("/")
    return text.replace("ROOTED", strip(cage.root) + "ed").replace("ROOT", strip(cage.root)).replace("CANARY", strip(cage.canary)) \
        .replace("ABOVE", strip(cage.root.parent)).replace("RUN", cage.run["run_id"])


@pytest.mark.parametrize("attack", LOCATIONS)
def test_a_location_of_an_experiment(cage, attack):
    made = cage.api.post("experiments/create", {"name": "evil", "artifact_location": fill(cage, LOCATIONS[attack])})
    assert made.status_code == 400 and made.json()["error_code"] == "INVALID_PARAMETER_VALUE", made.text


SOURCES = {
    "CVE-2023-1177 a file: URI as the source, then get-artifact": "file:///CANARY",
    "CVE-2023-1177 the root of the machine": "file:///",
    "CVE-2023-1177 a plain path": "/CANARY",
    "CVE-2023-2356 a relative path": "../../canary",
    "CVE-2023-2356 '..' in http": "http://host/api/2.0/mlflow-artifacts/artifacts/../../CANARY",
    "CVE-2023-2356 '..' in a proxied source": "mlflow-artifacts://host:9000/models/artifacts/../../../../CANARY",
    "CVE-2023-2356 '..' in s3": "s3://bucket/models/../../CANARY",
    "CVE-2023-2780 a backslash": "file:///ROOT\\..\\canary",
    "CVE-2023-2780 two slashes and proc": "//proc/self/root/CANARY",
    "CVE-2023-2780 file: with a dot as its host": "file://./CANARY",
    "CVE-2023-6977 an encoded path": "file:///%2e%2e/CANARY",
    "CVE-2024-1558 '..' behind a fragment": "mlflow-artifacts:/x#/../../../CANARY",
    "CVE-2024-1558 '..' behind a query": "http://host/x?/../../../CANARY",
    "CVE-2024-2928 an encoded fragment": "http://host/x%23/../../../CANARY",
    "CVE-2024-3573 a local path inside of a run that is not local": "/CANARY",
    "CVE-2024-3573 a scheme in capitals": "FILE:///CANARY",
    "CVE-2024-8859 dbfs": "dbfs:/x/../../CANARY",
    "CVE-2025-11201 the source of a version is a folder of the server": "file:///CANARY/",
    "CVE-2025-11201 inside of the run, then out of it": "OWN/../../../../canary",
    "CVE-2025-11201 inside of the run, then out of it, encoded": "OWN/%2e%2e/%2e%2e/%2e%2e/canary",
    "CVE-2023-3765 a drive": "C:\\CANARY",
    "NUL": "mlflow-artifacts:/x%00",
    "a model's id that climbs": "models:/../../CANARY",
    "a run's id that climbs": "runs:/RUN/../../canary",
    "a root, but not of this run": "file:///ROOT",
    "artifacts of another run in the same root": "file:///ROOT/other/artifacts",
}


@pytest.mark.parametrize("owner", ["", "run", "proxied run"])
@pytest.mark.parametrize("attack", SOURCES)
def test_a_source_of_a_model_version(cage, attack, owner):
    source = fill(cage, SOURCES[attack].replace("OWN", cage.run["artifact_uri"]))
    run = {"": "", "run": cage.run["run_id"], "proxied run": cage.proxied["run_id"]}[owner]
    cage.api.post("registered-models/create", {"name": "m"})
    for tags in ([], [{"key": "mlflow.prompt.is_prompt", "value": "true"}]):  # CVE-2026-2614: prompts were not checked
        cage.refused(cage.api.post("model-versions/create", {"name": "m", "source": source, "run_id": run, "tags": tags}), source)
    cage.refused(cage.api.session.get(cage.api.url + "/model-versions/get-artifact", params={"name": "m", "version": "1", "path": "secret.txt"}, timeout=20), source)


def test_a_source_inside_of_its_run_is_fine(cage):
    cage.api.post("registered-models/create", {"name": "m"})
    made = cage.api.post("model-versions/create", {"name": "m", "source": cage.run["artifact_uri"], "run_id": cage.run["run_id"]})
    assert made.status_code == 200, made.text
    get = lambda path: cage.api.session.get(cage.api.url + "/model-versions/get-artifact", params={"name": "m", "version": "1", "path": path}, timeout=20)
    assert get("mine.txt").text == "mine"
    for path in ["../../../../canary/secret.txt", "%2e%2e/secret.txt", str(cage.canary / "secret.txt"), "a#b", "file:///etc/passwd"]:
        cage.refused(get(path), path)
        assert get(path).status_code == 400


# As written into the request line.
PATHS = {
    "CVE-2023-1176 an absolute path": "/etc/passwd",
    "CVE-2023-1176 an absolute path, encoded": "%2fetc%2fpasswd",
    "CVE-2023-3765 a drive": "C:/evil",
    "CVE-2023-3765 a drive, encoded": "C%3a%5cevil",
    "CVE-2023-6015 '..' in an upload": "../../canary/evil",
    "CVE-2023-6018 an upload over any file": "..%2f..%2fcanary%2fsecret.txt",
    "CVE-2023-6753 backslashes": "..%5c..%5ccanary%5cevil",
    "CVE-2023-6753 file:": "file:%2f%2f%2fetc%2fpasswd",
    "CVE-2023-6831 '..' encoded twice: a delete": "%252e%252e%252fcanary",
    "CVE-2023-6909 '..' behind a fragment": "a%23/../../canary/secret.txt",
    "CVE-2023-6976 '..' in the middle": "a/../../../canary/evil",
    "CVE-2024-1560 encoded three times": "%25252e%25252e%25252fcanary",
    "encoded more often than anybody decodes": "%" + "25" * 40 + "2e%" + "25" * 40 + "2e/canary",
    "NUL": "a%00/evil",
    "a line feed": "a%0aevil",
    "'..' encoded half": ".%2e/canary/evil",
    "'..' at the end": "a/evil/..",
    "too long": "evil/" * 2000,
}


@pytest.mark.parametrize("attack", PATHS)
def test_a_path(cage, attack):
    path = PATHS[attack]
    base = "/api/2.0/mlflow-artifacts"
    for method, body in [("GET", None), ("PUT", b"evil"), ("DELETE", None), ("HEAD", None)]:
        status, text = cage.raw(method, f"{base}/artifacts/{path}", body)
        assert 400 <= status < 500, (method, status, text)
    json = {"Content-Type": "application/json"}
    for step in ["create", "complete", "abort"]:
        status, text = cage.raw("POST", f"{base}/mpu/{step}/{path}", b'{"path": "f", "num_parts": 1, "upload_id": "' + b"0" * 32 + b'", "parts": []}', json)
        assert 400 <= status < 500, (step, status, text)
    assert 400 <= cage.raw("GET", f"{base}/presigned/{path}")[0] < 500
    model = cage.api.post("logged-models", {"experiment_id": cage.experiment, "name": "m"}).json()["model"]["info"]["model_id"]
    for run in (cage.run["run_id"], cage.proxied["run_id"]):
        for query in (path, urllib.parse.quote(path, safe="")):  # decoded once by the server, or twice
            for target, body in [(f"/get-artifact?run_id={run}&path={query}", None), (f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={query}", b"evil"),
                                 (f"/api/2.0/mlflow/artifacts/list?run_id={run}&path={query}", None),
                                 (f"/ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files?artifact_file_path={query}", None),
                                 (f"/api/2.0/mlflow/logged-models/{model}/artifacts/directories?artifact_directory_path={query}", None),
                                 (f"{base}/artifacts?path={query}", None)]:
                status, text = cage.raw("POST" if body else "GET", target, body)
                assert 400 <= status < 500, (target, status, text)


def test_a_path_that_is_no_text(cage):
    for method, body in [("GET", None), ("PUT", b"evil"), ("DELETE", None)]:
        assert cage.raw(method, "/api/2.0/mlflow-artifacts/artifacts/a%ff%feevil", body)[0] == 400


@pytest.mark.parametrize("name", ["..", "a/..", "../../../canary/..", "/home/me/..", "C:\\x\\..", "x\0y", "a#b", "%2e%2e", "", "/", "a/"])
def test_a_name_of_an_upload_in_parts(cage, name):
    """CWE-22 report of 2026: the three multipart routes took the client's path unchecked."""
    cage.refused(cage.api.upload("create", "up", path=name, num_parts=1), name)


@pytest.mark.parametrize("id", ["../../canary", "..%2f..%2fcanary", "%2e%2e", "." * 32, "/" * 32, "0" * 31, "A" * 32, "0" * 64])
def test_an_id_of_an_upload_in_parts(cage, id):
    for step in ["complete", "abort"]:
        answer = cage.api.upload(step, "up", path="f", upload_id=id, parts=[{"part_number": 1, "etag": '"' + "0" * 64 + '"'}])
        assert answer.status_code == (404 if step == "complete" else 200), answer.text  # an abort of nothing is fine
    assert 400 <= cage.raw("PUT", f"/api/2.0/mlflow-artifacts/mpu/parts/{id}/1?expires=9999999999&signature=" + "0" * 64, b"evil")[0] < 500


def test_symbolic_links_in_a_root_are_not_followed(cage):
    """CVE-2023-6977 and kin: a link that somebody with access to the folder has left there."""
    (cage.own / "file").symlink_to(cage.canary / "secret.txt")
    (cage.own / "folder").symlink_to(cage.canary)
    (cage.own / "up").symlink_to("../../..")
    (cage.own / "inside").symlink_to("mine.txt")
    cage.state = cage.outside()
    for path in ["file", "folder/secret.txt", "up/canary/secret.txt", "inside"]:
        answer = cage.api.session.get(cage.api.url + "/get-artifact", params={"run_id": cage.run["run_id"], "path": path}, timeout=20)
        cage.refused(answer, path)
        assert answer.status_code == 400
    for path in ["folder/evil", "folder/secret.txt", "up/canary/evil"]:
        cage.refused(cage.api.session.post(cage.api.url + "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": cage.run["run_id"], "path": path},
                                           data=b"evil", timeout=20), path)
    listed = cage.api.get("artifacts/list", run_id=cage.run["run_id"]).json()
    assert [f["path"] for f in listed["files"]] == ["mine.txt"]
    assert cage.api.get("artifacts/list", run_id=cage.run["run_id"], path="folder").status_code == 400


class Visits(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        self.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Disposition", 'attachment; filename="../../../evil.txt"')
        self.end_headers()
        self.wfile.write(b"evil")

    do_HEAD = do_POST = do_PUT = do_GET

    def log_message(self, *arguments):
        pass


@pytest.fixture
def elsewhere():
    Visits.seen.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Visits)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_server_never_asks_other_servers(cage, elsewhere):
    """CVE-2023-6974: an http: location made the server a proxy into its own network (CVE-2024-0520: it even believed the
    file name in the answer, when the source of a dataset was http)."""
    made = cage.api.post("experiments/create", {"name": "ssrf", "artifact_location": elsewhere + "/inside"})
    assert made.status_code == 200, "clients may reach it; the server does not"
    run = cage.api.run(made.json()["experiment_id"])["run_id"]
    cage.try_run(run)
    assert cage.api.get("artifacts/list", run_id=run).status_code == 400
    cage.api.post("registered-models/create", {"name": "m"})
    cage.api.post("model-versions/create", {"name": "m", "source": elsewhere + "/model"})
    cage.refused(cage.api.session.get(cage.api.url + "/model-versions/get-artifact", params={"name": "m", "version": "1", "path": "x"}, timeout=20), "version")
    dataset = {"name": "d", "digest": "1", "source_type": "http", "source": '{"url": "%s/data.csv"}' % elsewhere}
    assert cage.api.post("runs/log-inputs", {"run_id": run, "datasets": [{"dataset": dataset}]}).status_code == 200
    assert cage.api.get("runs/get", run_id=run).json()["run"]["inputs"]["dataset_inputs"][0]["dataset"]["source"] == dataset["source"]
    assert Visits.seen == []


def test_nobody_elses_bucket_is_listed(cage):
    """CVE-2024-27132's neighbour: the server's own credentials must not read a bucket that a client named."""
    made = cage.api.post("experiments/create", {"name": "theirs", "artifact_location": "s3://someone/else"})
    assert made.status_code == 200
    cage.try_run(cage.api.run(made.json()["experiment_id"])["run_id"])


def test_what_is_inside_works(cage):
    run = cage.run["run_id"]
    get = lambda path: cage.api.session.get(cage.api.url + "/get-artifact", params={"run_id": run, "path": path}, timeout=20)
    assert get("mine.txt").text == "mine"
    uploaded = cage.api.session.post(cage.api.url + "/ajax-api/2.0/mlflow/upload-artifact", params={"run_uuid": run, "path": "a/b.txt"}, data=b"new", timeout=20)
    assert uploaded.status_code == 200 and (cage.own / "a/b.txt").read_text() == "new"
    assert get("a/b.txt").headers["Content-Disposition"] == 'attachment; filename="b.txt"'
    listed = cage.api.get("artifacts/list", run_id=run, path="a").json()
    assert listed["files"] == [{"path": "a/b.txt", "is_dir": False, "file_size": 3}]
    cage.state = cage.outside()
