"""Files up and down through the server, whole, in ranges and in parts, on either kind of store."""
import hashlib
import os
import pathlib
import socket
import urllib.parse

import pytest
import requests
from servers import Api, files

MIB = 1 << 20


def test_a_tree_goes_up_and_comes_down(api, client, tmp_path):
    run = client.create_run("0").info.run_id
    up = tmp_path / "up"
    (up / "deep" / "er").mkdir(parents=True)
    wanted = {"a.txt": b"hello", "deep/er/b.bin": os.urandom(3 * MIB + 7), "empty": b"", "naïve name.txt": b"x"}
    for path, data in wanted.items():
        (up / path).write_bytes(data)
    client.log_artifacts(run, str(up), "things")
    client.log_dict(run, {"a": 1}, "d.json")
    assert [(f.path, f.is_dir, f.file_size) for f in client.list_artifacts(run)] == [("d.json", False, 12), ("things", True, None)]
    assert [f.path for f in client.list_artifacts(run, "things")] == ["things/a.txt", "things/deep", "things/empty", "things/naïve name.txt"]
    down = pathlib.Path(client.download_artifacts(run, "things", str(tmp_path)))
    assert {path: (down / path).read_bytes() for path in files(down)} == wanted
    assert not files(api.server.data / "spool"), "no body is left behind"


def test_length_range_tag_and_head(api):
    data = os.urandom(5 * MIB + 123)
    assert api.put_file("a/model.bin", data).text == "{}"
    whole = api.get_file("a/model.bin")
    tag = whole.headers["ETag"]
    assert whole.content == data and whole.headers["Content-Length"] == str(len(data))
    assert tag == f'"{hashlib.sha256(data).hexdigest()}"', "the same bytes, the same tag, wherever they lie"
    for asked, first, last in [("bytes=0-0", 0, 0), ("bytes=5-1048580", 5, 1048580), ("bytes=-10", len(data) - 10, len(data) - 1),
                               ("bytes=4194300-", 4194300, len(data) - 1), (f"bytes=0-{len(data) * 2}", 0, len(data) - 1)]:
        part = api.get_file("a/model.bin", headers={"Range": asked})
        assert part.status_code == 206 and part.content == data[first:last + 1], asked
        assert part.headers["Content-Range"] == f"bytes {first}-{last}/{len(data)}"
    beyond = api.get_file("a/model.bin", headers={"Range": f"bytes={len(data)}-"})
    assert beyond.status_code == 416 and beyond.headers["Content-Range"] == f"bytes */{len(data)}"
    same = api.get_file("a/model.bin", headers={"If-None-Match": tag})
    assert same.status_code == 304 and not same.content
    assert api.get_file("a/model.bin", headers={"Range": "bytes=0-3", "If-Range": '"other"'}).status_code == 200
    head = api.session.head(f"{api.artifacts}/artifacts/a/model.bin", timeout=20)
    assert head.status_code == 200 and head.headers["Content-Length"] == str(len(data)) and head.headers["ETag"] == tag
    assert api.put_file("a/model.bin", b"other").status_code == 200
    assert api.get_file("a/model.bin", headers={"If-None-Match": tag}).content == b"other"
    for missing in ["a/none", "a", "none/at/all"]:
        assert api.get_file(missing).status_code == 404
        assert api.session.head(f"{api.artifacts}/artifacts/{missing}", timeout=20).status_code == 404


@pytest.mark.parametrize("name, kind", [
    ("MLmodel", "text/plain"), ("conda.yaml", "text/plain"), ("d.json", "text/plain"), ("x.py", "text/plain"), ("r.md", "text/plain"),
    ("t.csv", "text/plain"), ("plot.png", "image/png"), ("page.html", "text/html"), ("model.pkl", "application/octet-stream"),
    ("noending", "application/octet-stream")])
def test_types_and_names(api, name, kind):
    api.put_file(f"f/{name}", b"x")
    got = api.get_file(f"f/{name}")
    assert got.headers["Content-Type"].split(";")[0] == kind
    assert got.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_cannot_leave_its_header(api):
    name = 'a"; x=y.txt'
    assert api.put_file("f/" + urllib.parse.quote(name), b"x").status_code == 200
    assert api.get_file("f/" + urllib.parse.quote(name)).headers["Content-Disposition"] == 'attachment; filename="a_; x=y.txt"'


