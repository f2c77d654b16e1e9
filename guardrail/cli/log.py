"""`guardrail log`: read the attempt log on a terminal, or as JSON in a pipe."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.log_evidence import COMMANDS
from guardrail.cli.log_key import COMMANDS as KEY_COMMANDS
from guardrail.cli.log_options import common, period, print_json
from guardrail.cli.log_recover import COMMANDS as RECOVER_COMMANDS
from guardrail.cli.log_timestamp import COMMANDS as TIMESTAMP_COMMANDS
from guardrail.cli.log_witness import COMMANDS as WITNESS_COMMANDS
from guardrail.cli.log_writer import writer
from guardrail.records import Action, Operation, Outcome

if TYPE_CHECKING:
    from guardrail.log import Log

LIST_EXAMPLES = """\b
Examples:
  guardrail log list --since 24h --action refuse
  guardrail log list --jurisdiction JP --since 2026-01-01 --until 2026-02-01 > january.jsonl
  guardrail log list --user u1029 --json"""
SHOW_EXAMPLES = """\b
Examples:
  guardrail log show 5fb8ef6c
  guardrail log show 5fb8ef6c --excerpt"""
STATS_EXAMPLES = """\b
Examples:
  guardrail log stats --since 7d --by day,action
  guardrail log stats --by month,rule,jurisdiction --json
  guardrail log stats --archive /archive/guardrail --by month,rule"""


@click.group()
def log() -> None:
    """Read the attempt log, and prove that nobody rewrote it.

    Attempts that were refused, gated, sexual or not fully scanned are kept in full and listed;
    all attempts are counted. Only key --new, recover and writer write to the log.
    """


@log.command("list", epilog=LIST_EXAMPLES)
@common
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
def list_(url: str | None, as_json: bool, oldest_first: bool, **wanted: Any) -> None:
    """List attempts, newest first: a table on a terminal, JSON lines in a pipe."""
    from guardrail.cli.log_shown import print_table
    from guardrail.log import AttemptFilter

    if wanted["action"]:
        wanted["action"] = Action[wanted["action"].upper()]
    if wanted["operation"]:
        wanted["operation"] = Operation(wanted["operation"])
    if (wanted["jurisdiction"] or "").lower() == "unknown":
        wanted["jurisdiction"] = ""
    with _open(url) as attempts:
        found = attempts.attempts(AttemptFilter(**wanted, newest_first=not oldest_first))
        if as_json or not sys.stdout.isatty():
            for row in found:
                print_json(row.summary())
        else:
            print_table(found, wanted["limit"])


@log.command(epilog=SHOW_EXAMPLES)
@common
@click.argument("attempt", metavar="ID")
@click.option("--excerpt", is_flag=True, help="Decrypt the start of the prompt, if kept.")
def show(url: str | None, as_json: bool, attempt: str, excerpt: bool) -> None:
    """Show one attempt in full. The first or last characters of its ID are enough."""
    from guardrail.cli.log_shown import print_attempt

    with _open(url) as attempts:
        row = attempts.attempt(attempt)
        fields = {**row.summary(), "opened": row.opened, "closed": row.closed}
        if excerpt:
            fields["excerpt"] = attempts.excerpt(row.id)
    if as_json or not sys.stdout.isatty():
        print_json(fields)
    else:
        print_attempt(row, fields)


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
    *COMMANDS,
    *WITNESS_COMMANDS,
    *TIMESTAMP_COMMANDS,
    *RECOVER_COMMANDS,
    *KEY_COMMANDS,
    writer,
):
    log.add_command(_command)
