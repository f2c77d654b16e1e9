"""`guardrail log shred`, `expire`, `rotate-key`, `scrub` and `upgrade`."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.log_options import evidence, located, print_json
from guardrail.cli.watching import watching

if TYPE_CHECKING:
    from guardrail.log import Log
    from guardrail.log.expiry import Expired
    from guardrail.log.shredding import Shredded, Target

UNFINISHED = 1
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
SHRED_EXAMPLES = """\b
Examples:
  guardrail log shred --subject u1029 --why "erasure request 2026-118"
  guardrail log shred --attempt 5fb8ef6c --why "sent by mistake" --yes"""
EXPIRE_EXAMPLES = """\b
Examples:
  guardrail log expire --retention retention.yaml --dry-run
  guardrail log expire --retention retention.yaml --yes"""
ROTATE_EXAMPLES = """\b
Examples:
  guardrail log rotate-key --why "yearly"
  guardrail log rotate-key --resume"""
_WHY = click.option("--why", metavar="TEXT", required=True, help="Why; kept in the log.")
_YES = click.option("--yes", is_flag=True, help="Do not ask; needed where nobody can be asked.")


@click.command(epilog=SHRED_EXAMPLES)
@evidence
@click.option("--subject", metavar="ID", help="A caller's id in the clear: all that is kept of it.")
@click.option("--pseudonym", metavar="HEX", help="A caller's pseudonym, of one key epoch.")
@click.option("--attempt", metavar="ID", help="One attempt.")
@_WHY
@_YES
@click.pass_context
def shred(  # noqa: PLR0913 (one argument an option)
    ctx: click.Context,
    *,
    url: str | None,
    as_json: bool,
    subject: str | None,
    pseudonym: str | None,
    attempt: str | None,
    why: str,
    yes: bool,
) -> None:
    """Erase a subject's data: prompts, hashes, pseudonyms, and the keys to them.

    Entries and proofs stay as they are: they only commit to what is erased. An
    entry says how much was erased, when, by whom and why. Refused under a legal
    hold. Copies of the log made before are not reached.

    Exit status: 0 erased, 1 erased, but the files may still hold some of it (run
    `guardrail log scrub`), 2 nothing was erased.
    """
    from guardrail.log import open_tool
    from guardrail.log.access import os_identity
    from guardrail.log.shredding import preview
    from guardrail.log.shredding import shred as shred_

    target = _target(subject=subject, pseudonym=pseudonym, attempt=attempt)
    with open_tool(url) as log:
        many = preview(log, target)
        _confirm(f"Erase the data of {many:,} attempt(s)? This cannot be undone.", yes=yes)
        done = shred_(log, os_identity(), target, why)
        _drop_cache(log)
    if as_json:
        print_json(_shredded_json(done))
    else:
        _show_shredded(done)
    if done.problem:
        ctx.exit(UNFINISHED)


def _drop_cache(log: Log) -> None:
    """Counting keeps pseudonyms of its own, which can be made again."""
    from guardrail.log.archive.cache import Cache
    from guardrail.log.opening import read_meta

    with log.reading() as session:
        origin = read_meta(session, "origin") or ""
    shutil.rmtree(Cache.of(origin).path, ignore_errors=True)


def _target(**given: str | None) -> Target:
    from guardrail.log.shredding import Target

    wanted = [(kind, name) for kind, name in given.items() if name]
    if len(wanted) != 1:
        raise click.UsageError("name one of --subject, --pseudonym and --attempt")
    kind, name = wanted[0]
    if kind == "subject":
        return Target("subject", name)
    return Target("attempt" if kind == "attempt" else "pseudonym", name)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here; give --yes")
    click.confirm(question, abort=True, err=True)


def _shredded_json(done: Shredded) -> dict[str, Any]:
    opening = done.opening
    return {
        "entry": done.seq,
        "attempts": done.attempts,
        "entries": done.entries,
        "older": done.older,
        "problem": done.problem,
        "opening": opening
        and {"name": opening.name, "value": opening.value, "salt": opening.salt.hex()},
    }


def _show_shredded(done: Shredded) -> None:
    click.echo(f"erased: the data of {done.attempts:,} attempt(s); entry {done.seq} says so")
    if done.opening is not None:
        click.echo(
            f"salt {done.opening.salt.hex()}: keep it to show later whom entry {done.seq} is"
        )
        click.echo("about; the log does not have it")
    _show_rest(done.older, done.problem)


def _show_rest(older: int, problem: str) -> None:
    if older:
        click.echo(
            f"{older:,} entries of older schemas go on naming a pseudonym: they were signed so"
        )
    if problem:
        click.echo(f"guardrail: {problem}; run guardrail log scrub", err=True)


@click.command(epilog=EXPIRE_EXAMPLES)
@evidence
@click.option("--retention", type=FILE, required=True, metavar="FILE", help="Classes, as YAML.")
@click.option("--dry-run", is_flag=True, help="Only say what would be erased.")
@click.option("--why", metavar="TEXT", default="", help="Why; kept in the log.")
@_YES
@click.pass_context
def expire(  # noqa: PLR0913 (one argument an option)
    ctx: click.Context,
    *,
    url: str | None,
    as_json: bool,
    retention: Path,
    dry_run: bool,
    why: str,
    yes: bool,
) -> None:
    """Erase private data past the time that their class is kept, but for what is on hold.

    Entries and proofs stay as they are. Each batch of up to 2,000 attempts is an
    entry of its own, so that a run that is stopped loses nothing.
    """
    from guardrail.log import open_log, open_tool
    from guardrail.log.access import os_identity
    from guardrail.log.expiry import expire as expire_
    from guardrail.log.retention import load_retention

    classes = load_retention(retention)
    if not dry_run:
        _confirm("Erase what is past its time? This cannot be undone.", yes=yes)
    with (
        open_log(url, readonly=True) if dry_run else open_tool(url) as log,
        watching("attempts") as watch,
    ):
        now = time.time_ns()
        done = expire_(log, os_identity(), classes, now=now, why=why, dry_run=dry_run, watch=watch)
        if done.entries:
            _drop_cache(log)
    _show_expired(done, as_json=as_json, dry_run=dry_run)
    if done.problem:
        ctx.exit(UNFINISHED)


def _show_expired(done: Expired, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        print_json(
            {
                "dry_run": dry_run,
                "attempts": done.classes.total(),
                "classes": dict(sorted(done.classes.items())),
                "held": done.held,
                "events": done.events,
                "entries": done.entries,
                "older": done.older,
                "problem": done.problem,
            }
        )
        return
    verb = "would be erased" if dry_run else "erased"
    click.echo(f"{verb}: the data of {done.classes.total():,} attempt(s)")
    for name, many in sorted(done.classes.items()):
        click.echo(f"  {name}: {many:,}")
    if done.events:
        click.echo(f"  accesses and holds that named a subject: {done.events:,}")
    if done.held:
        click.echo(f"past their time, but on hold: {done.held:,}")
    _show_rest(done.older, done.problem)


@click.command("rotate-key", epilog=ROTATE_EXAMPLES)
@evidence
@click.option("--why", metavar="TEXT", default="", help="Why; kept in the log.")
@click.option("--resume", is_flag=True, help="Only finish a rotation that was stopped.")
def rotate_key(url: str | None, *, as_json: bool, why: str, resume: bool) -> None:
    """Make a new key for pseudonyms and data keys, and wrap every data key anew.

    Users are found under all their pseudonyms, old and new. Make a copy of the
    key file again afterwards: the old one opens nothing that is written from now
    on. Writers that run take the new key with their next entry.
    """
    from guardrail.log import open_tool
    from guardrail.log.access import os_identity
    from guardrail.log.rotation import rotate

    with open_tool(url) as log, watching("keys") as watch:
        done = rotate(log, os_identity(), why, resume=resume, watch=watch)
        file = log.location.key
    if as_json:
        print_json(
            {
                "epoch": done.epoch,
                "was": done.was,
                "rewrapped": done.rewrapped,
                "retired": list(done.retired),
            }
        )
        return
    click.echo(f"the log's key is {done.epoch}; {done.rewrapped:,} data key(s) wrapped anew")
    click.echo(f"keep a new copy of {file}, apart from the database")


@click.command()
@evidence
def scrub(url: str | None, *, as_json: bool) -> None:
    """Rewrite the log's files, so that nothing is left in them of what was erased.

    Shredding and expiring do it; this is for when they could not finish. It takes
    about as long as copying the database, and needs as much room; requests wait.
    """
    from guardrail.log import open_tool

    with open_tool(url) as log:
        log.scrub()
        name = log.location.name
    if as_json:
        print_json({"scrubbed": name})
    else:
        click.echo(f"{name} is rewritten")


@click.command()
@evidence
def upgrade(url: str | None, *, as_json: bool) -> None:
    """Bring a log of an older schema to this version's; older versions then refuse it."""
    from guardrail.log import Log
    from guardrail.log.opening import SCHEMA, schema_of

    location = located(url)
    was = schema_of(location)
    if was < SCHEMA:
        Log(location, worker=False).shutdown()
    if as_json:
        print_json({"was": was, "schema": SCHEMA})
    else:
        click.echo(f"{location.name}: schema {SCHEMA}" + (f", was {was}" if was < SCHEMA else ""))


COMMANDS = (shred, expire, rotate_key, scrub, upgrade)
