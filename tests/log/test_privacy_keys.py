"""Rotation of keys, and services that wrap them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from guardrail.cli import main
from guardrail.errors import ConfigurationError, InputError, LogUnavailable
from guardrail.log import AttemptFilter, Location, Log, open_log, open_tool
from guardrail.log.access import Identity
from guardrail.log.holds import Scope, add_hold
from guardrail.log.keyring import add_epoch, load_keys
from guardrail.log.rotation import rotate
from guardrail.log.shredding import Target, shred
from guardrail.log.wrapping import EnvelopeWrapper
from tests.log.engines import BOTH
from tests.log.support import REFUSE, held, opened, request, rows, url_of
from tests.log.test_privacy import verified

ENGINES = BOTH
BY = Identity("operator", "os")


def ask(log: Log, name: str, user: str = "anna") -> None:
    log.open(opened(REFUSE, asked=request(f"a garden {name}", user=user), id=name))


def found(log: Log, user: str) -> list[str]:
    return sorted(row.id for row in log.attempts(AttemptFilter(user=user)))


def test_after_rotation_all_is_found_and_opens(url: str, path: Path) -> None:
    with open_log(url_of(path, "excerpt=50")) as log:
        ask(log, "one")
        before = log.attempt("one").user
        first = rotate(log, BY, "yearly")
        ask(log, "two")
        assert log.attempt("two").user not in {"", before}
        assert found(log, "anna") == ["one", "two"]
        assert log.excerpt("one") == "a garden one"
        assert (first.rewrapped, first.retired) == (1, (first.was,))
        second = rotate(log, BY)
        ask(log, "three")
        assert (second.rewrapped, second.was) == (2, first.epoch)
        assert found(log, "anna") == ["one", "three", "two"]
        shred(log, BY, Target("subject", "anna"), "why")
        assert found(log, "anna") == []
        names = log.vault.ring.users("anna")
        assert len(names) == 3
        assert [name for name in names if name.encode() in held(log.location.path)] == []
    verified(url)
    with open_log(url, readonly=True) as reader:
        assert reader.vault.keys.id == second.epoch


def test_the_steps_are_entries(log: Log) -> None:
    ask(log, "one")
    done = rotate(log, BY, "yearly")
    epoch, wrapped = (json.loads(entry.body) for entry in log.entries(["rotate"]))
    assert (epoch["step"], epoch["from"], epoch["to"]) == ("epoch", done.was, done.epoch)
    assert (wrapped["step"], wrapped["keys"], epoch["why"]) == ("rewrap", 1, "yearly")


def test_a_writer_that_runs_takes_the_new_key(url: str, path: Path) -> None:
    with open_log(url_of(path, "excerpt=50")) as log, open_log(url, readonly=True) as reader:
        ask(log, "one")
        assert reader.private("one") is not None
        with open_tool(url) as tool:
            done = rotate(tool, BY)
        ask(log, "two")  # with a pseudonym of before, under a key of now
        ask(log, "three")
        assert log.vault.keys.id == done.epoch
        wrappers = rows(path, "SELECT DISTINCT wrapper FROM data_keys")
        assert wrappers == [(f"file/{done.epoch}",)]
        for each in (log, reader):
            assert found(each, "anna") == ["one", "three", "two"] or each is reader
            assert each.private("three") is not None
            assert each.private("two") is not None
    verified(url)


def test_a_hold_follows_its_subject_through_rotation(log: Log) -> None:
    ask(log, "one")
    add_hold(log, BY, "CASE-7", "letter", Scope(user="anna"))
    rotate(log, BY)
    ask(log, "two")
    with pytest.raises(InputError, match="CASE-7"):
        shred(log, BY, Target("pseudonym", log.attempt("two").user), "why")
    with pytest.raises(InputError, match="CASE-7"):
        shred(log, BY, Target("attempt", "two"), "why")


def test_a_rotation_that_was_stopped_is_resumed(
    log: Log, url: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guardrail.log.rotation.BATCH", 2)
    for number in range(5):
        ask(log, f"a{number}", user=f"u{number}")

    def stop(done: int, total: int) -> None:
        assert (done, total) == (2, 5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rotate(log, BY, watch=stop)
    ring = load_keys(log.location.key)
    assert [bool(keys.secret) for keys in ring.epochs] == [True, True]
    ask(log, "between")
    assert all(log.private(row.id) for row in log.attempts())
    log.shutdown()
    verified(url)
    with open_tool(url) as tool:
        done = rotate(tool, BY, resume=True)
        assert (done.was, done.rewrapped) == (None, 3)
        assert all(tool.private(row.id) for row in tool.attempts())
    ring = load_keys(log.location.key)
    assert [bool(keys.secret) for keys in ring.epochs] == [False, True]
    assert rows(path, "SELECT count(DISTINCT wrapper) FROM data_keys") == [(1,)]


def test_an_epoch_that_was_only_begun_is_not_used(log: Log, url: str) -> None:
    ask(log, "one")
    grown = add_epoch(log.location.key, log.vault.ring)
    with open_log(url) as again:
        assert again.vault.keys.id == log.vault.keys.id
        done = rotate(again, BY)
    assert done.epoch == grown.epochs[-1].id


def test_the_key_file_of_before_is_refused(log: Log, url: str) -> None:
    old = log.location.key.read_bytes()
    rotate(log, BY)
    log.shutdown()
    log.location.key.write_bytes(old)
    with pytest.raises(ConfigurationError, match="not that of this attempt log"):
        open_log(url)


def test_the_command(log: Log, url: str) -> None:
    ask(log, "one")
    done = CliRunner().invoke(main, ["log", "rotate-key", "--log", url, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert (told["rewrapped"], told["retired"]) == (1, [told["was"]])
    shown = CliRunner().invoke(main, ["log", "rotate-key", "--log", url])
    assert "keep a new copy of" in shown.stdout


SERVICE = '''
"""A key service as a file: it is there or it is not."""
import pathlib
from guardrail.log.wrapping import EnvelopeWrapper

STATE = pathlib.Path(__file__).with_name("service")
calls = []

def _mask(data):
    calls.append(1)
    if not STATE.exists():
        raise OSError("no answer")
    return bytes(byte ^ 90 for byte in data)

def open_service(location):
    return EnvelopeWrapper(f"test/{STATE.read_text()}", _mask, _mask)
'''


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "key_service.py").write_text(SERVICE)
    (tmp_path / "service").write_text("1")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "key_service", raising=False)
    return tmp_path / "service"


def test_a_service_wraps(path: Path, service: Path) -> None:
    asked = url_of(path, "excerpt=50&wrapper=key_service:open_service")
    with open_log(asked) as log:
        for number in range(5):
            ask(log, f"a{number}", user=f"u{number}")
        calls: list[int] = sys.modules["key_service"].calls
        assert len(calls) == 1
        assert log.excerpt("a1") == "a garden a1"
    assert rows(path, "SELECT DISTINCT wrapper FROM data_keys") == [("test/1",)]
    verified(asked)
    service.unlink()
    wrong = open_log(asked.replace("open_service", "missing"), readonly=True)
    with wrong, pytest.raises(ConfigurationError, match="cannot be imported"):
        wrong.excerpt("a1")


def test_without_its_service_nothing_is_accepted(path: Path, service: Path) -> None:
    asked = url_of(path, "wrapper=key_service:open_service")
    with open_log(asked) as log:
        service.unlink()
        with pytest.raises(LogUnavailable, match="cannot be wrapped under test/1"):
            ask(log, "one")
        service.write_text("1")
        ask(log, "one")


def test_a_log_moves_to_a_service_by_rotation(url: str, path: Path, service: Path) -> None:
    assert service.exists()
    with open_log(url) as log:
        ask(log, "one")
    asked = url_of(path, "wrapper=key_service:open_service")
    with open_log(asked) as log:
        ask(log, "two")
        assert log.private("one") is not None
        rotate(log, BY, resume=True)
        assert log.private("one") is not None
    assert rows(path, "SELECT DISTINCT wrapper FROM data_keys") == [("test/1",)]
    verified(asked)
    found = CliRunner().invoke(main, ["log", "verify", "--log", asked])
    assert "private data: 2 as committed to" in found.stdout


def test_an_envelope_opens_only_with_its_own_key() -> None:
    wrapper = EnvelopeWrapper("a", bytes, bytes)
    wrapped = wrapper.wrap(b"k" * 32, b"context")
    assert wrapper.unwrap(wrapped, b"context", "a") == b"k" * 32
    with pytest.raises(KeyError):
        wrapper.unwrap(wrapped, b"context", "b")
    with pytest.raises(ValueError, match="does not open"):
        wrapper.unwrap(wrapped, b"other", "a")


@pytest.mark.parametrize("value", ["x", "x:", ":x", "x:y-z", "x y:z", "x..y:z"])
def test_a_wrapper_that_is_no_name(path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"package\.module:function"):
        open_log(url_of(path, f"wrapper={value}"))


def test_where_a_log_is_says_what_wraps(tmp_path: Path) -> None:
    assert Location(tmp_path / "a.db").wrapper == ""
