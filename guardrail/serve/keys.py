"""Who calls: keys of this gateway, of which only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import parse_qsl

from guardrail.records import Caller, Jurisdiction

if TYPE_CHECKING:
    from guardrail.adapters.wire.http import Call
    from guardrail.serve.schema import KeyModel

PREFIX = "gr-"
MAX_TOKEN = 16_384
_START = 16
_NONE = "0" * 64
_PLACES = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls.

    name: of the key, for the operator's eyes; empty for a token.
    bucket: what calls are counted under. rate: as `600/minute`; None: the common one.
    """

    caller: Caller
    name: str = ""
    bucket: str = ""
    rate: str | None = None


class Authority(Protocol):
    """Knows whom a token belongs to."""

    async def identify(self, token: str, call: Call) -> Identity | None:
        """Whom it belongs to; None where it is not one of these, or not good."""
        ...


def new_key() -> tuple[str, str]:
    """A new key (256 random bits) and its hash, which goes into the configuration."""
    key = PREFIX + secrets.token_urlsafe(32)
    return key, hashed(key)


def hashed(key: str) -> str:
    """SHA-256 of a key, in hex."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a configuration, found by the start of their hashes."""

    known: Mapping[str, tuple[str, Identity]]

    @classmethod
    def of(cls, keys: Iterable[KeyModel]) -> Self:
        """Those in a file."""
        return cls({key.sha256[:_START]: (key.sha256, _identity(key)) for key in keys})

    async def identify(self, token: str, call: Call) -> Identity | None:
        """See Authority. The time it takes tells nothing of a key: hashes are compared whole."""
        del call
        digest = hashed(token)
        stored, identity = self.known.get(digest[:_START], (_NONE, None))
        return identity if hmac.compare_digest(digest, stored) else None


@dataclass(frozen=True, slots=True)
class Anybody:
    """Knows everybody, as nobody in particular: for trying out on one machine."""

    async def identify(self, token: str, call: Call) -> Identity | None:
        """See Authority."""
        del token, call
        return Identity(Caller(), "nobody", "nobody")


def presented(call: Call) -> str | None:
    """The token a call carries; None for none, or several that differ."""
    found = set()
    for name, value in call.headers:
        key = name.lower()
        if key not in _PLACES:
            continue
        scheme, _, rest = value.partition(" ")
        if key == "authorization":
            if scheme.lower() != "bearer":
                return None
            value = rest  # noqa: PLW2901  the token without its scheme
        found.add(value.strip())
    if "key=" in call.query:
        found.update(value for name, value in parse_qsl(call.query) if name == "key")
    token = found.pop() if len(found) == 1 else ""
    return token if 0 < len(token) <= MAX_TOKEN else None


def _identity(key: KeyModel) -> Identity:
    told = key.caller
    place = Jurisdiction(told.jurisdiction, "key") if told.jurisdiction else Jurisdiction()
    caller = Caller(
        told.id or key.name, told.tier, told.age_verified, place, told.app, told.language
    )
    return Identity(caller, key.name, f"key {key.name}", key.limit)
