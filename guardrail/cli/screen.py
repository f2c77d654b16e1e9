"""`guardrail screen`: a decision for each line of a JSON lines file."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from guardrail.cli.files import STANDARD, numbered_lines, open_input, open_output
from guardrail.cli.interrupt import Interrupts
from guardrail.cli.progress import watching

if TYPE_CHECKING:
    from guardrail.cli.screener import Settings

SOME_LINES_BAD = 1


@click.command(short_help="Decide on each line of a JSON lines file.")
@click.option(
    "--policy",
    default="default",
    show_default=True,
    metavar="FILE",
    help="A policy file, or the name of a shipped policy.",
)
@click.option(
    "--input",
    "source",
    default=STANDARD,
    show_default=True,
    metavar="FILE",
    help="JSON lines to read; - is stdin.",
)
@click.option(
    "--output",
    "target",
    default=STANDARD,
    show_default=True,
    metavar="FILE",
    help="Where the answers go; - is stdout.",
)
@click.option(
    "--log",
    default="none",
    show_default=True,
    metavar="URL",
    help="Attempt log to record each line in, such as sqlite:///attempts.db or "
    "postgresql://user@host/database.",
)
@click.option(
    "--facts",
    type=click.Choice(["all", "needed"]),
    default="all",
    show_default=True,
    help="Run every detector, or only those the decision needs.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes to screen in; answers stay in order.",
)
@click.pass_context
def screen(  # noqa: PLR0913 (one parameter an option)
    ctx: click.Context,
    *,
    policy: str,
    source: str,
    target: str,
    log: str,
    facts: Literal["needed", "all"],
    workers: int,
) -> None:
    """Read JSON lines, write one decision a line, in order.

    A line is {"id", "text"}, or a whole request with operation, prompt,
    messages, images and caller. A line that cannot be read is answered with
    {"id", "error"} and the run goes on.

    Exit status: 0 all lines read, 1 some lines bad, 2 nothing could run.
    """
    from guardrail.cli.screener import Settings

    if source == STANDARD and sys.stdin.isatty():
        click.echo("guardrail: reading JSON lines from the terminal; Ctrl-D ends them", err=True)
    settings = Settings(policy, facts, "" if log == "none" else log, _folder(source))
    if _run(source, target, settings, workers):
        ctx.exit(SOME_LINES_BAD)


def _folder(source: str) -> str:
    return "." if source == STANDARD else str(Path(source).parent)


def _run(source: str, target: str, settings: Settings, workers: int) -> int:
    """Screen it all and count the bad lines; nothing is overwritten before all has loaded."""
    from guardrail.cli.screener import engine

    with ExitStack() as stack:
        stream = stack.enter_context(open_input(source))
        run = stack.enter_context(engine(settings, workers))
        out = stack.enter_context(open_output(target, stream))
        progress = stack.enter_context(watching(stream, shown=_shows_progress(target)))
        interrupts = stack.enter_context(Interrupts())
        for answer in run(numbered_lines(stream)):
            with interrupts.whole():
                out.write(answer.line)
                out.flush()
            progress.count(bad=answer.bad)
    if progress.bad:
        click.echo(f"guardrail: {progress.bad} of {progress.lines} lines were bad", err=True)
    return progress.bad


def _shows_progress(target: str) -> bool:
    """Show a bar on a terminal, unless the answers go to the same one."""
    return sys.stderr.isatty() and not (target == STANDARD and sys.stdout.isatty())
