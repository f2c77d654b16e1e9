from tests.log.conftest import (
    databases,
    engine,
    path,
    pytest_generate_tests,
    small_disk,
    sqlite_only,
    url,
)

__all__ = [
    "databases",
    "engine",
    "path",
    "pytest_generate_tests",
    "small_disk",
    "sqlite_only",
    "url",
]
