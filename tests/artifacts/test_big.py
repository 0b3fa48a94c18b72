"""One file of more than 2 GiB through the server with the real client: whole, and in parts; the server's memory stays flat."""
import hashlib
import pathlib
import re

import mlflow
import pytest
from servers import Api, use

SIZE = (1 << 31) + 12345  # beyond what 31 bits count
MIB = 1 << 20


def peak_mib(server) -> float:
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{server.process.pid}/status").read_text()).group(1)) / 1024


def digest_of(path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    path = tmp_path_factory.mktemp("big") / "big.bin"
    block = bytes(range(256)) * (MIB // 256)
    with open(path, "wb") as file:
        for n in range(SIZE // MIB):
            file.write(n.to_bytes(8, "little") + block[8:])  # no two blocks alike
        file.write(b"x" * (SIZE % MIB))
    yield path
    path.unlink()


@pytest.fixture
def run(start_server, big, monkeypatch, request):
    """A server, a client and a run to which the file was logged, whole or in parts; memory is watched to the end."""
    monkeypatch.setenv("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", str(request.param == "in parts").lower())
    api = Api(use(start_server()))
    client = mlflow.MlflowClient(api.url, api.url)
    run = client.create_run("0").info.run_id
    api.put_file("warm", b"up")
    before = peak_mib(api.server)
    client.log_artifact(run, str(big))
    assert [(f.path, f.file_size) for f in client.list_artifacts(run)] == [("big.bin", SIZE)]
    yield api, client, run
    assert peak_mib(api.server) - before < 40, "memory does not grow with the file"


@pytest.mark.parametrize("run", ["whole"], indirect=True)
def test_a_file_beyond_two_gigabytes_goes_up_and_comes_down(run, big, tmp_path):
    api, client, run = run
    tail = api.get_file(f"0/{run}/artifacts/big.bin", headers={"Range": f"bytes={1 << 31}-{(1 << 31) + 99}"})
    assert tail.status_code == 206 and tail.content == b"x" * 100 and tail.headers["Content-Range"] == f"bytes {1 << 31}-{(1 << 31) + 99}/{SIZE}"
    down = pathlib.Path(client.download_artifacts(run, "big.bin", str(tmp_path)))
    assert down.stat().st_size == SIZE and digest_of(down) == digest_of(big)
    down.unlink()


@pytest.mark.parametrize("run", ["in parts"], indirect=True)
def test_a_file_beyond_two_gigabytes_in_parts(run, big):
    api, _, run = run
    head = api.session.head(f"{api.artifacts}/artifacts/0/{run}/artifacts/big.bin", timeout=60)
    assert head.headers["Content-Length"] == str(SIZE) and head.headers["ETag"] == f'"{digest_of(big)}"'
