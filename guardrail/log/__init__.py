"""The attempt log: what was asked, what was decided and how it ended, for an auditor to read."""

from __future__ import annotations

from guardrail.errors import ConfigurationError
from guardrail.log.location import Location, locate, writer_socket
from guardrail.log.log import Log
from guardrail.log.opening import SCHEMA, schema_of
from guardrail.log.query import AttemptFilter, AttemptRow
from guardrail.log.stats import DIMENSIONS, Stats, StatsRow
from guardrail.log.times import iso, parse_time


def open_log(url: str | None = None, *, readonly: bool = False) -> Log:
    """Open the attempt log at `url`, or make it unless `readonly`.

    url: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/database`;
        `?excerpt=N` keeps the first N characters (0 to 4000) of flagged prompts, encrypted;
        `?wrapper=module:function` makes what wraps the data keys.
        `unix:///run/guardrail/log.sock`: what `guardrail log writer` listens on; such a log only
        takes attempts. None: `$GUARDRAIL_LOG`, else
        `$XDG_STATE_HOME/guardrail/attempts.db`.

    Raises ConfigurationError when the URL, the log or its key is wrong, and LogUnavailable when
    the disk or the server does not let it be written.
    """
    socket = writer_socket(url)
    if socket is None:
        return Log(locate(url), readonly=readonly)
    from guardrail.log.remote.client import RemoteLog

    return RemoteLog(socket, readonly=readonly)


def open_tool(url: str | None = None) -> Log:
    """Open a log that is there, for an auditor's or an operator's tool, which guards no requests.

    It writes what the tool does, and nothing of itself. Raises ConfigurationError when there is no
    log or it is of an older schema, and LogUnavailable.
    """
    location = locate(url)
    schema = schema_of(location)
    if schema < SCHEMA:
        raise ConfigurationError(
            f"the attempt log {location.name} is of schema {schema}, in which this cannot be "
            f"written; bring it to schema {SCHEMA} with `guardrail log upgrade`, once no older "
            "Guardrail writes it"
        )
    return Log(location, worker=False)


__all__ = [
    "DIMENSIONS",
    "AttemptFilter",
    "AttemptRow",
    "Location",
    "Log",
    "Stats",
    "StatsRow",
    "iso",
    "locate",
    "open_log",
    "open_tool",
    "parse_time",
    "writer_socket",
]
