"""Bearer tokens: which are valid, and how public keys are read."""

import contextlib
import gc
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from shared.config.parsers import KNOWN_SECRET
from shared.config.settings import Settings, SettingsError
from shared.http.errors import ServiceUnavailable
from shared.http.tokens import InvalidToken, Tokens

SECRET = "0123456789abcdef0123456789abcdef"
CLAIMS = {"iss": "vitrine", "aud": "vitrine", "sub": "ann", "scope": "products:write orders:read"}
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


def settings(**more):
    return Settings(auth_mode="token", secret_key=SECRET, **more)


def token(key=SECRET, algorithm="HS256", kid=None, seconds=60, **claims):
    expires = {"exp": int(time.time()) + seconds}
    headers = {"kid": kid} if kid else None
    values = {k: v for k, v in (CLAIMS | expires | claims).items() if v is not None}
    return jwt.encode(values, key, algorithm, headers=headers)


def refusal(tokens, text):
    with pytest.raises(InvalidToken) as caught:
        tokens.verify(text)
    return str(caught.value)


def test_a_token_has_a_subject_and_scopes():
    tokens = Tokens(settings())
    principal = tokens.verify(token())
    assert (principal.id, principal.limited) == ("ann", True)
    assert principal.scopes == {"products:write", "orders:read"}
    assert principal.may("orders:read")
    assert not principal.may("orders:write")
    assert tokens.verify(token(scope=None, scp=["admin"])).may("orders:write")
    assert tokens.verify(tokens.mint("bob", ["clients:read"], 60)).scopes == {"clients:read"}


def test_two_tokens_of_one_subject_have_different_keys():
    tokens = Tokens(settings())
    one, other = (tokens.verify(tokens.mint("ann", [], 60)) for _ in range(2))
    assert one.key != other.key


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: token(seconds=-1), "expired"),
        (lambda: token(seconds=0), "expired"),
        (lambda: token(nbf=int(time.time()) + 3600), "not valid yet"),
        (lambda: token(iat=int(time.time()) + 3600), "not valid yet"),
        (lambda: token(iss="somebody"), "iss"),
        (lambda: token(iss=None), "not a JSON Web Token"),
        (lambda: token(aud="somebody"), "aud"),
        (lambda: token(aud=None), "not a JSON Web Token"),
        (lambda: token(sub=None), "not a JSON Web Token"),
        (lambda: token(sub=""), "sub"),
        (lambda: token(sub="x" * 201), "sub"),
        (lambda: token(exp=None), "not a JSON Web Token"),
        (lambda: token(exp="soon"), "not a JSON Web Token"),
        (lambda: token(exp="4102444800"), "expired"),
        (lambda: token(sub="a\nb"), "sub"),
        (lambda: token(sub="\ud800"), "sub"),
        (lambda: token(scope={"admin": True}), "not a JSON Web Token"),
        (lambda: token(scope=["admin", 1]), "not a JSON Web Token"),
        (lambda: token("1" * 32), "signature"),
        (lambda: token()[:-4] + "AAAA", "signature"),
        (lambda: token("", "none"), "'none'"),
        (lambda: token().rpartition(".")[0] + ".", "signature"),
        (lambda: token(SECRET * 2, "HS512"), "'HS512'"),
        (lambda: token(RSA, "RS256", kid="a"), "'RS256'"),
        (lambda: "", "not a JSON Web Token"),
        (lambda: "a.b.c", "not a JSON Web Token"),
        (lambda: "é.é.é", "not a JSON Web Token"),
        (lambda: "." * 5000, "not a JSON Web Token"),
    ],
)
def test_a_token_that_is_not_valid_here_is_refused(make, why):
    assert why in refusal(Tokens(settings()), make())


def test_a_token_nested_too_deep_is_refused():
    gc.collect()  # Otherwise a finalizer of an earlier test may run at the limit of recursion.
    deep = jwt.utils.base64url_encode(b"[" * 6000).decode()
    head = jwt.utils.base64url_encode(b'{"alg":"HS256"}').decode()
    assert refusal(Tokens(settings()), f"{deep}.{deep}.x")
    assert refusal(Tokens(settings()), f"{head}.{deep}.x")


def test_the_secret_of_open_mode_is_not_valid_elsewhere():
    text = Tokens(Settings()).mint("ann", ["admin"], 60)
    assert Tokens(Settings()).verify(text).may("admin")
    assert "signature" in refusal(Tokens(settings()), text)


@pytest.mark.parametrize("secret", ["", "short", "x" * 64, KNOWN_SECRET])
def test_token_mode_does_not_start_without_a_secret(secret):
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        Settings.from_env({"AUTH_MODE": "token", "SECRET_KEY": secret})


class Issuer:
    """Server of public keys on a free port, which counts its requests."""

    def __init__(self):
        self.keys = []
        self.asked = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.asked += 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps({"keys": issuer.keys}).encode())

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def add(self, kid, key, algorithm):
        kind = RSAAlgorithm if algorithm == "RS256" else ECAlgorithm
        jwk = kind.to_jwk(key.public_key(), as_dict=True)
        self.keys.append(jwk | {"kid": kid, "alg": algorithm, "use": "sig"})

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer():
    issuer = Issuer()
    issuer.add("rsa", RSA, "RS256")
    issuer.add("ec", EC, "ES256")
    yield issuer
    issuer.stop()


