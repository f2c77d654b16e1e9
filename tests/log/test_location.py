from __future__ import annotations

from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError
from guardrail.log import locate


def test_an_absolute_path() -> None:
    assert locate("sqlite:////var/lib/a.db").path == Path("/var/lib/a.db")


def test_a_relative_path_is_fixed_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = locate("sqlite:///logs/a%20b.db")
    monkeypatch.chdir("/")
    assert found.path == tmp_path / "logs" / "a b.db"
    assert found.key.name == "a b.db.key"
    assert found.lock.name == "a b.db.lock"


def test_the_excerpt_length() -> None:
    assert locate("sqlite:///a.db").excerpt == 0
    assert locate("sqlite:///a.db?excerpt=4000").excerpt == 4000


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUARDRAIL_LOG", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert locate(None).path == Path("/state/guardrail/attempts.db")
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", "/home/a")
    assert locate(None).path == Path("/home/a/.local/state/guardrail/attempts.db")
    monkeypatch.setenv("GUARDRAIL_LOG", "sqlite:////b.db?excerpt=7")
    assert locate(None) == locate("sqlite:////b.db?excerpt=7")


@pytest.mark.parametrize(
    "url",
    [
        "attempts.db",
        "sqlite:",
        "sqlite:///",
        "sqlite://attempts.db",
        "postgresql://localhost",
        "postgresql://localhost/",
        "postgresql://localhost/log?excerpt=x",
        "postgresql://localhost/log?files=/",
        "postgresql://[::1/log",
        "mysql://localhost/log",
        "sqlite:///a.db?excerpt=4001",
        "sqlite:///a.db?excerpt=-1",
        "sqlite:///a.db?excerpt=",
        "sqlite:///a.db?excerpt=²",
        "sqlite:///a.db?exerpt=200",
        "sqlite:///a.db#x",
    ],
)
def test_what_is_not_a_log_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="attempt log"):
        locate(url)


def test_a_database_on_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    found = locate("postgresql://me:secret@db1:5433,db2/log?sslmode=verify-full&excerpt=7")
    assert found.server == "postgresql://me:secret@db1:5433,db2/log?sslmode=verify-full"
    assert found.name == "postgresql://db1:5433,db2/log"
    assert "secret" not in repr(found)
    assert (found.excerpt, found.key) == (7, Path("/state/guardrail/log.key"))


def test_the_files_of_a_database_on_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    found = locate("postgres:///a%2Fb?host=/run/postgresql&files=keys%20of/log")
    assert found.server == "postgresql:///a%2Fb?host=/run/postgresql"
    assert found.signing_key == tmp_path / "keys of" / "log.signing-key"
    assert locate("postgresql:///a%2Fb").key == Path("/state/guardrail/a%2Fb.key")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:secret@host",
        "postgresql://me:sec#ret@host/db",
        "postgresql://me:secret@host/db?excerpt=9999",
        "mysql://me:secret@host/db",
        "mysql://host/db?password=secret",
    ],
)
def test_a_password_is_not_repeated(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        locate(url)
    assert "sec" not in str(caught.value)
