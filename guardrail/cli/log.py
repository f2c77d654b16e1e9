"""`guardrail log`: read the attempt log on a terminal, or as JSON in a pipe."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli import (
    log_evidence,
    log_hold,
    log_key,
    log_privacy,
    log_recover,
    log_timestamp,
    log_witness,
)
from guardrail.cli.log_access import access, looking, watched
from guardrail.cli.log_options import common, period, print_json
from guardrail.cli.log_writer import writer
from guardrail.errors import ConfigurationError
from guardrail.records import Action, Operation, Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from guardrail.log import Log

LIST_EXAMPLES = """\b
Examples:
  guardrail log list --since 24h --action refuse
  guardrail log list --jurisdiction JP --since 2026-01-01 --until 2026-02-01 > january.jsonl
  guardrail log list --user u1029 --why complaint-12 --json"""
SHOW_EXAMPLES = """\b
Examples:
  guardrail log show 5fb8ef6c
  guardrail log show 5fb8ef6c --excerpt --why complaint-12"""
STATS_EXAMPLES = """\b
Examples:
  guardrail log stats --since 7d --by day,action
  guardrail log stats --by month,rule,jurisdiction --json
  guardrail log stats --archive /archive/guardrail --by month,rule"""


@click.group()
def log() -> None:
    """Read the attempt log, prove that nobody rewrote it, erase what it keeps of somebody.

    Attempts that were refused, gated, sexual or not fully scanned are kept in full and listed;
    all attempts are counted. Whoever looks at one attempt, one user or an export is written down,
    before it is shown. The command writer takes attempts for other processes.
    """


@log.command("list", epilog=LIST_EXAMPLES)
@common
@watched
@period
@click.option("--action", type=click.Choice([action.label for action in Action]))
@click.option("--rule", metavar="ID", help="Id of the rule that decided.")
@click.option("--reason", metavar="CODE", help="Such as real_person_sexual.")
@click.option("--operation", type=click.Choice([operation.value for operation in Operation]))
@click.option(
    "--jurisdiction", metavar="CODE", help="Such as JP; US finds US-CA; `unknown` for none."
)
@click.option("--tier", metavar="NAME")
@click.option("--user", metavar="ID", help="A caller's id in the clear; needs the key file.")
@click.option("--conversation", metavar="ID", help="Likewise.")
@click.option("--outcome", type=click.Choice([*(outcome.value for outcome in Outcome), "open"]))
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most N.  [default: 50 on a terminal, all in a pipe]",
)
@click.option("--oldest-first", is_flag=True, help="Oldest first instead of newest first.")
def list_(
    *, url: str | None, as_json: bool, copy: bool, why: str, oldest_first: bool, **wanted: Any
) -> None:
    """List attempts, newest first: a table on a terminal, JSON lines in a pipe.

    With --user or --conversation the log is told who looks, and why.
    """
    from guardrail.cli.log_shown import print_table
    from guardrail.log import AttemptFilter

    if wanted["action"]:
        wanted["action"] = Action[wanted["action"].upper()]
    if wanted["operation"]:
        wanted["operation"] = Operation(wanted["operation"])
    if (wanted["jurisdiction"] or "").lower() == "unknown":
        wanted["jurisdiction"] = ""
    user = wanted["user"]
    opened: AbstractContextManager[Log]
    if user or wanted["conversation"]:
        told = {"command": "list", "filters": _filters(wanted)}
        opened = looking(url, lambda _: told, why, copy=copy, user=user)
    else:
        opened = nullcontext(_open(url))
    with opened as attempts:
        found = attempts.attempts(AttemptFilter(**wanted, newest_first=not oldest_first))
        if as_json or not sys.stdout.isatty():
            for row in found:
                print_json(row.summary())
        else:
            print_table(found, wanted["limit"])


def _filters(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What was looked for, without ids of users."""
    from guardrail.log import iso

    given = {name: value for name, value in wanted.items() if value is not None}
    for name in {"since", "until"} & given.keys():
        given[name] = iso(given[name])
    given |= dict.fromkeys({"user", "conversation"} & given.keys(), True)
    if "action" in given:
        given["action"] = given["action"].label
    return given


