"""Where an attempt log is, and what it keeps."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus, urlsplit

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

MAX_EXCERPT = 4000
_POSTGRES = frozenset({"postgresql", "postgres"})


@dataclass(frozen=True, slots=True)
class Location:
    """path: the database, absolute. excerpt: characters of the prompt kept, encrypted; 0: none.

    server: the URL of a PostgreSQL database as libpq reads it; then `path` is what the names of
    the log's files on this machine begin with.
    wrapper: `module:function` that makes a KeyWrapper of this; empty: the key file wraps.
    """

    path: Path
    excerpt: int = 0
    server: str = field(default="", repr=False)
    wrapper: str = ""

    @property
    def name(self) -> str:
        """The log as messages call it; never with a password."""
        if not self.server:
            return str(self.path)
        parts = urlsplit(self.server)
        return f"postgresql://{parts.netloc.rpartition('@')[2]}{parts.path}"

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
    """Read `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/database`.

    All take `?excerpt=N` (0 to 4000) and `?wrapper=package.module:function` (makes a
    `KeyWrapper`). `?files=/etc/guardrail/attempts` is what the names of a PostgreSQL log's files
    on this machine begin with (default: `$XDG_STATE_HOME/guardrail/` and the database's name);
    its other options are libpq's.

    None means `$GUARDRAIL_LOG`, else `attempts.db` in `$XDG_STATE_HOME/guardrail`
    (`~/.local/state/guardrail`). Raises ConfigurationError.
    """
    url = url or os.environ.get("GUARDRAIL_LOG")
    if not url:
        return Location(_state_home() / "guardrail" / "attempts.db")
    try:
        parts = urlsplit(url)
    except ValueError:
        raise _no_log(url) from None
    if parts.fragment or len(parts.path) <= 1:
        raise _no_log(url)
    if parts.scheme in _POSTGRES:
        return _on_server(parts)
    if parts.scheme != "sqlite" or parts.netloc:
        raise _no_log(url)
    ours, others = _options(parts.query, {"excerpt", "wrapper"})
    if others:
        name = unquote_plus(others[0].partition("=")[0])
        raise ConfigurationError(
            f"unknown option {name!r} of the attempt log; known: excerpt, wrapper"
        )
    path = Path(unquote(parts.path[1:])).absolute()
    return Location(path, _excerpt(ours), wrapper=_wrapper(ours))


def _on_server(parts: SplitResult) -> Location:
    ours, others = _options(parts.query, {"excerpt", "files", "wrapper"})
    query = f"?{'&'.join(others)}" if others else ""
    server = f"postgresql://{parts.netloc}{parts.path}{query}"
    files = ours.get("files")
    if files is None:
        database = quote(unquote(parts.path[1:]), safe="")
        path = _state_home() / "guardrail" / database
    else:
        path = Path(files).absolute()
    if not path.name:
        raise ConfigurationError(f"files={files} of the attempt log: what file names begin with")
    return Location(path, _excerpt(ours), server, _wrapper(ours))


def _no_log(url: str) -> ConfigurationError:
    return ConfigurationError(
        f"not an attempt log: {_shown(url)}; write sqlite:///relative.db, "
        "sqlite:////absolute.db or postgresql://user@host/database, with ?excerpt=200 to keep "
        "encrypted excerpts"
    )


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
    secret = "@" in url or "password" in url
    return repr(url.partition("://")[0] + "://...") if secret else repr(url)


def _options(query: str, known: set[str]) -> tuple[dict[str, str], list[str]]:
    """Those that are ours, decoded, and the others as they are written."""
    ours: dict[str, str] = {}
    others: list[str] = []
    for option in filter(None, query.split("&")):
        name, _, value = option.partition("=")
        if unquote_plus(name) in known:
            ours[unquote_plus(name)] = unquote_plus(value)
        else:
            others.append(option)
    return ours, others


def _excerpt(options: Mapping[str, str]) -> int:
    value = options.get("excerpt", "0")
    if not (value.isdecimal() and value.isascii() and int(value[:9]) <= MAX_EXCERPT):
        raise ConfigurationError(f"excerpt={value} of the attempt log: 0 to {MAX_EXCERPT}")
    return int(value)


def _wrapper(options: Mapping[str, str]) -> str:
    value = options.get("wrapper", "")
    module, colon, name = value.partition(":")
    if value and not (
        colon and name.isidentifier() and all(map(str.isidentifier, module.split(".")))
    ):
        raise ConfigurationError(
            f"wrapper={value} of the attempt log: name a function as package.module:function"
        )
    return value
