"""Bearer tokens of an OpenID Connect issuer: real keys, real tokens, and what attackers make of them."""
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from conftest import ADMIN, Person, grant

ISSUER, AUDIENCE = "https://issuer.example", "fettle"


class Issuer:
    def __init__(self):
        self.private = {"RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
                        "ES256": ec.generate_private_key(ec.SECP256R1()), "EdDSA": ed25519.Ed25519PrivateKey.generate()}
        self.stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self, *algorithms):
        kinds = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}
        keys = [{**json.loads(kinds[a].to_jwk(self.private[a].public_key())), "kid": f"k-{a}", "use": "sig", "alg": a}
                for a in algorithms or self.private]
        return json.dumps({"keys": keys})

    @staticmethod
    def claims(**changes):
        now = int(time.time())
        out = {"iss": ISSUER, "aud": AUDIENCE, "sub": "grace", "groups": ["ml-team"], "iat": now, "exp": now + 600, **changes}
        return {name: value for name, value in out.items() if value is not None}

    def token(self, algorithm="RS256", headers=None, key=None, **changes):
        return jwt.encode(self.claims(**changes), key or self.private[algorithm], algorithm,
                          {"kid": f"k-{algorithm}", **(headers or {})})


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


def options(keys):
    return ["--access-control", "--oidc-issuer", ISSUER, "--oidc-audience", AUDIENCE, "--oidc-keys", str(keys),
            "--oidc-admin-group", "fettle-admins"]


@pytest.fixture
def server(start_server, issuer, tmp_path):
    (tmp_path / "keys.json").write_text(issuer.jwks())
    return start_server(*options(tmp_path / "keys.json"))


def status(server, token):
    return Person(server, token=token).fettle("GET", "me").status_code


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_signed_token_is_a_login(server, issuer, algorithm):
    grace = Person(server, token=issuer.token(algorithm))
    for _ in range(3):
        assert grace.fettle("GET", "me").json()["user"] == "grace"
    with grace.client() as client:
        assert client.search_experiments()


def test_groups_have_grants(server, issuer, admin):
    grace = Person(server, token=issuer.token())
    create = lambda name: grace.mlflow("POST", "experiments/create", {"name": name}).status_code
    assert create("team-1") == 403
    grant(admin, "@ml-team", "writer", "experiment", "team-*")
    assert create("team-1") == 200
    assert create("other") == 403
    assert grace.fettle("GET", "users").status_code == 403
    chief = Person(server, token=issuer.token(sub="chief", groups=["fettle-admins"]))
    assert chief.fettle("GET", "users").status_code == 200
    assert Person(server, token=issuer.token(sub="lone", groups="ml-team")).mlflow(
        "POST", "experiments/create", {"name": "team-2"}).status_code == 200


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).rstrip(b"=").decode()


def forged(header, claims, signature=b""):
    return f"{b64(header)}.{b64(claims)}.{b64(signature)}"


