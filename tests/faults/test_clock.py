"""A clock that jumps, back or forth, loses nothing, stops no signing and looks like no forgery."""

from __future__ import annotations

from pathlib import Path

from guardrail.log import open_log
from tests.faults import clocks
from tests.faults.conftest import Place, Tell
from tests.faults.judge import guardrail

YEAR = 365 * 24 * 3_600_000_000_000


def test_a_clock_that_jumps(place: Place, tmp_path: Path, tell: Tell) -> None:
    checkpoint = place.path.with_name("attempts.db.checkpoint")
    figures = clocks.run(place.url, tmp_path, checkpoint)
    assert tell("clock jumps (libfaketime)", figures).whole
    early = str(tmp_path / "early")
    status, output = guardrail("log", "verify", "--log", place.url, "--checkpoint", early)
    assert status == 0, output
    with open_log(place.url, readonly=True) as log:
        years = {1970 + row.closed_at // YEAR for row in log.attempts() if row.closed_at}
    assert min(years) == 1970
    assert max(years) > 2045
