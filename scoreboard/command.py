"""The command line of the scoreboard."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from scoreboard.board import Board
    from scoreboard.review import Change

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "dev"
FIGURES = ROOT / "docs" / "scoreboard.json"
TOLERANCE = 0.005
PARTS = ("sexual", "person", "benign", "decisions", "disguise")


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
    "--only",
    type=click.Choice(PARTS),
    multiple=True,
    help="Measure this part alone; may be given several times.",
)
@click.option(
    "--write",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.md",
    help="Write the page there instead of printing it, and its headline to FILE.json.",
)
@click.option(
    "--against",
    type=click.Path(path_type=Path, dir_okay=False),
    default=FIGURES,
    show_default="docs/scoreboard.json",
    metavar="FILE",
    help="The figures to compare with: as committed, or as they lie there without git.",
)
@click.option("--check", is_flag=True, help="Exit 1 when a figure of the headline fell.")
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=TOLERANCE,
    help="How far one may fall with --check: 0.005 is half a point.",
)
@click.option("--workers", type=click.IntRange(1, 256), default=2, help="Processes to screen in.")
def main(  # noqa: PLR0913 (one for each option)
    *,
    data: Path,
    only: tuple[str, ...],
    write: Path | None,
    against: Path,
    check: bool,
    tolerance: float,
    workers: int,
) -> None:
    """Measure the default policy and detectors on development data and this project's suites."""
    if only and write is not None:
        raise click.UsageError("--write takes the whole scoreboard: leave --only out")
    from scoreboard.review import changes, committed

    try:
        before = committed(against)
        board = _measure(data, only or PARTS, workers)
    except GuardrailError as error:
        raise click.ClickException(str(error)) from error
    moved = changes(before, board.figures())
    _put_out(board, write)
    _report(moved)
    if check and any(change.gain < -tolerance for change in moved):
        sys.exit(1)


def _measure(data: Path, only: Sequence[str], workers: int) -> Board:
    from scoreboard.board import make_board, prepare

    work = prepare(data, only=only)
    with _bar(len(work.asks())) as tick:
        return make_board(work, workers, tick)


def _put_out(board: Board, write: Path | None) -> None:
    from scoreboard.board import as_page
    from scoreboard.review import as_json, origin
    from scoreboard.tables import show

    tables = board.tables()
    if write is None and sys.stdout.isatty():
        from guardrail.cli.console import console

        show(tables, console())
        return
    made_from = origin(ROOT, ("docs/scoreboard.md", "docs/scoreboard.json"))
    page = as_page(tables, made_from)
    if write is None:
        click.echo(page, nl=False)
        return
    figures = write.with_suffix(".json")
    write.write_text(page, "utf-8")
    figures.write_text(as_json(board.figures(), made_from), "utf-8")
    click.echo(f"wrote {write} and {figures}", err=True)


def _report(moved: Sequence[Change]) -> None:
    """Say on stderr what fell and what rose."""
    for title, colour, chosen in (
        ("lowered", "red", [change for change in moved if change.gain < 0]),
        ("raised", "green", [change for change in moved if change.gain > 0]),
    ):
        if chosen:
            click.secho(f"{title}:", fg=colour, bold=True, err=True)
        for change in chosen:
            click.secho(f"  {change}", fg=colour, err=True)


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
