"""A clock that jumps, back or forth, loses nothing, stops no signing and looks like no forgery."""

from __future__ import annotations

from pathlib import Path

from guardrail.log import open_log
from tests.faults import clocks
from tests.faults.conftest import Place, Tell
from tests.faults.judge import guardrail

YEAR = "1970"


def test_a_clock_that_jumps(place: Place, tmp_path: Path, tell: Tell) -> None:
    checkpoint = place.path.with_name("attempts.db.checkpoint")
    open_log(place.url).shutdown()
    early = tmp_path / "early.checkpoint"
    figures = clocks.run(place.url, tmp_path, checkpoint)
    assert tell("clock jumps (libfaketime)", figures).whole
    early.write_bytes(checkpoint.read_bytes())
    status, output = guardrail("log", "verify", "--log", place.url, "--checkpoint", str(early))
    assert status == 0, output
    with open_log(place.url, readonly=True) as log:
        years = {row.closed_at // (365 * 86400 * 10**9) + 1970 for row in log.attempts() if row.closed_at}
    assert min(years) == 1970
    assert max(years) > 2045
