"""Single bits that turn over in a log's files: what an auditor reads must not change unseen."""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from guardrail.errors import GuardrailError
from guardrail.log import locate, open_log
from guardrail.log.export import json_lines
from tests.faults.judge import entries, guardrail
from tests.log.support import ALLOW, GATE, REFUSE, closed, opened, output_refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from guardrail.log import Log

PAGE = 4096
DATABASE, WAL, SHM = "attempts.db", "attempts.db-wal", "attempts.db-shm"
CHECKPOINT = "attempts.db.checkpoint"
Command: TypeAlias = tuple[str, ...]

LINES: Command = ("json_lines",)
SHOWN: tuple[Command, ...] = (LINES, ("list", "--json"))
VERIFY: Command = ("verify",)
OTHERS = (VERIFY, ("stats",), ("export",))  # who exports is written down: last


@dataclass(frozen=True, slots=True)
class Flip:
    """One bit of a file. place: byte, from 0; bit: 0 to 7."""

    file: str
    place: int
    bit: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a flip. changed: what is exported or listed; caught: by `log verify`.

    surprises: commands that met what nobody had thought of, with what they said.
    """

    flip: Flip
    changed: bool
    caught: bool
    surprises: tuple[str, ...] = ()

    @property
    def unseen(self) -> bool:
        """An auditor reads something else, and verifying does not say so."""
        return self.changed and not self.caught


def make(folder: Path, attempts: int) -> None:
    """A log that is closed and signed, all of it in its database."""
    with open_log(_url(folder)) as log:
        _write(log, attempts)
    for name in (WAL, SHM):
        (folder / name).unlink()


def make_in_use(folder: Path, draft: Path, attempts: int) -> None:
    """A copy of a log in use: everything is signed, and most is in the write-ahead log."""
    with open_log(_url(draft)) as log:
        _write(log, attempts)
        _until_signed(draft)
        folder.mkdir()
        for file in draft.iterdir():
            if file.name != SHM:
                shutil.copy(file, folder)


def sample(folder: Path, file: str, count: int, seed: int = 1) -> Iterator[Flip]:
    """Flips spread over all pages of a file."""
    chance = random.Random(seed)  # noqa: S311 (places, not secrets)
    size = (folder / file).stat().st_size
    pages = -(-size // PAGE)
    for number in range(count):
        start = number % pages * PAGE
        place = start + chance.randrange(min(PAGE, size - start))
        yield Flip(file, place, chance.randrange(8))


def every(folder: Path, file: str) -> Iterator[Flip]:
    """Each byte of a small file, with one of its bits."""
    for place in range((folder / file).stat().st_size):
        yield Flip(file, place, place % 8)


def outcomes(folder: Path, scratch: Path, flips: Iterator[Flip]) -> Iterator[Outcome]:
    """Turn each bit over in a copy of the log, read it and verify it, and open it for writing."""
    before = [_answer(folder, *command) for command in SHOWN]
    assert all(status == 0 for status, _ in before)
    for flip in flips:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(folder, scratch, ignore=shutil.ignore_patterns(SHM))
        _turn(scratch / flip.file, flip)
        answers = {command: _answer(scratch, *command) for command in (*SHOWN, *OTHERS)}
        shown = zip((answers[command] for command in SHOWN), before, strict=True)
        yield Outcome(
            flip,
            changed=any(now[0] == 0 and now != then for now, then in shown),
            caught=answers[VERIFY][0] != 0,
            surprises=tuple(_surprises(answers, scratch)),
        )


def _surprises(answers: Mapping[Command, tuple[int, str]], folder: Path) -> Iterator[str]:
    for command, (_, output) in answers.items():
        if "unexpected" in output:
            yield f"{command[0]}: {output}"
    try:
        with open_log(_url(folder)) as log:
            log.open(opened(REFUSE))
    except GuardrailError:
        return
    except Exception as error:  # noqa: BLE001 (whatever it is, it should not be)
        yield f"open: {error!r}"


def _turn(file: Path, flip: Flip) -> None:
    with file.open("r+b") as handle:
        handle.seek(flip.place)
        (byte,) = handle.read(1)
        handle.seek(flip.place)
        handle.write(bytes([byte ^ 1 << flip.bit]))


def _answer(folder: Path, command: str, *options: str) -> tuple[int, str]:
    if (command,) == LINES:
        return _lines(folder)
    return guardrail("log", command, "--log", _url(folder), *options)


def _lines(folder: Path) -> tuple[int, str]:
    """What `export` writes, without writing down that somebody looked."""
    try:
        return 0, "\n".join(json_lines(locate(_url(folder)), None, None))
    except GuardrailError as error:
        return 2, str(error)
    except Exception as error:  # noqa: BLE001 (whatever it is, it should not be)
        return 1, f"unexpected {error!r}"


def _write(log: Log, attempts: int) -> None:
    for number in range(attempts):
        first = opened((REFUSE, GATE, ALLOW)[number % 3])
        log.open(first)
        if number % 4:
            late = first.decision is ALLOW
            log.close(closed(first, decision=output_refusal() if late else first.decision))


def _until_signed(folder: Path) -> None:
    size = len(entries(_url(folder)))
    while (folder / CHECKPOINT).read_text("utf-8").splitlines()[1] != str(size):
        time.sleep(0.05)


def _url(folder: Path) -> str:
    return f"sqlite:///{folder}/{DATABASE}"
