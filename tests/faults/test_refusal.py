"""When the log takes nothing, the guard lets nothing through, and readiness says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from guardrail.detect import Detector, load_detectors
from guardrail.errors import LogUnavailable
from guardrail.guard import AsyncGuard, Guard
from guardrail.log import Log, open_log
from guardrail.records import Caller, Operation, Output, Request
from tests.faults.disks import fill, tmpfs
from tests.log.support import REFUSE, opened

REQUEST = Request.of("a garden in autumn", Operation.IMAGE_GENERATE, caller=Caller())


@cache
def detectors() -> tuple[Detector, ...]:
    """The ones that every guard would load for itself."""
    return tuple(load_detectors())


def ask(log: Log) -> str:
    """What a guarded model answers; it must not be asked where the log takes nothing."""
    return Guard(log=log, detectors=detectors()).call(
        REQUEST, lambda: "a picture", lambda _: Output()
    )


def _write_on(log: Log) -> None:
    for _ in range(1000):
        log.open(opened(REFUSE))


def refuses(log: Log) -> str:
    """The guard does not ask the model, and the log is not ready; why."""
    asked: list[str] = []
    guard = Guard(log=log, detectors=detectors())
    for _ in range(2):
        with pytest.raises(LogUnavailable):
            guard.call(REQUEST, lambda: asked.append("model"), lambda _: Output())
    assert asked == []
    with pytest.raises(LogUnavailable) as caught:
        log.ready()
    return str(caught.value)


def test_a_log_that_is_well_is_ready_and_left_as_it_is(tmp_path: Path) -> None:
    with open_log(f"sqlite:///{tmp_path}/attempts.db") as log:
        for _ in range(3):
            log.ready()
        assert list(log.entries()) == []
        assert ask(log) == "a picture"
    with pytest.raises(LogUnavailable, match="shut down"):
        log.ready()
    reader = open_log(f"sqlite:///{tmp_path}/attempts.db", readonly=True)
    with reader, pytest.raises(LogUnavailable, match="reading only"):
        reader.ready()
    assert {path.name for path in tmp_path.iterdir()} == {
        f"attempts.db{end}"
        for end in ("", "-wal", "-shm", ".key", ".signing-key", ".checkpoint", ".lock")
    }


def test_a_full_disk_stops_the_guard(tmp_path: Path) -> None:
    with tmpfs(tmp_path, "4m") as disk, open_log(f"sqlite:///{disk}/attempts.db") as log:
        assert ask(log) == "a picture"
        fill(disk / "filler", 100 << 10)
        with pytest.raises(LogUnavailable, match="no room to grow by 1 MiB"):
            log.ready()
        fill(disk / "filler", 0)
        with pytest.raises(LogUnavailable):
            _write_on(log)
        assert "restart this process" in refuses(log)
        (disk / "filler").unlink()
        assert "restart this process" in refuses(log)
        with open_log(f"sqlite:///{disk}/attempts.db") as again:
            again.ready()
            assert ask(again) == "a picture"


@pytest.mark.parametrize("happens", [Path.unlink, lambda path: path.rename(f"{path}.away")])
def test_a_log_that_goes_away_stops_the_guard(
    tmp_path: Path, happens: Callable[[Path], object]
) -> None:
    with open_log(f"sqlite:///{tmp_path}/attempts.db") as log:
        assert ask(log) == "a picture"
        happens(tmp_path / "attempts.db")
        assert "moved, deleted or replaced" in refuses(log)


async def test_the_asynchronous_guard_too(tmp_path: Path) -> None:
    with open_log(f"sqlite:///{tmp_path}/attempts.db") as log:
        (tmp_path / "attempts.db").unlink()

        async def model() -> str:
            raise AssertionError("the model was asked")

        with pytest.raises(LogUnavailable):
            await AsyncGuard(log=log, detectors=detectors()).call(
                REQUEST, model, lambda _: Output()
            )
