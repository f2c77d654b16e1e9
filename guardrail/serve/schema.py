"""The shape of a gateway's configuration file, as pydantic models."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from guardrail.policy.schema import check_place
from guardrail.policy.schema_base import Model, Text, expected

PLAIN_AUTH = {
    "bearer": "authorization",
    "x-api-key": "x-api-key",
    "x-goog-api-key": "x-goog-api-key",
}
"""The header a provider's key goes into, by what a file calls it."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_HEADER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")
_PRIVATE = frozenset(
    {"authorization", "connection", "content-length", "cookie", "forwarded", "host"}
) | {"idempotency-key", "proxy-authorization", "te", "trailer", "transfer-encoding", "upgrade"}


def _url(value: str) -> str:
    parts = urlsplit(value)
    good = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    if not good or parts.query or parts.fragment:
        raise expected("a URL such as https://api.openai.com/v1, without a key or a query in it")
    return value.rstrip("/")


def _matching(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise expected(what)
        return value

    return AfterValidator(check)


def _hash(value: str) -> str:
    if not _SHA256.fullmatch(value.removeprefix("sha256:")):
        raise expected("the hash that `guardrail serve key` prints, never the key itself")
    return value.removeprefix("sha256:")


def _forwardable(value: str) -> str:
    name = value.lower()
    if not _HEADER.fullmatch(name):
        raise expected("the name of a header")
    if name in _PRIVATE or name in PLAIN_AUTH.values() or name.startswith("x-forwarded"):
        raise expected("another header: this one never goes to an upstream")
    return name


def _place(value: str) -> str:
    if wrong := check_place(value.upper()):
        raise expected(wrong)
    return value.upper()


def _storage(value: str) -> str:
    if not value.startswith(("memory://", "redis://", "rediss://")):
        raise expected("memory:// or redis://host:6379/0")
    return value


Url = Annotated[str, AfterValidator(_url)]
Name = Annotated[str, _matching(_NAME, "a name of letters, digits, '.', '_' and '-'")]
Env = Annotated[str, _matching(_ENV, "the name of an environment variable")]
Function = Annotated[str, _matching(_FUNCTION, "a function as package.module:function")]
Hash = Annotated[str, AfterValidator(_hash)]
Rate = Annotated[str, _matching(_RATE, "a rate such as 10/second or 600/minute")]
Forwardable = Annotated[str, AfterValidator(_forwardable)]
HeaderName = Annotated[str, _matching(_HEADER, "the name of a header, in lower case")]
Place = Annotated[str, AfterValidator(_place)]
Storage = Annotated[str, AfterValidator(_storage)]
Seconds = Annotated[float, Field(ge=0.001, le=86_400)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Bytes = Annotated[int, Field(ge=1, le=4_000_000_000)]


class TimeoutsModel(Model):
    """How long an upstream may take, in seconds."""

    connect: Seconds = 5.0
    """Until a connection stands."""
    read: Seconds = 120.0
    """Until the next bytes come."""
    total: Seconds = 900.0
    """Until the whole reply has come."""


class UpstreamModel(Model):
    """Where calls go."""

    name: Name
    kind: Literal["http", "litellm"] = "http"
    """`http`: the client's own bytes go on. `litellm`: LiteLLM's functions are called."""
    base_url: Url | None = None
    """As the provider's own SDK has it. `litellm`: where it is not the provider's usual one."""
    api_key_env: Env | None = None
    """The environment variable that holds the provider's key."""
    auth: Literal["bearer", "x-api-key", "x-goog-api-key"] = "bearer"
    """How the key goes to an `http` upstream."""
    models: list[Text] = Field(default=["*"], min_length=1)
    """Names or patterns of the models that are here; the first upstream that fits counts."""
    model: Text = "{model}"
    """What LiteLLM calls the model; `{model}` stands for what the client asked for."""
    forward_headers: list[Forwardable] = Field(default=[])
    """Headers of the client's that go on besides those that the protocols need."""
    timeouts: TimeoutsModel = TimeoutsModel()
    connections: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Connections one worker holds at most."""


class CallerModel(Model):
    """What is known of whoever holds a key."""

    id: str = ""
    """Default: the name of the key."""
    tier: Text = "free"
    age_verified: bool = False
    jurisdiction: Place | None = None
    app: str = ""
    language: str = ""


class KeyModel(Model):
    """A key of this gateway."""

    name: Name
    sha256: Hash
    """As `guardrail serve key` prints it."""
    caller: CallerModel = CallerModel()
    limit: Rate | None = None
    """Calls it may make; default: `limits.rate`."""


class ClaimsModel(Model):
    """Which claim of a token says what."""

    id: Text = "sub"
    tier: Text = "tier"
    age_verified: Text = "age_verified"
    jurisdiction: Text = "jurisdiction"
    app: Text = "app"
    language: Text = "language"


_ALGORITHM = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512",
    "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512",
]  # fmt: skip


class JwtModel(Model):
    """Tokens of an identity provider."""

    issuer: Text
    audience: Text
    algorithms: Annotated[list[_ALGORITHM], Field(min_length=1)]
    """Those that are accepted, whatever a token says."""
    jwks_url: Url | None = None
    jwks_file: Text | None = None
    key_file: Text | None = None
    """A public key, PEM."""
    secret_env: Env | None = None
    """The environment variable that holds the secret of HS256, HS384 or HS512."""
    leeway: Annotated[float, Field(ge=0, le=300)] = 0.0
    """Seconds by which clocks may differ."""
    claims: ClaimsModel = ClaimsModel()


class LimitsModel(Model):
    """How often calls may be made, and how large they may be."""

    rate: Rate | None = None
    """For each key, or each id of a token."""
    storage: Storage = "memory://"
    """`memory://` counts in each worker by itself; `redis://...` over all of them."""
    body_bytes: Bytes = 64_000_000
    body_seconds: Seconds = 60.0
    """Until a body must have come in."""
    reply_bytes: Bytes = 256_000_000
    concurrent: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Calls one worker has in hand at most; further ones are answered 503."""


class MetricsModel(Model):
    """Where Prometheus finds figures. Neither: nowhere."""

    listen: Text | None = None
    """An address of their own, such as `127.0.0.1:9464`."""
    path: bool = False
    """`GET /metrics` beside the routes."""
    token_env: Env | None = None
    """The environment variable that holds the bearer token which `/metrics` asks for."""


class DrainModel(Model):
    """What SIGTERM begins."""

    delay: Annotated[float, Field(ge=0, le=600)] = 0.0
    """Seconds in which `/readyz` says 503 and calls are still taken."""
    seconds: Annotated[int, Field(ge=1, le=3600)] = 30
    """In which calls that were begun may end."""


class GatewayModel(Model):
    """A gateway."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    workers: Annotated[int, Field(ge=1, le=256)] = 1
    policy: Text = "default"
    """A shipped policy's name, or a file (beside this one)."""
    log: Text | None = None
    """Where attempts are kept. Default: $GUARDRAIL_LOG, else the usual place."""
    upstreams: Annotated[list[UpstreamModel], Field(min_length=1)]
    keys: list[KeyModel] = Field(default=[])
    callers: Function | None = None
    """Asked for whoever has no key and no token: `async def who(token, headers)`."""
    jwt: JwtModel | None = None
    limits: LimitsModel = LimitsModel()
    conversation_header: HeaderName | None = None
    """A header that names the conversation; it is believed."""
    metrics: MetricsModel = MetricsModel()
    drain: DrainModel = DrainModel()
    ready_upstreams: bool = False
    """Whether `/readyz` also asks for a connection to every `http` upstream."""
    access_log: bool = True
    """A line of JSON on stderr for each call, without any text of it."""
