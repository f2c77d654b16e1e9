"""Commands that run once, or again and again until they are told to end."""

from __future__ import annotations

import re
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN = re.compile(r"([1-9][0-9]{0,6})([smhd])")


def _seconds(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    found = _SPAN.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r} is not a time such as 60s, 5m, 1h or 1d")
    return float(int(found[1]) * _UNITS[found[2]])


every = click.option(
    "--every",
    callback=_seconds,
    metavar="TIME",
    help="Go on, once in this time, until SIGTERM or Ctrl-C: 60s, 5m, 1h, 1d.  [default: once]",
)


def repeat(work: Callable[[], bool], seconds: float | None) -> bool:
    """Do `work` once, or every so many seconds until a signal; what it returned last.

    A signal waits for the work that is being done; a second Ctrl-C does not.
    """
    if seconds is None:
        return work()
    with _ending() as ended:
        while True:
            began = time.monotonic()
            good = work()
            if ended.wait(max(0.0, began + seconds - time.monotonic())):
                return good


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    ended = threading.Event()

    def caught(number: int, _frame: FrameType | None) -> None:
        if ended.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        ended.set()

    signals = (signal.SIGTERM, signal.SIGINT)
    before = [(number, signal.signal(number, caught)) for number in signals]
    try:
        yield ended
    finally:
        for number, handler in before:
            signal.signal(number, handler)