def test_public_keys_are_read_once_for_many_tokens(issuer):
    tokens = Tokens(settings(auth_jwks_url=issuer.url))
    for _ in range(3):
        assert tokens.verify(token(RSA, "RS256", kid="rsa")).id == "ann"
        assert tokens.verify(token(EC, "ES256", kid="ec")).id == "ann"
    assert issuer.asked == 1
    assert tokens.verify(token()).id == "ann"


def test_a_public_key_never_serves_as_a_secret(issuer):
    tokens = Tokens(settings(auth_jwks_url=issuer.url))
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = jwt.utils.base64url_encode(b'{"alg":"HS256","kid":"rsa","typ":"JWT"}')
    body = token(RSA, "RS256", kid="rsa").split(".")[1].encode()
    signature = jwt.algorithms.HMACAlgorithm("sha256").sign(head + b"." + body, public)
    forged = b".".join([head, body, jwt.utils.base64url_encode(signature)]).decode()
    assert "signature" in refusal(tokens, forged)
    assert refusal(tokens, token(EC, "ES256", kid="rsa"))
    assert refusal(tokens, token(RSA, "RS256"))


def test_a_new_key_is_read_and_unknown_keys_cause_few_reads(issuer, monkeypatch):
    tokens = Tokens(settings(auth_jwks_url=issuer.url))
    new = rsa.generate_private_key(65537, 2048)
    tokens.verify(token(RSA, "RS256", kid="rsa"))
    issuer.add("new", new, "RS256")
    later = time.monotonic() + 10
    monkeypatch.setattr("shared.http.tokens.time.monotonic", lambda: later)
    assert tokens.verify(token(new, "RS256", kid="new")).id == "ann"
    for number in range(20):
        assert refusal(tokens, token(new, "RS256", kid=f"forged-{number}"))
    assert issuer.asked == 2


def test_old_keys_stay_valid_while_new_ones_cannot_be_read(issuer, monkeypatch):
    tokens = Tokens(settings(auth_jwks_url=issuer.url))
    tokens.verify(token(RSA, "RS256", kid="rsa"))
    issuer.stop()
    later = time.monotonic() + 1000
    monkeypatch.setattr("shared.http.tokens.time.monotonic", lambda: later)
    assert tokens.verify(token(RSA, "RS256", kid="rsa")).id == "ann"
    with pytest.raises(ServiceUnavailable, match="AUTH_JWKS_URL"):
        Tokens(settings(auth_jwks_url=issuer.url)).verify(token(RSA, "RS256", kid="rsa"))


@pytest.mark.parametrize("answer", ["hang", "drip", "flood", "garbage", "redirect"])
def test_a_key_server_that_misbehaves_is_read_once_for_a_bounded_time(answer):
    server = Misbehaving(answer)
    tokens = Tokens(settings(auth_jwks_url=server.url))
    outcomes = []

    def verify(number):
        with pytest.raises(ServiceUnavailable, match="AUTH_JWKS_URL"):
            tokens.verify(token(RSA, "RS256", kid=f"x{number}"))
        outcomes.append(number)

    threads = [threading.Thread(target=verify, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    is_asked, ended = server.asked, len(outcomes)
    server.stop()
    assert (is_asked, ended) == (1, 8)


def test_one_request_waits_for_the_keys_and_the_others_do_not(monkeypatch):
    monkeypatch.setattr("shared.http.tokens.FETCH_SECONDS", 60)
    server = Misbehaving("hang")
    tokens = Tokens(settings(auth_jwks_url=server.url))

    def verify(number):
        with pytest.raises(ServiceUnavailable, match="AUTH_JWKS_URL"):
            tokens.verify(token(RSA, "RS256", kid=f"x{number}"))

    first = threading.Thread(target=verify, args=(0,))
    first.start()
    assert server.is_asked.wait(30)
    for number in range(1, 8):
        verify(number)
    waits = first.is_alive()
    server.stop()
    first.join(30)
    assert waits
    assert not first.is_alive()
    assert server.asked == 1


class Misbehaving:
    """Server of public keys that hangs, drips, floods or redirects."""

    def __init__(self, how):
        self.over = over = threading.Event()
        self.is_asked = threading.Event()
        self.asked = 0
        misbehaving = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                misbehaving.asked += 1
                misbehaving.is_asked.set()
                self.send_response(302 if how == "redirect" else 200)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                if how == "hang":
                    over.wait(90)
                elif how == "drip":
                    while not over.wait(0.2):
                        self.wfile.write(b" ")
                elif how == "flood":
                    while not over.is_set():
                        self.wfile.write(b" " * 65536)
                else:
                    self.wfile.write(b"{")

            def handle_one_request(self):
                with contextlib.suppress(OSError):
                    super().handle_one_request()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/keys"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self):
        self.over.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("subject", ["anonymous", "unknown", "outside the API", "service:orders"])
def test_other_servers_cannot_use_a_reserved_subject(issuer, subject):
    tokens = Tokens(settings(auth_jwks_url=issuer.url))
    assert "only Vitrine" in refusal(tokens, token(RSA, "RS256", kid="rsa", sub=subject))
    assert tokens.verify(token(sub=subject)).id == subject


def test_two_spellings_of_a_signature_are_one_token():
    tokens = Tokens(settings())
    text = token()
    assert tokens.verify(f"{text}=").key == tokens.verify(text).key


@pytest.mark.parametrize("blank", ["\u00a0", "\u2028", "\t", "\n", "\x1f"])
def test_only_blanks_separate_scopes(blank):
    assert not Tokens(settings()).verify(token(scope=f"x{blank}admin")).may("admin")
