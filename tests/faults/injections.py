"""Calls to the kernel that fail, or that a process does not live through, one by one (strace)."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from guardrail.log import open_log
from tests.faults.figures import Absent, Figures
from tests.faults.judge import judge, start_writer
from tests.faults.writer import NOT_OPENED, Told, read_told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

CALLS = (
    "write", "pwrite64", "fsync", "fdatasync", "rename", "link", "unlink", "ftruncate", "mkdir",
)  # fmt: skip
SYNCS = ("fsync", "fdatasync")
Effect = Literal["EIO", "ENOSPC", "kill"]
_LINE = re.compile(r"(\d+) +(\w+)\((.*)")
_NAME = re.compile(r"log(?:/attempts\.db([\w.-]*))?[\">]")
_RANDOM = re.compile(r"\.\d+\.[0-9a-f]{8}$")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a thread. number: from 1, among its calls of that name; file: what follows the
    database's name, `folder` for the folder; failed: on purpose.
    """

    thread: str
    name: str
    number: int
    file: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Point:
    """Where to strike: every thread's call of that name with that number."""

    name: str
    number: int
    file: str

    def __str__(self) -> str:
        return f"{self.name} {self.number} of {self.file or 'the database'}"


def points(folder: Path) -> list[Point]:
    """Every call that a short life of a log makes on its files, from its making to its end."""
    found = _trace(folder / "points")
    kept = {(call.name, call.number): call.file for call in found if call.file != "elsewhere"}
    return [Point(name, number, file) for (name, number), file in kept.items()]


def one_of_each(found: Iterable[Point], each: int = 1) -> list[Point]:
    """Of calls of the same name on the same file, the last so many: the log is in use then."""
    kinds: dict[tuple[str, str], list[Point]] = {}
    for point in found:
        kinds.setdefault((point.name, point.file), []).append(point)
    return [point for same in kinds.values() for point in same[-each:]]


def run(folder: Path, strikes: Sequence[tuple[Point, Effect]]) -> Figures:
    """Strike at each point in a log of its own, two at a time; judge each after a restart."""
    total = Figures()
    with ThreadPoolExecutor(2) as pool:
        traces = [pool.submit(_strike, folder / f"n{n}", *one) for n, one in enumerate(strikes)]
        for number, (strike, trace) in enumerate(zip(strikes, traces, strict=True)):
            total += _judged(folder / f"n{number}", trace.result(), strike)
    return total


def _strike(place: Path, point: Point, effect: Effect) -> list[Call]:
    how = "signal=KILL" if effect == "kill" else f"error={effect}"
    return _trace(place, ("-e", f"inject={point.name}:{how}:when={point.number}"), effect)


def _judged(place: Path, calls: Sequence[Call], strike: tuple[Point, Effect]) -> Figures:
    """The log failed closed, and a restart finds what it acknowledged."""
    point, effect = strike
    told = read_told(place / "told")
    if effect != "kill":
        assert any(call.failed for call in calls), f"{point} was never reached"
        _fails_closed(calls, told)
    open_log(_url(place)).shutdown()
    found = judge(_url(place), told)
    assert found.lost == found.duplicated == 0, (point, effect, found)
    return found


def _fails_closed(calls: Sequence[Call], told: Sequence[Told]) -> None:
    """No acknowledgement after a refusal, nothing written or synced again after a failed sync."""
    answers = [line.what for line in sorted(told) if line.what != "try"]
    assert answers == sorted(answers), answers  # ack..., then no...
    watched = {"-wal", ""} if "ack" in answers else {"-wal"}  # SQLite undoes what it began with
    for place, call in enumerate(calls):
        if call.failed and call.name in SYNCS and call.file in watched:
            after = [later for later in calls[place + 1 :] if later.file == call.file]
            assert not [later for later in after if later.name in (*SYNCS, "pwrite64")], after


def _trace(place: Path, inject: Sequence[str] = (), effect: Effect | None = None) -> list[Call]:
    place.mkdir()
    output = place / "trace"
    command = ["strace", "-f", "-qq", "-y", "-s", "8", "-o", str(output)]
    command += ["-e", f"trace={','.join(CALLS)}", *inject]
    if shutil.which("strace") is None:
        raise Absent("no strace", "strace")
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    options = ("--attempts=4", "--refusals=3")
    writer = start_writer(
        _url(place), place / "told", "w", *options, before=command, env=environment
    )
    _, errors = writer.communicate()
    if "ptrace" in errors and not read_told(place / "told"):
        raise Absent(f"strace may not trace here: {errors.strip()}")
    assert "Traceback" not in errors, errors
    ends = {0, NOT_OPENED, -signal.SIGKILL} if effect == "kill" else {0, NOT_OPENED}
    assert writer.returncode in ends, (writer.returncode, errors)
    return list(_calls(output))


def _url(place: Path) -> str:
    return f"sqlite:///{place}/log/attempts.db"


def _calls(output: Path) -> Iterator[Call]:
    seen: Counter[tuple[str, str]] = Counter()
    for line in output.read_text("utf-8", "replace").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        thread, name, rest = found.groups()
        seen[thread, name] += 1
        yield Call(thread, name, seen[thread, name], _file(rest), "(INJECTED)" in rest)


def _file(rest: str) -> str:
    found = _NAME.search(rest)
    if found is None:
        return "elsewhere"
    return "folder" if found[1] is None else _RANDOM.sub(".draft", found[1])
