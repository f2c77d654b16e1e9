from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from guardrail.testing import StandInServer
from tests.serve.support import Running, config_of, gateway, written


@pytest.fixture(scope="package")
def standing() -> Iterator[StandInServer]:
    with StandInServer() as server:
        yield server


@pytest.fixture
def upstream(standing: StandInServer) -> StandInServer:
    standing.reset()
    return standing


@pytest.fixture(scope="package")
def common_log(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('gateway') / 'attempts.db'}"


@pytest.fixture(scope="package")
def common(
    standing: StandInServer, common_log: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """One gateway for every test that changes nothing about it."""
    config = config_of(standing.url, common_log, metrics={"path": True})
    with gateway(written(tmp_path_factory.mktemp("config"), config)) as running:
        yield running


@pytest.fixture
def served(common: Running, upstream: StandInServer) -> Running:
    del upstream
    return common


@pytest.fixture
def log(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'attempts.db'}"
