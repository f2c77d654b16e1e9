"""Disks that stop taking anything: full, or made read-only by the kernel, while processes write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from guardrail.log import open_log
from tests.faults.disks import ext4, fill, tmpfs
from tests.faults.judge import guardrail, judge, start_writer, until_told
from tests.faults.writer import NOT_OPENED, read_told

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.faults.figures import Figures

PROCESSES, THREADS = 2, 2
FREE = 700 << 10


def full_tmpfs(folder: Path) -> Figures:
    """A small tmpfs fills up under its writers; room is made, and they start again."""
    with tmpfs(folder, "4m") as disk:
        return _full(disk, folder / "told")


def full_ext4(folder: Path) -> Figures:
    """The same on ext4, which has a journal and gives out blocks late."""
    with ext4(folder, 16) as disk:
        return _full(disk.folder, folder / "told")


def readonly(folder: Path) -> Figures:
    """The kernel meets an error on the disk, and makes it read-only under its writers."""
    told = folder / "told"
    with ext4(folder) as disk:
        url = _url(disk.folder)
        open_log(url).shutdown()
        writers = _start(url, told)
        until_told(told, 200, writers)
        disk.break_down()
        _refused(writers, told)
        assert_doctor_says_so(url)
        disk.unmount()
        disk.check()
        disk.mount()
        return judge(url, read_told(told))


def assert_doctor_says_so(url: str) -> None:
    """`guardrail doctor` says that the log takes nothing, and exits with 1."""
    status, output = guardrail("doctor", "--log", url, "--json")
    wrong = [check for check in json.loads(output)["checks"] if check["state"] == "wrong"]
    assert status == 1, output
    assert [check["group"] for check in wrong] == ["log"], output


def _full(disk: Path, told: Path) -> Figures:
    url = _url(disk)
    open_log(url).shutdown()
    filler = disk / "filler"
    fill(filler, FREE)
    writers = _start(url, told)
    _refused(writers, told)
    fill(filler, 0)
    assert_doctor_says_so(url)
    filler.unlink()
    return judge(url, read_told(told))


def _start(url: str, told: Path) -> list[subprocess.Popen[str]]:
    options = (f"--threads={THREADS}", "--refusals=5")
    return [start_writer(url, told, f"p{n}", *options) for n in range(PROCESSES)]


def _refused(writers: list[subprocess.Popen[str]], told: Path) -> None:
    """Every thread was refused, five times in a row; none was acknowledged after a refusal."""
    for writer in writers:
        _, errors = writer.communicate()
        assert writer.returncode in {0, NOT_OPENED}, errors
        assert "Traceback" not in errors, errors
    answers: dict[str, list[str]] = {}
    for line in sorted(read_told(told)):
        if line.what != "try":
            answers.setdefault(line.id.partition(".")[0], []).append(line.what)
    for whats in answers.values():
        first = whats.index("no")
        # An acknowledgement may be told after another thread's refusal that came later.
        assert whats[first:].count("ack") < THREADS, whats
        assert whats.count("no") == 5 * THREADS


def _url(disk: Path) -> str:
    return f"sqlite:///{disk}/log/attempts.db"
