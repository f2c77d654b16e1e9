"""Who looks at the log is written into it, before anything is shown; `guardrail log access`."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.log_options import common, located, period, print_json
from guardrail.errors import ConfigurationError, GuardrailError, LogUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from guardrail.log import Log
    from guardrail.log.access import Access

ACCESS_EXAMPLES = """\b
Examples:
  guardrail log access --since 30d
  guardrail log access --json | jq -r .who.name | sort | uniq -c"""
SHOWN = 50


def watched(command: Callable[..., None]) -> Callable[..., None]:
    """Options of commands whose use is written into the log."""
    copy = click.option(
        "--copy",
        is_flag=True,
        help="This is a copy of the log: look without writing it down. Refused for the log itself.",
    )
    why = click.option("--why", metavar="TEXT", default="", help="Why you look; kept in the log.")
    return why(copy(command))


@contextmanager
def looking(
    url: str | None,
    what: Callable[[Log], Mapping[str, Any]],
    why: str,
    *,
    copy: bool,
    user: str | None = None,
) -> Iterator[Log]:
    """A log to look at, once the access is written; what: says what is about to be shown.

    Raises LogUnavailable where it cannot be written: nothing is shown then.
    """
    if copy:
        with _copy(url) as log:
            yield log
        return
    from guardrail.log.access import access, os_identity

    with _opened(url) as log:
        access(log, os_identity(), what(log), why, user=user)
        yield log


def _opened(url: str | None) -> Log:
    from guardrail.log import open_tool
    from guardrail.log.opening import schema_of

    schema_of(located(url))  # says where there is no log
    try:
        return open_tool(url)
    except GuardrailError as error:
        raise LogUnavailable(
            f"nothing is shown, because this access cannot be written to the log: {error}; a copy "
            "of a log can be looked at with --copy"
        ) from None


def _copy(url: str | None) -> Log:
    from guardrail.log import open_log

    location = located(url)
    if location.signing_key.exists():
        raise ConfigurationError(
            f"{location.name} is no copy: its signing key lies beside it, so that access can be "
            "written; leave out --copy, or leave the signing key out of the copy"
        )
    log = open_log(url, readonly=True)
    click.echo("guardrail: a copy is read; this access is not written into the log", err=True)
    return log


@click.command(epilog=ACCESS_EXAMPLES)
@common
@period
@click.option("--limit", type=click.IntRange(min=0), metavar="N", help="At most N.")
def access(
    url: str | None, *, as_json: bool, since: int | None, until: int | None, limit: int | None
) -> None:
    """List who looked at what, newest first: a table on a terminal, JSON lines in a pipe."""
    from itertools import islice

    from guardrail.log import open_log
    from guardrail.log.access import read_accesses

    with open_log(url, readonly=True) as log:
        found = read_accesses(log, since, until, newest_first=True)
        if as_json or not sys.stdout.isatty():
            for each in islice(found, limit):
                print_json(_json(each))
        else:
            _print_table(list(islice(found, SHOWN if limit is None else limit)))


def _json(each: Access) -> dict[str, Any]:
    from guardrail.log import iso

    return {
        "entry": each.seq,
        "at": iso(each.at),
        "who": dict(each.who),
        "what": dict(each.what),
        "why": each.why,
    }


def _print_table(found: list[Access]) -> None:
    from rich.table import Table
    from rich.text import Text

    from guardrail.cli.console import console
    from guardrail.log import iso

    if not found:
        console(stderr=True).print("Nobody looked.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("at (UTC)", "entry", "who", "what", "why"):
        table.add_column(name, overflow="fold")
    for each in found:
        when = iso(each.at)[:19].replace("T", " ")
        cells = (when, str(each.seq), _who(each.who), _what(each.what), each.why)
        table.add_row(*map(Text, cells))
    console().print(table)


def _who(who: Mapping[str, Any]) -> str:
    sudo = f" (sudo: {who['sudo_user']})" if who.get("sudo_user") else ""
    host = f"@{who['host']}" if who.get("host") else ""
    return f"{who.get('name', '')}{host}{sudo}"


def _what(what: Mapping[str, Any]) -> str:
    rest = [f"{name}={value}" for name, value in what.items() if name != "command" and value]
    return " ".join([str(what.get("command", "")), *rest])
