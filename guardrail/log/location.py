"""Where an attempt log is, and what it keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from guardrail.errors import ConfigurationError

MAX_EXCERPT = 4000


@dataclass(frozen=True, slots=True)
class Location:
    """Where a log is, and what it keeps.

    path: the database, absolute. excerpt: characters of the prompt kept, encrypted; 0: none.
    wrapper: `module:function` that makes a KeyWrapper of this; empty: the key file wraps.
    """

    path: Path
    excerpt: int = 0
    wrapper: str = ""

    @property
    def name(self) -> str:
        """The log as messages call it."""
        return str(self.path)

    @property
    def key(self) -> Path:
        """The key file beside the database."""
        return self.path.with_name(self.path.name + ".key")

    @property
    def signing_key(self) -> Path:
        """The key that signs checkpoints, beside the database."""
        return self.path.with_name(self.path.name + ".signing-key")

    @property
    def checkpoint(self) -> Path:
        """The last signed checkpoint, beside the database."""
        return self.path.with_name(self.path.name + ".checkpoint")

    @property
    def lock(self) -> Path:
        """The file that writing processes lock."""
        return self.path.with_name(self.path.name + ".lock")


def locate(url: str | None) -> Location:
    """Read `sqlite:///relative.db` or `sqlite:////absolute.db`, with options.

    `?excerpt=N` (0 to 4000), `?wrapper=package.module:function` (makes a `KeyWrapper`). None
    means `$GUARDRAIL_LOG`, else `attempts.db` in `$XDG_STATE_HOME/guardrail`
    (`~/.local/state/guardrail`). Raises ConfigurationError.
    """
    url = url or os.environ.get("GUARDRAIL_LOG")
    if not url:
        return Location(_state_home() / "guardrail" / "attempts.db")
    parts = urlsplit(url)
    if parts.scheme != "sqlite" or parts.netloc or len(parts.path) <= 1 or parts.fragment:
        raise ConfigurationError(
            f"not an attempt log: {_shown(url)}; write sqlite:///relative.db or "
            "sqlite:////absolute.db, with ?excerpt=200 to keep encrypted excerpts"
        )
    return Location(Path(unquote(parts.path[1:])).absolute(), *_options(parts.query))


def writer_socket(url: str | None) -> Path | None:
    """The path in `unix:///run/guardrail/log.sock`; None for every other URL.

    None means `$GUARDRAIL_LOG`, as for `locate`. Raises ConfigurationError.
    """
    url = url or os.environ.get("GUARDRAIL_LOG") or ""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return None
    if parts.netloc or len(parts.path) <= 1 or parts.query or parts.fragment:
        raise ConfigurationError(
            f"not the socket of a log's writer: {_shown(url)}; write "
            "unix:///run/guardrail/log.sock, and give excerpt= to the writer"
        )
    return Path(unquote(parts.path))


def _state_home() -> Path:
    given = Path(os.environ.get("XDG_STATE_HOME") or "")
    return given if given.is_absolute() else Path.home() / ".local" / "state"


def _shown(url: str) -> str:
    """The URL without what may be a password."""
    return repr(url) if "@" not in url else repr(url.partition("://")[0] + "://...")


def _options(query: str) -> tuple[int, str]:
    excerpt, wrapper = 0, ""
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name == "excerpt":
            excerpt = _excerpt(value)
        elif name == "wrapper":
            wrapper = _wrapper(value)
        else:
            raise ConfigurationError(
                f"unknown option {name!r} of the attempt log; known: excerpt, wrapper"
            )
    return excerpt, wrapper


def _excerpt(value: str) -> int:
    if not (value.isdecimal() and value.isascii() and int(value[:9]) <= MAX_EXCERPT):
        raise ConfigurationError(f"excerpt={value} of the attempt log: 0 to {MAX_EXCERPT}")
    return int(value)


def _wrapper(value: str) -> str:
    module, colon, name = value.partition(":")
    if not (colon and name.isidentifier() and all(map(str.isidentifier, module.split(".")))):
        raise ConfigurationError(
            f"wrapper={value} of the attempt log: name a function as package.module:function"
        )
    return value
