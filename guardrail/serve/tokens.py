"""Who calls: signed tokens of an identity provider (RFC 7519), checked with pyjwt."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guardrail.errors import ConfigurationError
from guardrail.policy.jurisdictions import is_place
from guardrail.records import Caller, Jurisdiction
from guardrail.serve.extras import module
from guardrail.serve.keys import Identity

if TYPE_CHECKING:
    from guardrail.adapters.wire.http import Call
    from guardrail.serve.schema import ClaimsModel, JwtModel

REFRESH = 300.0
"""Seconds after which keys at a URL are fetched again."""

PAUSE = 15.0
"""Seconds between two fetches, whatever tokens come in."""

_PARTS = 2
_FETCH = 5.0


class Tokens:
    """Knows the tokens of one issuer. Raises ConfigurationError where its keys cannot be read."""

    def __init__(self, settings: JwtModel) -> None:
        self._jwt: Any = module("jwt", "serve")
        self._settings = settings
        self._keys: Mapping[str, Any] = {}
        self._only: Any = None
        self._fetched = float("-inf")
        self._lock = asyncio.Lock()
        if settings.jwks_file:
            self._keys = self._set(json.loads, _text(settings.jwks_file), settings.jwks_file)
        elif settings.key_file:
            self._only = self._public(_text(settings.key_file), settings.key_file)
        elif settings.secret_env:
            self._only = os.environ[settings.secret_env]

    async def identify(self, token: str, call: Call) -> Identity | None:
        """See Authority: signature, issuer, audience and times must be right, `exp` be there."""
        del call
        if token.count(".") != _PARTS:
            return None
        settings, jwt = self._settings, self._jwt
        try:
            head = jwt.get_unverified_header(token)
            key = await self._key(head)
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=settings.algorithms,
                issuer=settings.issuer,
                audience=settings.audience,
                leeway=settings.leeway,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return _identity(claims, settings.claims)

    async def _key(self, head: Mapping[str, Any]) -> Any:
        if self._only is not None:
            return self._only
        name = head.get("kid")
        if self._settings.jwks_url and (name not in self._keys or self._old(REFRESH)):
            async with self._lock:
                if self._old(PAUSE if name not in self._keys else REFRESH):
                    await self._fetch(self._settings.jwks_url)
        if name is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        return self._keys.get(name) if isinstance(name, str) else None

    def _old(self, seconds: float) -> bool:
        return time.monotonic() - self._fetched > seconds

    async def _fetch(self, url: str) -> None:
        """Get the keys anew; those that are here stay where the issuer cannot be reached."""
        self._fetched = time.monotonic()
        client = self._jwt.PyJWKClient(url, cache_keys=False, timeout=_FETCH)
        try:
            found = await asyncio.to_thread(client.get_jwk_set, refresh=True)
        except (self._jwt.PyJWTError, OSError, ValueError):
            return
        self._keys = _usable(found.keys)

    def _set(self, read: Any, text: str, file: str) -> Mapping[str, Any]:
        try:
            return _usable(self._jwt.PyJWKSet.from_dict(read(text)).keys)
        except (self._jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise ConfigurationError(f"{file}: no set of JSON web keys ({error})") from None

    def _public(self, text: str, file: str) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            return load_pem_public_key(text.encode())
        except ValueError:
            raise ConfigurationError(f"{file}: expected a public key in PEM") from None


def _usable(keys: Any) -> Mapping[str, Any]:
    return {key.key_id or "": key for key in keys if key.public_key_use in (None, "sig")}


def _text(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read ({type(error).__name__})") from None


def _identity(claims: Mapping[str, Any], names: ClaimsModel) -> Identity | None:
    """What a good token says; one without an id, or with claims of a wrong kind, is not good."""
    told = {name: claims.get(claim) for name, claim in names.model_dump().items()}
    verified = told.pop("age_verified")
    words = {name: "" if value is None else value for name, value in told.items()}
    if not all(isinstance(value, str) for value in words.values()) or not words["id"]:
        return None
    if verified is not None and not isinstance(verified, bool):
        return None
    place = words["jurisdiction"].upper()
    if place and not is_place(place):
        return None
    caller = Caller(
        words["id"],
        words["tier"] or "free",
        verified is True,
        Jurisdiction(place, "token") if place else Jurisdiction(),
        words["app"],
        words["language"],
    )
    return Identity(caller, "", f"id {caller.id}")
