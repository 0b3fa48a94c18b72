"""The S3 store: what lies there, what happens when it is away, refuses or is damaged, and what a server without it carries."""
import hashlib
import os
import pathlib
import subprocess

import pytest
import requests
from servers import S3, Api, files, use

MIB = 1 << 20


@pytest.fixture
def own_s3(tmp_path, monkeypatch):
    """One that a test may stop."""
    server = S3(tmp_path)
    server.start()
    for name, value in {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    server.client().create_bucket(Bucket="bucket")
    yield server
    server.stop()


def refused_start(tmp_path, *arguments):
    done = subprocess.run(["fettle", "server", "--data", str(tmp_path / "data"), "--control", "127.0.0.1:0", "--predict", "127.0.0.1:0", "--grpc", "127.0.0.1:0",
                           *arguments], capture_output=True, text=True, timeout=60)
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done


def test_objects_are_named_by_their_digest_and_kept_once(start_server, s3, bucket):
    api = Api(use(start_server("--artifact-store", s3.uri(bucket + "/some/prefix"))))
    big = os.urandom(12 * MIB)
    for path, data in [("a", b"one"), ("b/c", b"one"), ("d", big)]:
        assert api.put_file(path, data).status_code == 200
    key = lambda data: (lambda hex: f"some/prefix/{hex[:2]}/{hex[2:]}")(hashlib.sha256(data).hexdigest())
    assert s3.keys(bucket) == sorted([key(b"one"), key(big)])
    assert s3.client().get_object(Bucket=bucket, Key=key(big))["Body"].read() == big
    assert files(api.server.data / "blobs") == [] and files(api.server.data / "spool") == [], "nothing stays here"


def test_a_damaged_object_is_never_taken_for_whole(start_server, s3, bucket):
    api = Api(use(start_server("--artifact-store", s3.uri(bucket))))
    data = os.urandom(9 * MIB)
    api.put_file("a", data)
    [key] = s3.keys(bucket)
    for damage in (data[:-1] + bytes([data[-1] ^ 1]), bytes([data[0] ^ 1]) + data[1:]):
        s3.client().put_object(Bucket=bucket, Key=key, Body=damage)
        with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
            api.get_file("a")
    s3.client().put_object(Bucket=bucket, Key=key, Body=data[:-1])
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        api.get_file("a")
    s3.client().put_object(Bucket=bucket, Key=key, Body=data)
    assert api.get_file("a").content == data


def test_a_local_object_that_is_damaged_is_never_taken_for_whole(start_server):
    api = Api(use(start_server()))
    data = os.urandom(3 * MIB)
    api.put_file("a", data)
    [name] = files(api.server.data / "blobs")
    path = api.server.data / "blobs" / name
    path.chmod(0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)):
        api.get_file("a")


def test_while_s3_is_away_the_server_says_come_back_and_the_rest_works(start_server, own_s3):
    api = Api(use(start_server("--artifact-store", own_s3.uri("bucket/x"))))
    api.put_file("a", b"kept")
    own_s3.stop()
    for answer in (api.get_file("a"), api.put_file("b", b"new")):
        assert answer.status_code == 503 and answer.json()["error_code"] == "TEMPORARILY_UNAVAILABLE", answer.text
        assert int(answer.headers["Retry-After"]) >= 1
    assert files(api.server.data / "spool") == []
    assert api.get("artifacts/list", run_id=api.run()["run_id"]).status_code == 200
    own_s3.start()
    own_s3.client().create_bucket(Bucket="bucket")  # moto forgets
    assert api.put_file("a", b"kept").status_code == 200
    assert api.get_file("a").content == b"kept", "it recovers without a restart"
    assert api.get_file("b").status_code == 404


def test_an_object_that_is_gone_is_said(start_server, own_s3):
    api = Api(use(start_server("--artifact-store", own_s3.uri("bucket/x"))))
    api.put_file("a", b"kept")
    own_s3.client().delete_object(Bucket="bucket", Key="x/" + "/".join([hashlib.sha256(b"kept").hexdigest()[:2], hashlib.sha256(b"kept").hexdigest()[2:]]))
    assert api.get_file("a").status_code == 404
    assert api.put_file("a", b"kept").status_code == 200 and api.get_file("a").content == b"kept"


def test_a_bucket_that_is_missing_is_said_at_start(tmp_path, own_s3):
    refused = refused_start(tmp_path, "--artifact-store", own_s3.uri("nobodys/x"))
    assert refused.returncode == 5 and "bucket 'nobodys' does not exist" in refused.stderr


def test_an_s3_that_is_away_is_said_at_start(tmp_path, own_s3):
    own_s3.stop()
    refused = refused_start(tmp_path, "--artifact-store", own_s3.uri("bucket/x"))
    assert refused.returncode == 10 and "--artifact-store" in refused.stderr and str(own_s3.port) in refused.stderr


def test_wrong_credentials_are_said_at_start(tmp_path, monkeypatch):
    server = S3(tmp_path)
    server.environment = {"INITIAL_NO_AUTH_ACTION_COUNT": "1"}  # what comes after the bucket's making is checked
    server.start()
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "wrong-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        server.client().create_bucket(Bucket="bucket")
        refused = refused_start(tmp_path, "--artifact-store", server.uri("bucket/x"))
        assert refused.returncode == 7 and "AWS_ACCESS_KEY_ID" in refused.stderr, refused.stderr
        assert "hush-hush" not in refused.stderr
    finally:
        server.stop()


def test_a_server_without_s3_carries_no_arrow(start_server, s3, bucket):
    mapped = lambda server: pathlib.Path(f"/proc/{server.process.pid}/maps").read_text()
    without = start_server()
    assert "arrow" not in mapped(without)
    without.stop()
    assert "libarrow" in mapped(start_server("--artifact-store", s3.uri(bucket)))


def test_a_server_with_s3_ends_well(start_server, s3, bucket):
    server = start_server("--artifact-store", s3.uri(bucket), "--artifact-root", s3.uri(bucket + "/root"))
    assert Api(server).put_file("a", b"x").status_code == 200
    assert server.stop() == 0
    log = pathlib.Path(server.log.name).read_text().lower()
    assert "finalize" not in log and "error" not in log
