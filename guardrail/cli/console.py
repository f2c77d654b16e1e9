"""Where commands print: colour only on a terminal, width 100 in a pipe, NO_COLOR respected."""

from __future__ import annotations

import sys

from rich.console import Console

from guardrail.records import Action

PIPE_WIDTH = 100
ACTION_STYLES = {Action.ALLOW: "bold green", Action.GATE: "bold yellow", Action.REFUSE: "bold red"}


def console(*, stderr: bool = False) -> Console:
    """Make a console for stdout, or stderr."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, emoji=False, markup=False)
