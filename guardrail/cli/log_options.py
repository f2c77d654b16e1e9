"""What the commands of `guardrail log` share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guardrail.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from guardrail.log import Location


def time_of(_ctx: click.Context, _param: click.Parameter, value: str | None) -> int | None:
    """Read `24h`, a date or an ISO time as nanoseconds."""
    from guardrail.log import parse_time

    try:
        return None if value is None else parse_time(value)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


url_option = click.option(
    "--log",
    "url",
    metavar="URL",
    help="sqlite:///attempts.db, sqlite:////var/lib/attempts.db or "
    "postgresql://user@host/database.  "
    "[default: $GUARDRAIL_LOG, else ~/.local/state/guardrail/attempts.db]",
)


def common(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands that list: a table on a terminal, JSON in a pipe."""
    return url_option(
        click.option("--json", "as_json", is_flag=True, help="JSON on a terminal too.")(command)
    )


def evidence(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands that say what they found in words."""
    return url_option(
        click.option("--json", "as_json", is_flag=True, help="Print JSON instead.")(command)
    )


def period(command: Callable[..., None]) -> Callable[..., None]:
    """Add a range of time."""
    until = click.option(
        "--until", callback=time_of, metavar="TIME", help="Before: the same forms."
    )
    since = click.option(
        "--since",
        callback=time_of,
        metavar="TIME",
        help="Since: 24h, 7d, 2026-01-16 or 2026-01-16T09:00Z (UTC).",
    )
    return since(until(command))


def located(url: str | None) -> Location:
    """Where the log is."""
    from guardrail.log import locate

    return locate(url)


def print_json(value: object) -> None:
    """One line of JSON."""
    click.echo(json.dumps(value, ensure_ascii=False))
