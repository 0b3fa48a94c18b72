"""fettle-serve with a certificate made here: HTTP and gRPC over TLS, and only over TLS."""
import subprocess

import pytest
import requests
import tritonclient.grpc as triton


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   cwd=tmp_path, check=True, capture_output=True)
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


def test_both_listeners_speak_tls_only(start_serve, certificate):
    cert, key = certificate
    serve = start_serve("--tls-cert", cert, "--tls-key", key)
    assert serve.url.startswith("https://127.0.0.1:")
    content = {"inputs": [{"name": "hour", "shape": [1], "datatype": "INT64", "data": [7]},
                          {"name": "distance", "shape": [1], "datatype": "FP32", "data": [500]},
                          {"name": "origin", "shape": [1], "datatype": "BYTES", "data": ["ATL"]}]}
    answer = requests.post(f"{serve.url}/v2/models/flights/infer", json=content, verify=cert, timeout=10)
    assert answer.status_code == 200 and 0 <= answer.json()["outputs"][0]["data"][0] <= 1
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{serve.url}/health", timeout=10)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(serve.url.replace("https", "http") + "/health", timeout=10)
    assert triton.InferenceServerClient(serve.grpc, ssl=True, root_certificates=cert).is_server_live()
    with pytest.raises(triton.InferenceServerException):
        triton.InferenceServerClient(serve.grpc).is_server_live(client_timeout=5)
    assert serve.stop() == 0


def test_a_certificate_without_its_key_or_with_anothers_is_refused(bundle, certificate, tmp_path):
    cert, key = certificate
    other = tmp_path / "other.pem"
    subprocess.run(["openssl", "genrsa", "-out", str(other), "2048"], check=True, capture_output=True)
    ready = tmp_path / "ready.json"
    for words in (["--tls-cert", cert], ["--tls-key", key], ["--tls-cert", cert, "--tls-key", str(other)],
                  ["--tls-cert", cert, "--tls-key", str(tmp_path / "missing.pem")]):
        refused = subprocess.run(["fettle-serve", str(bundle), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--ready-file",
                                  str(ready), *words], capture_output=True, text=True, timeout=30)
        assert refused.returncode in (2, 3), (words, refused.stderr)
        assert len(refused.stderr.strip().splitlines()) == 1 and not ready.exists()