def test_the_client_sends_large_files_in_parts(api, client, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE", str(8 * MIB))
    monkeypatch.setenv("MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE", str(5 * MIB))
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "true")
    monkeypatch.setenv("MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE", str(7 * MIB))
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(23 * MIB + 1))
    asked = []
    send = requests.Session.send
    monkeypatch.setattr(requests.Session, "send", lambda self, request, **more: (asked.append((request.method, request.url, request.headers)), send(self, request, **more))[1])
    run = client.create_run("0").info.run_id
    client.log_artifact(run, str(big), "deep/folder")
    parts = [(url, headers) for method, url, headers in asked if method == "PUT"]
    assert len(parts) == 5 and all("/mpu/parts/" in url and "Authorization" not in headers for url, headers in parts)
    assert [(f.path, f.file_size) for f in client.list_artifacts(run, "deep/folder")] == [("deep/folder/big.bin", 23 * MIB + 1)]
    asked.clear()
    got = client.download_artifacts(run, "deep/folder/big.bin", str(tmp_path / "down"))
    assert pathlib.Path(got).read_bytes() == big.read_bytes()
    assert len([1 for _, url, headers in asked if "/objects/" in url and "Range" in headers]) == 4
    assert not [f for f in files(api.server.data / "uploads") if f.split("/")[1] not in ("done", "upload.json")], "parts are gone"


def begin(api, parts=3, folder="up", path="/home/me/file.bin"):
    made = api.upload("create", folder, path=path, num_parts=parts)
    assert made.status_code == 200, made.text
    return made.json()["upload_id"], [c["url"] for c in made.json()["credentials"]]


def send(urls, data):
    return [{"part_number": n, "etag": requests.put(url, data=piece, timeout=20).headers["ETag"], "url": url}
            for n, (url, piece) in enumerate(zip(urls, data), 1)]


def test_parts_in_any_order_again_and_after_a_kill(start_server, store):
    first = Api(start_server(*store))
    id, urls = begin(first)
    at = lambda n, server: server.url + urllib.parse.urlsplit(urls[n]).path + "?" + urllib.parse.urlsplit(urls[n]).query
    assert requests.put(at(2, first), data=b"-three", timeout=20).status_code == 200
    assert requests.put(at(0, first), data=b"wrong", timeout=20).status_code == 200
    first.server.kill()
    second = Api(start_server(*store))
    parts = [{"part_number": 3, "etag": '"' + hashlib.sha256(b"-three").hexdigest() + '"'}]
    parts.append({"part_number": 1, "etag": requests.put(at(0, second), data=b"one", timeout=20).headers["ETag"]})
    parts.append({"part_number": 2, "etag": requests.put(at(1, second), data=b"-two", timeout=20).headers["ETag"]})
    done = lambda: second.upload("complete", "up", path="file.bin", upload_id=id, parts=parts)
    assert done().text == "{}"
    assert second.get_file("up/file.bin").content == b"one-two-three"
    assert done().text == "{}", "an answer that was lost can be asked for again"
    second.server.kill()
    third = Api(start_server(*store))
    assert third.upload("complete", "up", path="file.bin", upload_id=id, parts=parts).status_code == 200
    assert requests.put(at(1, third), data=b"late", timeout=20).status_code == 404
    assert third.get_file("up/file.bin").content == b"one-two-three"


def test_wrong_parts_are_refused_and_nothing_appears(api):
    id, urls = begin(api)
    parts = send(urls, [b"a", b"b", b"c"])
    other = {"part_number": 2, "etag": '"' + "0" * 64 + '"'}
    for wrong in ([], parts[:2], parts + [parts[0]], [parts[0], parts[0], parts[2]], [parts[0], other, parts[2]],
                  [parts[0], {"part_number": 2, "etag": "x"}, parts[2]], [parts[0], {"part_number": 2, "etag": "../" * 30}, parts[2]]):
        answer = api.upload("complete", "up", path="file.bin", upload_id=id, parts=wrong)
        assert answer.status_code == 400 and answer.json()["error_code"] == "INVALID_PARAMETER_VALUE", answer.text
    assert api.get_file("up/file.bin").status_code == 404
    for unknown in ("0" * 32, "../../x", "x", id.upper()):
        assert api.upload("complete", "up", path="file.bin", upload_id=unknown, parts=parts).status_code == 404
    assert api.upload("complete", "elsewhere", path="file.bin", upload_id=id, parts=parts).status_code == 404
    assert api.upload("complete", "up", path="file.bin", upload_id=id, parts=parts).status_code == 200
    assert api.get_file("up/file.bin").content == b"abc"


