"""A process that writes to a log until it is stopped, and tells what was acknowledged.

python -m tests.faults.writer URL TOLD NAME [--threads N] [--attempts N] [--refusals N]
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from guardrail.errors import GuardrailError, LogUnavailable
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, T0, closed, opened

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from guardrail.records import AttemptOpened

MILLISECOND = 1_000_000
NOT_OPENED = 3


@dataclass(frozen=True, slots=True, order=True)
class Told:
    """One line. at: CLOCK_MONOTONIC, ns, the same for all processes. what: try, ack or no."""

    at: int
    what: str
    event: str
    id: str


def read_told(path: Path) -> list[Told]:
    """What writers told in this file; a last line without its end was not told."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text("utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            at, what, event, name = line.split()
            found.append(Told(int(at), what, event, name))
    return found


def unanswered(told: list[Told]) -> list[str]:
    """Ids of attempts to keep whose opening or end was tried, and not acknowledged so far."""
    answered = {(line.event, line.id) for line in told if line.what == "ack"}
    tried = ((line.event, line.id) for line in told if line.what == "try")
    names = (name for event, name in tried if event != "counted" and (event, name) not in answered)
    return list(dict.fromkeys(names))


def attempt(name: str, *, now: bool = False) -> AttemptOpened:
    """The same attempt whenever it is asked for by its name, which ends in a number.

    now: of the time that the clock shows, and so another one each time.
    """
    if now:
        return opened(REFUSE, id=name)
    return opened(REFUSE, id=name, at=T0 + int(name.rpartition(".")[2]) * MILLISECOND)


class Teller:
    """Tells in a file that outlives the process: one write a line, appended."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def tell(self, what: str, event: str, name: str) -> None:
        line = f"{time.monotonic_ns()} {what} {event} {name}\n"
        os.writev(self._file, [line.encode()])  # `write` is what faults are injected into

    def ask(self, event: str, name: str, write: Callable[[], None]) -> bool:
        """Whether `write` was acknowledged."""
        self.tell("try", event, name)
        try:
            write()
        except LogUnavailable:
            self.tell("no", event, name)
            return False
        self.tell("ack", event, name)
        return True


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("told")
    parser.add_argument("name")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--attempts", type=int, help="of each thread; endless if not given")
    parser.add_argument("--refusals", type=int, default=3, help="after which a thread ends")
    parser.add_argument("--now", action="store_true", help="times are those of the clock")
    parser.add_argument("--again", default="", help="ids of attempts to write first")
    args = parser.parse_args()
    teller = Teller(args.told)
    try:
        log = open_log(args.url)
    except GuardrailError as error:
        print(error, flush=True)  # noqa: T201
        return NOT_OPENED

    def keep(name: str) -> bool:
        entry = attempt(name, now=args.now)
        done = teller.ask("opened", name, lambda: log.open(entry))
        return done and teller.ask("closed", name, lambda: log.close(closed(entry)))

    def count_one() -> None:
        log.open(opened(ALLOW, at=T0))

    def work(thread: int) -> None:
        refused = 0
        for number in count() if args.attempts is None else range(args.attempts):
            name = f"{args.name}.{thread}.{number}"
            done = keep(name) and teller.ask("counted", name, count_one)
            refused += not done
            if refused >= args.refusals:
                return

    for name in filter(None, args.again.split(",")):
        keep(name)
    threads = [threading.Thread(target=work, args=(number,)) for number in range(args.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
