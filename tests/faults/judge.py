"""Holds what writers were told against what a log says, through its public side alone."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from guardrail.cli import main
from guardrail.log import open_log
from tests.faults.figures import Figures
from tests.faults.writer import Told, read_told, unanswered
from tests.log.support import REFUSE, ROOT, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


NOT_RUN = 2


def guardrail(*arguments: str) -> tuple[int, str]:
    """Exit status of a `guardrail` command, run in this process; what it printed, or its error."""
    result = CliRunner().invoke(main, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result.exit_code, result.output if result.exit_code == NOT_RUN else result.stdout


def verified(url: str) -> dict[str, Any]:
    """What `guardrail log verify` says."""
    status, output = guardrail("log", "verify", "--log", url, "--json")
    assert status in {0, 1}, output
    found: dict[str, Any] = json.loads(output)
    return found


def entries(url: str) -> list[dict[str, Any]]:
    """Every entry, in order, as `guardrail log export` writes it."""
    status, output = guardrail("log", "export", "--log", url)
    assert status == 0, output
    found = [json.loads(line) for line in output.splitlines()]
    assert [line["seq"] for line in found] == list(range(1, len(found) + 1))
    return found


def judge(url: str, told: Sequence[Told]) -> Figures:
    """Count what was acknowledged, what of it is lost, and what is there twice.

    Asserts that the log verifies, and that it goes on: it opens and takes an entry.
    """
    report = verified(url)
    assert report["ok"], report["faults"]
    found = Counter((line["event"], line["entry"].get("id", "")) for line in entries(url))
    acknowledged = [t for t in told if t.what == "ack"]
    kept = {(t.event, t.id) for t in acknowledged if t.event != "counted"}
    twice = sum(number - 1 for (event, _), number in found.items() if event in _OF_ATTEMPTS)
    with open_log(url, readonly=True) as log:
        rows = Counter(row.id for row in log.attempts())
        total = log.stats().total
    lost = sum(not (found[event, name] and rows[name]) for event, name in kept)
    twice += sum(number - 1 for number in rows.values())
    counted = total.opened - total.flagged
    lost += max(0, _counted(acknowledged) - counted)
    twice += max(0, counted - _counted(t for t in told if t.what == "try"))
    _goes_on(url)
    return Figures(1, len(acknowledged), lost, twice)


_OF_ATTEMPTS = ("opened", "closed")


def _counted(told: Iterable[Told]) -> int:
    return sum(line.event == "counted" for line in told)


def _goes_on(url: str) -> None:
    after = opened(REFUSE)
    with open_log(url) as log:
        log.open(after)
        assert log.attempt(after.id).id == after.id
    assert verified(url)["ok"]


def start_writer(
    url: str, told: Path, name: str, *options: str, before: Sequence[str] = (), **more: Any
) -> subprocess.Popen[str]:
    """Start a writer; `before` goes before its command, as strace does."""
    program = [sys.executable, "-W", "error", "-m", "tests.faults.writer", url, str(told), name]
    return subprocess.Popen(
        [*before, *program, *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def start_writers(
    url: str, told: Path, name: str, number: int, *options: str
) -> list[subprocess.Popen[str]]:
    """Start so many, which write first what had no answer so far."""
    again = unanswered(read_told(told))
    return [
        start_writer(url, told, f"{name}p{n}", *options, f"--again={','.join(again[n::number])}")
        for n in range(number)
    ]


def until_told(told: Path, lines: int, writers: Sequence[subprocess.Popen[str]]) -> None:
    """Wait until there are so many lines; every writer has to live that long."""
    while not told.exists() or told.read_bytes().count(b"\n") < lines:
        assert all(writer.poll() is None for writer in writers), writers[0].communicate()
        time.sleep(0.01)
