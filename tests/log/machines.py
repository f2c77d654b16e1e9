"""Processes that write a log from other machines, and what they leave."""

from __future__ import annotations

import subprocess
from pathlib import Path

from guardrail.log import locate
from guardrail.log.verify import verify_database
from tests.log.engines import rows
from tests.log.support import python

COUNTS = "SELECT sum(opened), sum(released), sum(refused) FROM counts"
_WRITER = """
import sys
from guardrail.log import open_log
from tests.log.support import ALLOW, REFUSE, closed, opened

with open_log(sys.argv[1]) as log:
    for number in range(int(sys.argv[3])):
        entry = opened(REFUSE if number % 2 else ALLOW, id=f"{sys.argv[2]}.{number}")
        log.open(entry)
        print(entry.id if number % 2 else "plain", flush=True)
        log.close(closed(entry))
"""


def start_writer(url: str, name: str, count: int) -> subprocess.Popen[str]:
    return python(_WRITER, url, name, str(count))


def assert_whole(url: str, path: Path) -> None:
    """Dense, and as it was signed."""
    seqs = [seq for (seq,) in rows(path, "SELECT seq FROM entries ORDER BY seq")]
    assert seqs == list(range(1, len(seqs) + 1))
    found = verify_database(locate(url))
    assert found.report.faults == ()
