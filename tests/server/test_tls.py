"""TLS on every listener, with a certificate made here."""
import os
import subprocess

import pytest
import requests
import tritonclient.grpc as triton


@pytest.fixture
def certificate(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-days", "1",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                   cwd=tmp_path, check=True, capture_output=True)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


def test_every_listener_speaks_tls(start_server, certificate, monkeypatch):
    cert, key = certificate
    server = start_server("--tls-cert", str(cert), "--tls-key", str(key))
    assert server.control.startswith("https://127.0.0.1:") and server.predict.startswith("https://")
    for url in (server.control, server.predict):
        assert requests.get(url + "/health", verify=str(cert)).text == "OK"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(url + "/health")
    client = triton.InferenceServerClient(server.grpc, ssl=True, root_certificates=str(cert))
    assert client.is_server_live()

    environment = {"FETTLE_SERVER": server.control, "PATH": os.environ["PATH"]}
    known = subprocess.run(["fettle", "status"], env={**environment, "FETTLE_CA_FILE": str(cert)}, capture_output=True, text=True)
    assert known.returncode == 0, known.stderr
    stranger = subprocess.run(["fettle", "status"], env=environment, capture_output=True, text=True)
    assert stranger.returncode == 10 and "certificate verify failed" in stranger.stderr


def test_half_of_a_pair_and_junk_are_named(tmp_path, certificate):
    cert, key = certificate
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    for given, said in (((cert, ""), "both"), ((junk, key), "junk.pem"), ((tmp_path / "missing.pem", key), "missing.pem")):
        refused = subprocess.run(["fettle", "server", "--data", str(tmp_path / "data"), "--control", "127.0.0.1:0", "--predict",
                                  "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--tls-cert", str(given[0]), "--tls-key", str(given[1])],
                                 capture_output=True, text=True, timeout=30)
        assert refused.returncode == 2 and said in refused.stderr
