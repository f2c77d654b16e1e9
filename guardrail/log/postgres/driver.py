"""What psycopg is told of a log: how to connect, how to read numbers, where warnings go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.abc import Buffer

    from guardrail.log.location import Location

_CONNECT = {
    "connect_timeout": 5,
    "application_name": "guardrail",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class Whole(Loader):
    """Sums of bigint are numeric, and whole."""

    def load(self, data: Buffer) -> int | float:
        """See Loader."""
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


def identifier(name: str) -> sql.Identifier:
    """A table of the log, quoted."""
    return sql.Identifier("guardrail", name)


def warnings_to(found: list[str]) -> Callable[[psycopg.errors.Diagnostic], None]:
    """What keeps the server's warnings."""

    def listen(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            found.append(str(notice.message_primary))

    return listen


def options_of(location: Location, *, readonly: bool) -> dict[str, Any]:
    """What the URL says, over what we wish; raises ConfigurationError."""
    wished: dict[str, Any] = dict(_CONNECT)
    if not readonly:
        wished["target_session_attrs"] = "read-write"
    try:
        return wished | conninfo_to_dict(location.server)
    except psycopg.Error:
        raise ConfigurationError(
            f"not the URL of a PostgreSQL database: {location.name}; write "
            "postgresql://user@host:5432/database with parameters of libpq, %-encoded"
        ) from None