@log.command(epilog=SHOW_EXAMPLES)
@common
@watched
@click.argument("attempt", metavar="ID")
@click.option("--excerpt", is_flag=True, help="Decrypt the start of the prompt, if kept.")
def show(  # noqa: PLR0913 (one argument an option)
    *, url: str | None, as_json: bool, copy: bool, why: str, attempt: str, excerpt: bool
) -> None:
    """Show one attempt in full. The first or last characters of its ID are enough.

    The log is told who looks, and why; --excerpt asks for a reason.
    """
    from guardrail.cli.log_shown import print_attempt

    if excerpt and not why.strip():
        raise click.UsageError("--excerpt shows what somebody wrote; say why with --why")

    def what(attempts: Log) -> dict[str, Any]:
        return {"command": "show", "attempt": attempts.attempt(attempt).id, "excerpt": excerpt}

    with looking(url, what, why, copy=copy) as attempts:
        row = attempts.attempt(attempt)
        fields = {**row.summary(), "opened": row.opened, "closed": row.closed}
        fields |= _private(attempts, row.id, excerpt=excerpt, copy=copy)
    if as_json or not sys.stdout.isatty():
        print_json(fields)
    else:
        print_attempt(row, fields)


def _private(attempts: Log, name: str, *, excerpt: bool, copy: bool) -> dict[str, Any]:
    """What its entry only commits to; of a copy, as far as its key file is there."""
    try:
        found = attempts.private(name)
    except ConfigurationError:
        if not copy or excerpt:
            raise
        return {"private": None}
    rest = None if found is None else {**found}
    text = None if rest is None else rest.pop("excerpt", None)
    return {"private": rest, **({"excerpt": text} if excerpt else {})}


@log.command(epilog=STATS_EXAMPLES)
@common
@period
@click.option(
    "--by",
    metavar="NAMES",
    default="",
    help="Group by these, separated by commas: month, day, hour, operation, jurisdiction, tier, "
    "policy, action, rule, reason.",
)
@click.option(
    "--archive",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="GUARDRAIL_ARCHIVE",
    metavar="DIR",
    help="Count sealed months too, with DuckDB; without a log, these alone.  "
    "[default: $GUARDRAIL_ARCHIVE]",
)
@click.option(
    "--cached",
    is_flag=True,
    help="Count with DuckDB, and keep columns of the log in ~/.cache/guardrail: for large logs.",
)
def stats(  # noqa: PLR0913 (one argument an option)
    url: str | None,
    *,
    as_json: bool,
    since: int | None,
    until: int | None,
    by: str,
    archive: Path | None,
    cached: bool,
) -> None:
    """Count all attempts, by whole hours (UTC).

    "unfinished" were opened and never closed: in flight, or lost with a process that was
    killed. "users" counts callers of attempts kept in full.
    """
    from guardrail.cli.log_shown import print_stats

    names = [name.strip() for name in by.split(",") if name.strip()]
    if archive or cached:
        from guardrail.cli.log_archive import count

        found = count(url, archive, (since, until), names, cached=cached)
    else:
        with _open(url) as attempts:
            found = attempts.stats(since, until, names)
    if as_json or not sys.stdout.isatty():
        print_json(found.json())
    else:
        print_stats(found)


def _open(url: str | None) -> Log:
    from guardrail.log import open_log

    return open_log(url, readonly=True)


for _command in (
    *log_evidence.COMMANDS,
    access,
    *log_privacy.COMMANDS,
    log_hold.hold,
    *log_witness.COMMANDS,
    *log_timestamp.COMMANDS,
    *log_recover.COMMANDS,
    *log_key.COMMANDS,
    writer,
):
    log.add_command(_command)
