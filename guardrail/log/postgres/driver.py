"""What psycopg is told of a log: how to connect, how to read numbers, where warnings go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
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
_NUMBER = re.compile(
    r"[0-9]+"
)  # the first of "5 dead row versions cannot be removed yet", anywhere


class Whole(Loader):
    """Sums of bigint are numeric, and whole."""

    def load(self, data: Buffer) -> int | float:
        """See Loader."""
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdecimal() else float(text)


def identifier(name: str) -> sql.Identifier:
    """A table of the log, quoted."""
    return sql.Identifier("guardrail", name)


class Notices:
    """What the server says of a VACUUM (VERBOSE). warnings: its warnings, as it words them.

    left: rows that were deleted and are kept for older transactions; None: it did not say.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.left: int | None = None

    def __call__(self, notice: psycopg.errors.Diagnostic) -> None:
        """Take one of them."""
        if notice.severity_nonlocalized == "WARNING":
            self.warnings.append(str(notice.message_primary))
        elif found := _NUMBER.search(notice.message_detail or ""):
            self.left = int(found[0])


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
