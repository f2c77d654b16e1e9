"""The command line of the scoreboard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from guardrail.errors import GuardrailError

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "dev"


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=DATA,
    show_default="../shared/data/dev",
    metavar="FOLDER",
    help="Where sexual.jsonl, person.jsonl and benign.jsonl are.",
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the page there instead of printing it.",
)
@click.option("--workers", type=click.IntRange(1, 256), default=2, help="Processes to screen in.")
def main(*, data: Path, write: Path | None, workers: int) -> None:
    """Measure the default policy and detectors on development data."""
    from scoreboard.board import as_page, make_board, prepare
    from scoreboard.tables import show

    try:
        work = prepare(data)
        with _bar(len(work.asks())) as tick:
            tables = make_board(work, workers, tick).tables()
    except GuardrailError as error:
        raise click.ClickException(str(error)) from error
    if write is not None:
        write.write_text(as_page(tables), "utf-8")
        click.echo(f"wrote {write}", err=True)
    elif sys.stdout.isatty():
        from guardrail.cli.console import console

        show(tables, console())
    else:
        click.echo(as_page(tables), nl=False)


@contextmanager
def _bar(total: int) -> Iterator[Callable[[], None]]:
    """Draw how far it is on stderr, if somebody watches."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=5) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)
