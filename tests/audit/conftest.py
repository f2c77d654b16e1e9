from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from guardrail.audit.build import Built
from tests.audit.support import built, inquiry, new_log


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, str]:
    """A pack with the whole log in it, and the log; neither may be changed."""
    folder = tmp_path_factory.mktemp("packed")
    url = new_log(folder / "attempts.db")
    return built(inquiry(folder), url, folder / "out"), url


@pytest.fixture
def pack(packed: tuple[Built, str], tmp_path: Path) -> Path:
    """A copy of that pack's folder, to be changed."""
    return shutil.copytree(packed[0].folder, tmp_path / "pack")


def outside(program: str, package: str) -> None:
    """Skip where a program is not installed; fail where CI should have it."""
    if shutil.which(program) is None:
        absent(program, package)


def absent(what: str, package: str) -> None:
    """Skip, or fail in CI."""
    message = f"needs {what}: apt-get install {package}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
