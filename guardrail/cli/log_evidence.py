"""`guardrail log verify`, `receipt` and `export`: what proves that nothing was rewritten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.keys import read_keys
from guardrail.cli.log_access import looking, watched
from guardrail.cli.log_archive import archive, show_verification
from guardrail.cli.log_attest import attesting, show_attested
from guardrail.cli.log_options import evidence, located, period, print_json
from guardrail.cli.progress import drawing
from guardrail.errors import ConfigurationError, GuardrailError

if TYPE_CHECKING:
    from guardrail.chain.keys import VerifierKey
    from guardrail.log import Log
    from guardrail.log.attested import Demand
    from guardrail.log.receipts import Event
    from guardrail.log.verify import Given, Verification

FAULTS = 1
SHOWN = 20
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
VERIFY_EXAMPLES = """\b
Examples:
  guardrail log verify
  guardrail log verify --key log.vkey --checkpoint january.checkpoint
  guardrail log verify --key log.vkey --witness w1.vkey --witness w2.vkey --quorum 1
  guardrail log verify --receipt 5fb8ef6c.tlog-proof --key log.vkey
  guardrail log verify --export tiles/ --key log.vkey
  guardrail log verify --archive /archive/guardrail --key log.vkey"""
RECEIPT_EXAMPLES = """\b
Examples:
  guardrail log receipt 5fb8ef6c
  guardrail log receipt 5fb8ef6c --event opened --output evidence.tlog-proof"""
EXPORT_EXAMPLES = """\b
Examples:
  guardrail log export --since 2026-01-01 --until 2026-02-01 > january.jsonl
  guardrail log export --tiles archive/"""


@click.command(epilog=VERIFY_EXAMPLES)
@evidence
@click.option(
    "--key",
    "key_texts",
    multiple=True,
    metavar="VKEY",
    help="The log's public key, or a file that holds it, kept elsewhere. May be repeated where "
    "the log has several.  [default: the one the log names]",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A checkpoint that was kept elsewhere. May be repeated.",
)
@click.option(
    "--receipt",
    "receipts",
    type=FILE,
    multiple=True,
    metavar="FILE",
    help="A receipt: alone, or with --log held against the log too. May be repeated.",
)
@click.option(
    "--export", "folder", type=FOLDER, metavar="DIR", help="Verify this export, not a log."
)
@attesting
@click.option(
    "--archive",
    "archived",
    type=FOLDER,
    metavar="DIR",
    help="Verify this archive, offline; needs --key.",
)
@click.pass_context
def verify(  # noqa: PLR0913 (one argument an option)
    ctx: click.Context,
    *,
    url: str | None,
    as_json: bool,
    key_texts: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    receipts: tuple[Path, ...],
    folder: Path | None,
    demand: Demand,
    archived: Path | None,
) -> None:
    """Verify that no entry was changed, removed, moved or pushed in.

    Reads every entry of the log, offline and without changing anything, and holds
    it against its hash, the tree, every signed checkpoint and what it is found
    by. Whoever has the signing key and the database can rewrite both, so that a
    key and a checkpoint kept elsewhere prove most. With --witness and
    --tsa-roots, others must have seen it too.

    Exit status: 0 nothing is wrong, 1 something is, 2 could not run.
    """
    from guardrail.log.verify import Given, verify_database
    from guardrail.log.verify import as_json as result_json

    if folder and url:
        raise click.UsageError("--export is verified without --log")
    keys = _log_keys(key_texts)
    given = Given(
        keys[0] if keys else None, read_files(checkpoints), read_files(receipts), keys[1:], demand
    )
    if archived:
        if url or folder:
            raise click.UsageError("--archive is verified without --log and --export")
        show_verification(ctx, archived, given, as_json=as_json)
        return
    if receipts and not (url or folder):
        _verify_receipts(ctx, given, as_json=as_json)
        return
    with drawing() as watch:
        if folder:
            from guardrail.log.export import verify_export

            found = verify_export(folder, given, watch)
        else:
            found = verify_database(located(url), given, watch)
    if as_json:
        print_json(result_json(found))
    else:
        _show(found, given)
    if not found.report.ok:
        ctx.exit(FAULTS)


@click.command(epilog=RECEIPT_EXAMPLES)
@evidence
@watched
@click.argument("attempt", metavar="ID")
@click.option(
    "--event",
    type=click.Choice(["opened", "closed"]),
    help="Which entry of the attempt.  [default: its end, or its opening while it is open]",
)
@click.option(
    "--output", metavar="FILE", help="Where it goes; - is stdout.  [default: ID.tlog-proof]"
)
def receipt(  # noqa: PLR0913 (one argument an option)
    url: str | None,
    *,
    as_json: bool,
    copy: bool,
    why: str,
    attempt: str,
    event: Event | None,
    output: str | None,
) -> None:
    """Write a receipt: proof that one entry of attempt ID stands in the log.

    The file holds the entry and is verified with nothing but the log's public
    key: guardrail log verify --receipt FILE --key VKEY.
    """
    from guardrail.log.receipts import write_receipt

    def what(attempts: Log) -> dict[str, Any]:
        return {"command": "receipt", "attempt": attempts.attempt(attempt).id, "event": event}

    with looking(url, what, why, copy=copy):
        pass  # closing it signs what was written
    written = write_receipt(located(url), attempt, event)
    name = output or f"{_file_name(written.attempt)}.tlog-proof"
    if name == "-":
        click.echo(written.data, nl=False)
        return
    try:
        Path(name).write_bytes(written.data)
    except OSError as error:
        raise ConfigurationError(f"cannot write {name}: {error.strerror}") from None
    told = {"attempt": written.attempt, "event": written.event, "entry": written.seq, "file": name}
    if as_json:
        print_json(told)
    else:
        click.echo(f"{name}: entry {written.seq}, {written.event}, of attempt {written.attempt}")


@click.command(epilog=EXPORT_EXAMPLES)
@evidence
@watched
@period
@click.option(
    "--tiles",
    type=FOLDER,
    metavar="DIR",
    help="Everything that is signed, as tiles and bundles (C2SP tlog-tiles). DIR may hold an "
    "earlier export: what is new is added.",
)
def export(  # noqa: PLR0913 (one argument an option)
    url: str | None,
    *,
    as_json: bool,
    copy: bool,
    why: str,
    since: int | None,
    until: int | None,
    tiles: Path | None,
) -> None:
    """Write entries as JSON lines on stdout, or the signed log as a folder.

    A line holds the entry's number, its leaf hash and the entry itself, byte for
    byte as it was signed. --since and --until are times of writing.
    """
    from guardrail.log import iso
    from guardrail.log.export import json_lines, write_tiles

    if tiles is not None and (since is not None or until is not None):
        raise click.UsageError("--tiles writes the whole log; leave out --since and --until")
    told = {
        "command": "export",
        "tiles": tiles is not None,
        "since": None if since is None else iso(since),
        "until": None if until is None else iso(until),
    }
    with looking(url, lambda _: told, why, copy=copy):
        pass  # closing it signs what was written
    if tiles is None:
        for line in json_lines(located(url), since, until):
            click.echo(line)
        return
    with drawing() as watch:
        head = write_tiles(located(url), tiles, watch)
    if as_json:
        print_json({"folder": str(tiles), "entries": head.size, "root": head.root.hex()})
    else:
        click.echo(f"{tiles}: {head.size:,} entries, root {head.root.hex()}")


COMMANDS = (verify, receipt, export, archive)


def _log_keys(texts: tuple[str, ...]) -> tuple[VerifierKey, ...]:
    """Keys of one log."""
    keys = read_keys(texts, "--key")
    if len({key.name for key in keys}) > 1:
        names = ", ".join(dict.fromkeys(key.name for key in keys))
        raise ConfigurationError(f"--key: these are keys of several logs ({names})")
    return keys


def read_files(paths: tuple[Path, ...]) -> list[tuple[str, bytes]]:
    """Files by name; raises ConfigurationError."""
    try:
        return [(str(path), path.read_bytes()) for path in paths]
    except OSError as error:
        raise ConfigurationError(f"cannot read {error.filename}: {error.strerror}") from None


def _file_name(attempt: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in attempt)


def _verify_receipts(ctx: click.Context, given: Given, *, as_json: bool) -> None:
    """Each receipt by itself: nothing but the key is needed."""
    from guardrail.log.receipts import open_receipt

    if given.key is None:
        raise click.UsageError("a receipt alone is verified with --key; or give --log too")
    results: list[dict[str, Any]] = []
    for name, data in given.receipts:
        result: dict[str, Any] = {"receipt": name}
        try:
            proven = open_receipt(data, given.key, given.demand)
        except GuardrailError as error:
            result |= {"ok": False, "problem": str(error)}
        else:
            tree = proven.checkpoint
            result |= {"ok": True, "entry": proven.seq, "size": tree.size, "origin": tree.origin}
            result["body"] = proven.body
        results.append(result)
    for result in results:
        _show_receipt(result, as_json=as_json)
    if not all(result["ok"] for result in results):
        ctx.exit(FAULTS)


def _show_receipt(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(result)
    elif result["ok"]:
        place = f"entry {result['entry']:,} of {result['origin']}"
        click.echo(f"ok: {result['receipt']}: {place}, as signed at size {result['size']:,}")
        click.echo(json.dumps(result["body"], ensure_ascii=False, indent=2))
    else:
        click.echo(f"WRONG: {result['receipt']}: {result['problem']}")


def _show(found: Verification, given: Given) -> None:
    report = found.report
    if report.ok and report.head is not None:
        tree = report.head.checkpoint
        click.echo(
            f"ok: {report.entries:,} entries, of which the first {report.proven:,} are signed"
        )
        click.echo(f"size {tree.size}, root {tree.root.hex()}, {tree.origin}")
        _show_workers(found)
        _show_private(found)
        show_attested(found.attested)
    else:
        many = len(report.faults)
        click.echo(f"WRONG: {many:,} fault(s) among {report.entries:,} entries")
        for fault in report.faults[:SHOWN]:
            place = "" if fault.checkpoint is None else f" [{found.checkpoints[fault.checkpoint]}]"
            click.echo(f"  {fault}{place}")
        if many > SHOWN:
            click.echo(f"  ... and {many - SHOWN:,} more: --json lists them all")
    if given.key is None:
        click.echo(
            f"believed: {found.key}, the key that the log itself names; give --key with the one "
            "you keep elsewhere"
        )


def _show_workers(found: Verification) -> None:
    told = found.workers
    silent = told.started - told.stopped
    rest = f", {silent:,} did not say that they stopped (killed, or running)" if silent else ""
    click.echo(
        f"workers: {told.started:,} started{rest}; they opened {told.opened:,} attempts, closed "
        f"{told.closed:,} and kept {told.kept:,} entries"
    )


def _show_private(found: Verification) -> None:
    told = found.private
    if told is None or not (told.opened or told.unopened or told.erased):
        return
    said = f" (entries that say so: {told.erasing:,})"
    erased = f", {told.erased:,} erased{said}" if told.erased else ""
    unopened = f", {told.unopened:,} not looked into ({told.problem})" if told.unopened else ""
    click.echo(f"private data: {told.opened:,} as committed to{erased}{unopened}")