def test_an_aborted_upload_is_gone(api):
    id, urls = begin(api)
    parts = send(urls, [b"a", b"b", b"c"])
    assert api.upload("abort", "up", path="file.bin", upload_id=id).text == "{}"
    assert files(api.server.data / "uploads") == []
    assert api.upload("complete", "up", path="file.bin", upload_id=id, parts=parts).status_code == 404
    assert requests.put(urls[0], data=b"a", timeout=20).status_code == 404
    assert api.upload("abort", "up", path="file.bin", upload_id=id).status_code == 200, "again is fine"
    assert api.get_file("up/file.bin").status_code == 404


def test_a_signed_url_allows_one_thing_only(api):
    id, urls = begin(api)
    other, _ = begin(api)
    url = urllib.parse.urlsplit(urls[0])
    query = urllib.parse.parse_qs(url.query)
    signature, expires = query["signature"][0], query["expires"][0]
    base = f"{api.url}{url.path}"
    wrong = [base, f"{base}?expires={expires}", f"{base}?signature={signature}", f"{base}?expires={int(expires) + 1}&signature={signature}",
             f"{base}?expires={expires}&signature={signature[:-1]}", f"{base}?expires={expires}&signature={'0' * 64}",
             f"{base[:-1]}2?{url.query}", base.replace(id, other) + "?" + url.query]
    for tampered in wrong:
        answer = requests.put(tampered, data=b"x", timeout=20)
        assert answer.status_code == 403 and answer.json()["error_code"] == "PERMISSION_DENIED", tampered
    assert requests.put(urls[0], data=b"x", timeout=20).status_code == 200
    assert [f for f in files(api.server.data / "uploads") if "upload.json" not in f] == [f"{id}/1-{hashlib.sha256(b'x').hexdigest()}"]

    api.put_file("secret.txt", b"one")
    api.put_file("other.txt", b"two")
    signed = api.session.get(f"{api.artifacts}/presigned/secret.txt", timeout=20).json()
    assert signed["file_size"] == 3
    assert requests.get(signed["url"], timeout=20).content == b"one"
    assert requests.get(signed["url"].replace(hashlib.sha256(b"one").hexdigest(), hashlib.sha256(b"two").hexdigest()), timeout=20).status_code == 403
    api.put_file("secret.txt", b"new bytes")
    assert requests.get(signed["url"], headers={"Range": "bytes=1-2"}, timeout=20).content == b"ne", "the bytes that were asked for"
    assert api.session.get(f"{api.artifacts}/presigned/none", timeout=20).status_code == 404
    assert (api.server.data / "url-key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_a_wrong_signature_is_refused_before_the_body_comes(api, expect):
    id, urls = begin(api)
    right, wrong = urllib.parse.urlsplit(urls[0]), "expires=9999999999&signature=" + "0" * 64

    def head(query, size):
        return f"PUT {right.path}?{query} HTTP/1.1\r\nHost: {right.netloc}\r\nContent-Length: {size}\r\n{expect}\r\n".encode()

    with socket.create_connection((right.hostname, right.port), timeout=20) as refused:
        refused.sendall(head(wrong, 5 << 30))  # and no byte of the body
        answer = b"".join(iter(lambda: refused.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 403") and b"PERMISSION_DENIED" in answer and b"100 Continue" not in answer
        assert files(api.server.data / "spool") == []
    with socket.create_connection((right.hostname, right.port), timeout=20) as taken:  # it is the signature that counts
        taken.sendall(head(right.query, 3))
        if expect:
            assert b"100 Continue" in taken.recv(65536)
        taken.sendall(b"abc")
        assert b" 200 " in taken.recv(65536).splitlines()[0]
    assert files(api.server.data / "spool") == []


@pytest.mark.parametrize("body, status", [
    ({"path": "f", "num_parts": 0}, 400), ({"path": "f", "num_parts": -1}, 400), ({"path": "f", "num_parts": 10**9}, 400), ({"num_parts": 1}, 400),
    ({"path": "", "num_parts": 1}, 400), ({"path": "a/..", "num_parts": 1}, 400), ({"path": "f", "num_parts": "x"}, 400), ({"path": "C:\\x\\f.bin", "num_parts": 1}, 200)])
def test_what_an_upload_may_ask_for(api, body, status):
    answer = api.upload("create", "up", **body)
    assert answer.status_code == status, answer.text


def test_urls_follow_the_proxy_in_front(api):
    made = api.session.post(f"{api.artifacts}/mpu/create/up", json={"path": "f", "num_parts": 1}, timeout=20,
                            headers={"X-Forwarded-Host": "ml.example.com", "X-Forwarded-Proto": "https"}).json()
    assert made["credentials"][0]["url"].startswith("https://ml.example.com/api/2.0/mlflow-artifacts/mpu/parts/")
