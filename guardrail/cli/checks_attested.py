"""What `guardrail doctor` says of a log's witnesses and time stamps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from guardrail.cli.checks import Check
from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from guardrail.log import Location
    from guardrail.log.witnesses import Witnesses

LATE = 24 * 3600
_WITNESSES = "witnesses"
_STAMPS = "time stamps"


def check_attested(url: str | None) -> Iterator[Check]:
    """Whether others see the log: nothing where there is no log."""
    from guardrail.log import locate

    try:
        location = locate(url)
        if not location.signing_key.exists():
            return
    except (GuardrailError, OSError):
        return  # said of the log itself
    for name, look in ((_WITNESSES, _witnesses), (_STAMPS, _stamps)):
        try:
            yield look(location)
        except GuardrailError as error:
            yield Check("log", name, "wrong", str(error), "guardrail log verify says more")


def _witnesses(location: Location) -> Check:
    from guardrail.log.witnesses import read_witnesses, witnesses_file

    file = witnesses_file(location)
    if not file.exists():
        remedy = f"name some in {file}: guardrail log witness --help"
        return Check("log", _WITNESSES, "absent", "none: nobody else sees this log", remedy)
    return _cosigned(location, read_witnesses(file))


def _cosigned(location: Location, asked: Witnesses) -> Check:
    from guardrail.log.attested import Attestations, Demand
    from guardrail.log.signed import SignedLog
    from guardrail.log.submit import contradictions
    from guardrail.log.times import SECOND, iso

    if told := contradictions(location):
        remedy = "put the newest good copy of the log back; guardrail log verify says more"
        return Check("log", _WITNESSES, "wrong", told, remedy)
    log = SignedLog(location)
    try:
        size = log.newest().tree.size
    finally:
        log.close()
    others = Attestations.of(location)
    demand = Demand(asked.keys, asked.quorum)
    seen = others.weigh(others.named, log.trust, demand).witnessed
    many = f"{asked.quorum} of {len(asked.witnesses)}"
    if seen is None:
        return _late(f"{many} have cosigned nothing yet")
    at = f" at {iso(seen.at * SECOND)[:19]}Z" if seen.at else ""
    detail = f"{many} cosigned size {seen.size:,} of {size:,}{at}"
    if seen.size < size and time.time() - (seen.at or 0) > LATE:
        return _late(detail)
    return Check("log", _WITNESSES, "ok", detail)


def _late(detail: str) -> Check:
    return Check("log", _WITNESSES, "wrong", detail, "run guardrail log witness, from a timer")


def _stamps(location: Location) -> Check:
    from guardrail.log.attested import Attestations

    stamps = Attestations.of(location).stamps
    if not stamps:
        detail = "none: no authority says when it stood so"
        return Check("log", _STAMPS, "absent", detail, "guardrail log timestamp --tsa URL")
    return Check("log", _STAMPS, "ok", f"{len(stamps):,}, the newest over size {stamps[-1].size:,}")
