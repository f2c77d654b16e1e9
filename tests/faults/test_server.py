"""PostgreSQL is killed in the middle of batches: what it acknowledged is there."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.faults import servers
from tests.faults.conftest import Tell


def test_a_server_that_is_killed_loses_nothing(tmp_path: Path, tell: Tell) -> None:
    if find_spec("tests.log.postgres") is None:
        pytest.skip("needs the log in PostgreSQL")
    server = import_module("tests.log.postgres").Server("fsync=on")
    try:
        url = f"{server.url(server.create())}?files={tmp_path}/attempts"
        assert tell("PostgreSQL killed", servers.run(url, tmp_path / "told", server, 2)).whole
    finally:
        server.stop()