def signed_with_public_key(issuer, algorithm, kid):
    """HS256 with the public key as the secret: what a verifier that trusts the header's algorithm would accept."""
    public = issuer.private["RS256"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    start = f"{b64({'alg': algorithm, 'kid': kid, 'typ': 'JWT'})}.{b64(issuer.claims())}"
    return f"{start}.{b64(hmac.new(public, start.encode(), hashlib.sha256).digest())}"


def tampered(token):
    header, claims, signature = token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{header}.{b64({**changed, 'sub': 'root'})}.{signature}"


def attacks(issuer):
    now = int(time.time())
    stranger_jwk = json.loads(RSAAlgorithm.to_jwk(issuer.stranger.public_key()))
    yield "none", forged({"alg": "none"}, issuer.claims())
    yield "None", forged({"alg": "None", "kid": "k-RS256"}, issuer.claims())
    yield "no algorithm", forged({"kid": "k-RS256"}, issuer.claims())
    yield "HS256 with the public key", signed_with_public_key(issuer, "HS256", "k-RS256")
    yield "HS256 called RS256", signed_with_public_key(issuer, "RS256", "k-RS256")
    yield "HS256 with an empty secret", jwt.encode(issuer.claims(), "x" * 32, "HS256", {"kid": "k-RS256"})
    yield "RS512", jwt.encode(issuer.claims(), issuer.private["RS256"], "RS512", {"kid": "k-RS256"})
    yield "PS256", jwt.encode(issuer.claims(), issuer.private["RS256"], "PS256", {"kid": "k-RS256"})
    yield "another's key", issuer.token(key=issuer.stranger)
    yield "a key in the header", issuer.token(key=issuer.stranger, headers={"jwk": stranger_jwk})
    yield "a key's address in the header", issuer.token(key=issuer.stranger, headers={"jku": "http://127.0.0.1:1/", "kid": "new"})
    yield "kid as a path", issuer.token(key=issuer.stranger, headers={"kid": "../../../../dev/null"})
    yield "kid as SQL", issuer.token(key=issuer.stranger, headers={"kid": "' OR '1'='1"})
    yield "kid of another type's key", issuer.token(headers={"kid": "k-ES256"})
    yield "unknown kid", issuer.token(headers={"kid": "unknown"})
    yield "critical extension", issuer.token(headers={"crit": ["b64"], "b64": False})
    yield "changed claims", tampered(issuer.token())
    yield "no signature", issuer.token().rsplit(".", 1)[0] + "."
    yield "cut signature", issuer.token()[:-20]
    yield "another issuer", issuer.token(iss="https://evil.example")
    yield "issuer as prefix", issuer.token(iss=ISSUER + ".evil.example")
    yield "another audience", issuer.token(aud="other")
    yield "audiences without us", issuer.token(aud=["a", "b"])
    yield "no audience", issuer.token(aud=None)
    yield "expired", issuer.token(exp=now - 3600)
    yield "never expires", issuer.token(exp=None)
    yield "expiry as text", forged({"alg": "none"}, issuer.claims(exp="never"))
    yield "not yet valid", issuer.token(nbf=now + 3600)
    yield "no user", issuer.token(sub=None)
    yield "a group's name as user", issuer.token(sub="@everyone")
    yield "a local user's name", issuer.token(sub="admin")
    yield "oversized", issuer.token(note="x" * 20_000)
    yield "three empty parts", ".."
    yield "no JSON", "a.b.c"
    yield "deep JSON", forged({"alg": "RS256", "kid": "k-RS256"}, b"[" * 10_000)


def test_attacks_are_refused(server, issuer):
    assert status(server, issuer.token()) == 200
    for name, token in attacks(issuer):
        answer = Person(server, token=token).fettle("GET", "me")
        assert answer.status_code in (401, 431), f"{name}: {answer.status_code} {answer.text}"
    assert status(server, issuer.token()) == 200
    why = [e["detail"] for e in Person(server, *ADMIN).fettle("GET", "audit?refused=true&limit=1000").json()["entries"]]
    assert any("expired" in text for text in why) and any("algorithm" in text for text in why)


def test_leeway_and_expiry_of_what_was_verified(server, issuer):
    now = int(time.time())
    assert status(server, issuer.token(exp=now - 10)) == 200
    assert status(server, issuer.token(aud=["x", AUDIENCE], nbf=now + 10)) == 200


class Keys(http.server.BaseHTTPRequestHandler):
    document, asked = "", 0

    def do_GET(self):
        Keys.asked += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(Keys.document)))
        self.end_headers()
        self.wfile.write(Keys.document.encode())

    def log_message(self, *_):
        pass


def test_keys_from_an_address_are_asked_for_seldom(start_server, issuer):
    Keys.document, Keys.asked = issuer.jwks("RS256"), 0
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        server = start_server(*options(f"http://127.0.0.1:{listener.server_port}/keys"))
        assert status(server, issuer.token()) == 200
        for i in range(20):
            assert status(server, issuer.token("ES256", headers={"kid": f"unknown-{i}"})) == 401
        assert Keys.asked == 1  # within the first minute
    finally:
        listener.shutdown()
        listener.server_close()


def test_bad_options_are_named(start_server, issuer, tmp_path):
    keys = tmp_path / "bad.json"
    for text, said in (("{}", "no RSA"), ("nonsense", "key set")):
        keys.write_text(text)
        with pytest.raises(RuntimeError, match=said):
            start_server(*options(keys))
    with pytest.raises(RuntimeError, match="bad-missing"):
        start_server(*options(tmp_path / "bad-missing.json"))
    with pytest.raises(RuntimeError, match="https"):
        start_server(*options("http://issuer.example/keys"))
    with pytest.raises(RuntimeError, match="--oidc-audience"):
        start_server("--access-control", "--oidc-issuer", ISSUER)
