from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from guardrail.adapters.wire.http import Call
from guardrail.errors import ConfigurationError
from guardrail.serve import tokens
from guardrail.serve.keys import Identity
from guardrail.serve.schema import ClaimsModel, JwtModel
from guardrail.serve.tokens import Tokens

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
CALL = Call("POST", "/v1/chat/completions")


def jwk(key: ec.EllipticCurvePrivateKey, name: str) -> dict[str, Any]:
    told = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**told, "kid": name, "use": "sig", "alg": "ES256"}


def claims(**changes: Any) -> dict[str, Any]:
    said = {"iss": "https://id.example", "aud": "gateway", "sub": "u1", "exp": time.time() + 60}
    found = {**said, **changes}
    return {name: value for name, value in found.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "ES256", kid: str = "one", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid})


def settings(**changes: Any) -> JwtModel:
    said = {"issuer": "https://id.example", "audience": "gateway", "algorithms": ["ES256"]}
    return JwtModel.model_validate({**said, **changes})


@pytest.fixture
def known(tmp_path: Path) -> Tokens:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [jwk(KEY, "one")]}), "utf-8")
    names = ClaimsModel(tier="plan", age_verified="adult", jurisdiction="country")
    return Tokens(settings(jwks_file=str(path)).model_copy(update={"claims": names}))


async def test_a_good_token_says_who_calls(known: Tokens) -> None:
    found = await known.identify(token(plan="adult", adult=True, country="jp"), CALL)
    assert found is not None
    caller = found.caller
    assert (caller.id, caller.tier, caller.age_verified) == ("u1", "adult", True)
    assert (caller.jurisdiction.code, caller.jurisdiction.source) == ("JP", "token")


async def test_claims_under_other_names_say_nothing(known: Tokens) -> None:
    found = await known.identify(token(tier="adult", age_verified=True), CALL)
    assert found is not None
    assert (found.caller.tier, found.caller.age_verified) == ("free", False)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://elsewhere.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 9_999_999_999},
        {"sub": None},
        {"sub": ""},
        {"adult": "yes"},
        {"adult": 1},
        {"plan": ["adult"]},
        {"country": "Atlantis"},
        {"key": OTHER},
        {"kid": "two"},
    ],
)
async def test_a_token_that_is_not_all_right_is_none(
    changes: dict[str, Any], known: Tokens
) -> None:
    assert await known.identify(token(**changes), CALL) is None


async def test_an_algorithm_is_never_the_tokens_choice(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_text(PUBLIC, "utf-8")
    known = Tokens(settings(key_file=str(path)))
    assert isinstance(await known.identify(token(), CALL), Identity)
    unsigned = jwt.encode(claims(), "", "none")
    assert await known.identify(unsigned, CALL) is None
    import base64
    import hashlib
    import hmac

    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    signature = hmac.new(PUBLIC.encode(), head + b"." + body, hashlib.sha256).digest()
    forged = b".".join((head, body, base64.urlsafe_b64encode(signature).rstrip(b"=")))
    assert await known.identify(forged.decode(), CALL) is None


async def test_a_shared_secret_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_SECRET", "s" * 40)
    known = Tokens(settings(algorithms=["HS256"], secret_env="TOKEN_SECRET"))
    assert await known.identify(token("s" * 40, "HS256"), CALL) is not None
    assert await known.identify(token("t" * 40, "HS256"), CALL) is None


@pytest.mark.parametrize("given", ["", "a.b", "a.b.c", "a.b.c.d", "..", "\x00.\x00.\x00", "é.é.é"])
async def test_nonsense_is_no_token(given: str, known: Tokens) -> None:
    assert await known.identify(given, CALL) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"keys": 1}'])
def test_a_file_without_keys_is_said(text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match="no set of JSON web keys"):
        Tokens(settings(jwks_file=str(path)))
    with pytest.raises(ConfigurationError, match="expected a public key in PEM"):
        Tokens(settings(key_file=str(path)))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Tokens(settings(key_file=str(tmp_path / "nowhere")))


class Issuer(HTTPServer):
    keys: list[dict[str, Any]]
    asked = 0


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_GET(self) -> None:
        self.server.asked += 1
        body = json.dumps({"keys": self.server.keys}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(("127.0.0.1", 0), _Handler) as server:
        server.keys = [jwk(KEY, "one")]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_keys_of_an_issuer_are_fetched_when_they_change(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{issuer.server_address[1]}/keys"
    known = Tokens(settings(jwks_url=url))
    for _ in range(3):
        assert await known.identify(token(), CALL) is not None
    assert issuer.asked == 1
    for _ in range(3):  # an unknown name asks no more than once in a while
        assert await known.identify(token(OTHER, kid="two"), CALL) is None
    assert issuer.asked == 1
    issuer.keys = [jwk(OTHER, "two")]
    monkeypatch.setattr(tokens, "PAUSE", 0.0)
    assert await known.identify(token(OTHER, kid="two"), CALL) is not None
    assert await known.identify(token(), CALL) is None


async def test_an_issuer_that_is_gone_lets_nobody_in() -> None:
    known = Tokens(settings(jwks_url="http://127.0.0.1:9/keys"))
    assert await known.identify(token(), CALL) is None
