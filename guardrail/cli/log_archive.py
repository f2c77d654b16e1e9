"""`guardrail log archive`, and `guardrail log verify --archive`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guardrail.cli.log_options import evidence, located, print_json
from guardrail.cli.progress import drawing
from guardrail.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from guardrail.log import Location, Stats
    from guardrail.log.archive import ArchiveVerification, Manifest, Month
    from guardrail.log.verify import Given

FAULTS = 1
SHOWN = 20
FOLDER = click.Path(file_okay=False, path_type=Path)
ARCHIVE_EXAMPLES = """\b
Examples:
  guardrail log archive --to /archive/guardrail
  guardrail log archive --until 2026-10 --to /archive/guardrail
  guardrail log verify --archive /archive/guardrail --key log.vkey
  guardrail log stats --archive /archive/guardrail --by month,rule"""


def month_of(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Month | None:
    """Read `2026-11`."""
    from guardrail.log.archive import Month

    try:
        return None if value is None else Month.parse(value)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


@click.command(epilog=ARCHIVE_EXAMPLES)
@evidence
@click.option(
    "--until",
    callback=month_of,
    metavar="MONTH",
    help="The last month to archive, such as 2026-11.  [default: all that are complete]",
)
@click.option(
    "--to", "folder", type=FOLDER, required=True, metavar="DIR", help="Where the archive is."
)
def archive(url: str | None, *, as_json: bool, until: Month | None, folder: Path) -> None:
    """Write complete months (UTC) as Parquet, with what proves them.

    A month is complete an hour after its end, once the log goes on after it and
    its end is signed. Months that DIR holds already stay as they are, so run it
    as often as you like; interrupted, it goes on with the month it was at. The
    log is only read, and keeps its entries.
    """
    from guardrail.log.archive import write_archive

    written = 0
    with drawing() as watch:
        for manifest in write_archive(located(url), folder, until=until, watch=watch):
            written += 1
            _show_month(manifest, as_json=as_json)
    if not written and not as_json:
        click.echo("no further month is complete", err=True)


def show_verification(ctx: click.Context, folder: Path, given: Given, *, as_json: bool) -> None:
    """Verify an archive and say what holds, or exactly what does not."""
    from guardrail.log.archive import verify_archive

    with drawing() as watch:
        found = verify_archive(folder, given, watch)
    if as_json:
        print_json(found.json())
    else:
        _show(found)
    if not found.ok:
        ctx.exit(FAULTS)


def count(
    url: str | None,
    archive: Path | None,
    period: tuple[int | None, int | None],
    by: Sequence[str],
    *,
    cached: bool,
) -> Stats:
    """Count a log, an archive, or both; an archive alone where no log is named and none is found.

    period: since and until, ns, UTC.
    """
    from guardrail.log.archive.stats import count_columns

    log: Location | None = located(url)
    if url is None and archive is not None and log is not None and not log.path.exists():
        log = None
    with drawing() as watch:
        return count_columns(log, archive, *period, by, cached=cached, watch=watch)


def _show_month(manifest: Manifest, *, as_json: bool) -> None:
    segment = manifest.segment
    size = sum(found.size for found in manifest.files.values())
    if as_json:
        told: dict[str, Any] = {"month": str(manifest.month), "first": segment.first}
        told |= {"last": segment.last, "root": segment.root.hex(), "bytes": size}
        print_json(told | {"attempts": manifest.attempts})
        return
    entries = segment.last - segment.start.size
    click.echo(
        f"{manifest.month}: {entries:,} entries ({segment.first} to {segment.last}), "
        f"{manifest.attempts:,} attempts, {size / 1e6:,.1f} MB"
    )


def _show(found: ArchiveVerification) -> None:
    if found.ok:
        months = found.months
        period = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
        click.echo(
            f"ok: {found.entries:,} entries ({found.first} to {found.last}) of {period}, all of "
            "them signed"
        )
        click.echo(f"{len(months)} month(s), {found.key.name}")
    else:
        many = len(found.faults)
        click.echo(f"WRONG: {many:,} fault(s) among {found.entries:,} entries")
        for fault in found.faults[:SHOWN]:
            click.echo(f"  {fault}")
        if many > SHOWN:
            click.echo(f"  ... and {many - SHOWN:,} more: --json lists them all")
    for name in found.beyond:
        click.echo(f"not held against anything: {name} is of entries after {found.last}")
