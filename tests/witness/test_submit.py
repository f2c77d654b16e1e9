"""The log's side: witnesses that cosign, fail, know better, and what is kept of it."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.keys import Algorithm, SigningKey, VerifierKey
from guardrail.chain.note import Note
from guardrail.chain.trust import Trust
from guardrail.chain.witness import Answer
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log import locate, open_log
from guardrail.log.beside import beside
from guardrail.log.cosigned import covering, keep_cosigned, list_cosigned
from guardrail.log.signed import SignedLog
from guardrail.log.submit import Round, State, contradictions, submit
from guardrail.log.witnesses import Witness, Witnesses, read_witnesses, witnesses_file
from tests.chain.signers import AT, STRANGER, WITNESS
from tests.log.support import python
from tests.witness.support import answering, asked, fill, serving

W2 = SigningKey("witness.example/w2", Algorithm.COSIGNATURE_ED25519, b"w2".ljust(32, b"."))
NOBODY = Witness("http://127.0.0.1:1", W2.verifier)


def log_key(url: str) -> VerifierKey:
    log = SignedLog(locate(url))
    log.close()
    return log.trust.log[0]


def states(found: Round) -> list[State]:
    return [outcome.state for outcome in found.outcomes]


def opened(url: str, found: Round, *keys: VerifierKey) -> int:
    key = log_key(url)
    return len(Trust(key.name, (key,), keys, len(keys)).open(found.note).witnesses)


def only(url: str, witness: Witness) -> Round:
    return submit(locate(url), Witnesses((witness,), 1, 5), pause=0.001)


def test_a_log_is_cosigned_as_it_grows(url: str, tmp_path: Path) -> None:
    fill(url)
    key = log_key(url)
    with serving(tmp_path / "a", key) as one, serving(tmp_path / "b", key, name="b/b") as two:
        for _ in range(3):
            found = submit(locate(url), asked(one, two))
            assert found.ok
            assert states(found) == [State.COSIGNED] * 2
            assert opened(url, found, *asked(one, two).keys) == 2
            fill(url)
    kept = list_cosigned(locate(url))
    assert [item.size for item in kept] == [21]
    assert kept[0].data == found.note


def test_a_witness_that_was_away_catches_up(url: str, tmp_path: Path) -> None:
    fill(url)
    key = log_key(url)
    with serving(tmp_path / "a", key, name="a/a") as one:
        with serving(tmp_path / "b", key, name="b/b") as two:
            assert submit(locate(url), asked(one, two)).ok
            away = Witness("http://127.0.0.1:1", two.service.key.verifier)
        fill(url)
        there = Witness(one.url, one.service.key.verifier)
        found = submit(locate(url), Witnesses((there, away), 2), pause=0.001)
        assert states(found) == [State.COSIGNED, State.UNREACHABLE]
        assert not found.ok
        assert [item.size for item in list_cosigned(locate(url))] == [7, 14]
        with serving(tmp_path / "b", key) as two:
            found = submit(locate(url), asked(one, two))
    assert found.ok
    assert opened(url, found, *asked(one, two).keys) == 2
    assert [item.size for item in list_cosigned(locate(url))] == [14]


def test_what_was_cosigned_first_stays(url: str, tmp_path: Path) -> None:
    fill(url)
    with serving(tmp_path / "a", log_key(url)) as one:
        first = submit(locate(url), asked(one))
        assert submit(locate(url), asked(one)).note == first.note


def test_a_log_that_forgot_where_its_witness_stands_asks(url: str, tmp_path: Path) -> None:
    fill(url)
    with serving(tmp_path / "a", log_key(url)) as one:
        assert submit(locate(url), asked(one)).ok
        shutil.rmtree(beside(locate(url), ".cosigned"))
        fill(url)
        assert submit(locate(url), asked(one)).ok


def copy_of(path: Path, folder: Path) -> None:
    folder.mkdir()
    for file in path.parent.glob("attempts.db*"):
        if file.is_file():
            shutil.copy(file, folder)


def put_back(path: Path, folder: Path) -> None:
    for file in path.parent.glob("attempts.db*"):
        if file.is_file():
            file.unlink()
    for file in folder.iterdir():
        shutil.copy(file, path.parent)


def test_an_older_copy_is_contradicted(url: str, path: Path, tmp_path: Path) -> None:
    """The whole log put back, with its checkpoint: nothing on this machine could tell."""
    fill(url)
    copy_of(path, tmp_path / "old")
    with serving(tmp_path / "a", log_key(url)) as one:
        fill(url)
        assert submit(locate(url), asked(one)).ok
        assert contradictions(locate(url)) == ""
        copy_of(path, tmp_path / "new")
        put_back(path, tmp_path / "old")
        found = submit(locate(url), asked(one))
        assert states(found) == [State.CONTRADICTED]
        assert "cosigned size 14, this log has signed 7" in found.outcomes[0].detail
        fill(url, 5)
        found = submit(locate(url), asked(one))
        assert states(found) == [State.CONTRADICTED]
        assert "another tree of size 14" in found.outcomes[0].detail
        assert "another tree of size 14" in contradictions(locate(url))
        fill(url, 5)
        found = submit(locate(url), asked(one))
        assert states(found) == [State.CONTRADICTED]
        assert found.contradicted
        assert not found.ok
        assert found.cosigned == {}
        put_back(path, tmp_path / "new")
        assert submit(locate(url), asked(one)).ok
        assert contradictions(locate(url)) == ""


def test_a_quorum_does_not_outvote_a_contradiction(url: str, path: Path, tmp_path: Path) -> None:
    fill(url)
    copy_of(path, tmp_path / "old")
    key = log_key(url)
    with serving(tmp_path / "a", key, name="a/a") as one:
        fill(url)
        assert submit(locate(url), asked(one)).ok
        put_back(path, tmp_path / "old")
        shutil.rmtree(beside(locate(url), ".cosigned"))
        with serving(tmp_path / "b", key, name="b/b") as two:
            found = submit(locate(url), asked(one, two, quorum=1))
    assert states(found) == [State.CONTRADICTED, State.COSIGNED]
    assert len(found.cosigned) == 1
    assert not found.ok


def test_another_tree_of_a_cosigned_size_is_not_kept_over_it(url: str) -> None:
    fill(url)
    log = SignedLog(locate(url))
    note = Note.parse(log.newest().note)
    log.close()
    other = Checkpoint(log.trust.origin, 7, bytes(32))
    trust = Trust(log.trust.origin, log.trust.log, (W2.verifier,))
    keep_cosigned(locate(url), note.with_signatures([W2.sign(note.text, AT)]), trust, enough=True)
    forged = Note(other.body, (W2.sign(other.body, AT),))
    with pytest.raises(ConfigurationError, match="another tree of the same size"):
        keep_cosigned(locate(url), forged, trust, enough=True)


def test_the_last_of_each_hour_stays(url: str) -> None:
    log_url = locate(url)
    for number in range(6):
        fill(url, 1)
        log = SignedLog(log_url)
        note = Note.parse(log.newest().note)
        log.close()
        trust = Trust(log.trust.origin, log.trust.log, (W2.verifier,))
        signed = note.with_signatures([W2.sign(note.text, 3600 * 100 + number * 1200)])
        keep_cosigned(log_url, signed, trust, enough=True)
    assert [item.size for item in list_cosigned(log_url)] == [9, 18]
    newest = covering(log_url, 18)
    assert newest is not None
    assert newest.size == 18
    assert covering(log_url, 19) is None


@pytest.mark.parametrize(
    ("status", "body", "state", "detail"),
    [
        (404, b"who are you?\n", State.REFUSED, "answered 404, 'who are you?' (it does not know"),
        (403, b"", State.REFUSED, "give its operator `guardrail log key`"),
        (400, b"\x1b[31mno", State.REFUSED, "answered 400, '?[31mno'"),
        (301, b"", State.REFUSED, "answered 301"),
        (200, b"", State.REFUSED, "without a known cosignature"),
        (200, b"noise", State.REFUSED, "cannot be used"),
        (200, b"\xff", State.REFUSED, "cannot be used"),
        (409, b"a lot\n", State.REFUSED, "cannot be used"),
        (409, b"3\n", State.REFUSED, "answers 409 to the size 3"),
        (409, b"0\n", State.REFUSED, "answers 409 to the size 0"),
        (409, b"99\n", State.CONTRADICTED, "cosigned size 99, this log has signed 7"),
        (422, b"", State.CONTRADICTED, "another tree of size 0"),
        (500, b"ouch\n", State.UNREACHABLE, "answered 500, 'ouch'"),
        (429, b"", State.UNREACHABLE, "answered 429"),
        (200, b"x" * 1_000_001, State.UNREACHABLE, "more than 1000000 bytes"),
    ],
)
def test_what_a_witness_can_answer(
    url: str, status: int, body: bytes, state: State, detail: str
) -> None:
    fill(url)
    with answering(status, body) as there:
        found = only(url, Witness(there, W2.verifier))
    assert states(found) == [state]
    assert detail in found.outcomes[0].detail
    assert not found.ok
    assert list_cosigned(locate(url)) == []


def test_only_a_good_cosignature_of_the_key_that_is_known_counts(url: str) -> None:
    fill(url)
    log = SignedLog(locate(url))
    text = Note.parse(log.newest().note).text
    log.close()
    other = Checkpoint(log.trust.origin, 7, bytes(32)).body
    for cosignatures in (
        (WITNESS.sign(text, AT),),
        (W2.sign(other, AT),),
        (W2.sign(text, AT), W2.sign(other, AT)),
        (STRANGER.sign(text),),
    ):
        with answering(200, Answer(200, cosignatures).encode()) as there:
            assert states(only(url, Witness(there, W2.verifier))) == [State.REFUSED]
    with answering(200, Answer(200, (WITNESS.sign(text, AT), W2.sign(text, AT))).encode()) as there:
        found = only(url, Witness(there, W2.verifier))
    assert found.ok
    assert WITNESS.name.encode() not in found.note


def test_who_does_not_answer_is_said(url: str) -> None:
    fill(url)
    assert "refused" in only(url, NOBODY).outcomes[0].detail
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = Witness(f"http://127.0.0.1:{silent.getsockname()[1]}", W2.verifier)
        found = submit(locate(url), Witnesses((there,), 1, 0.05), pause=0.001)
    assert states(found) == [State.UNREACHABLE]
    assert "no answer in time" in found.outcomes[0].detail


def test_nothing_signed_is_nothing_to_cosign(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no attempt log"):
        only(url, NOBODY)
    open_log(url).shutdown()
    with pytest.raises(LogUnavailable, match="nothing is signed yet"):
        only(url, NOBODY)
    assert tmp_path.is_dir()


WRITER = """
import sys
from guardrail.log import open_log
from tests.log.support import REFUSE, opened
with open_log(sys.argv[1]) as log:
    print("ready", flush=True)
    while sys.stdin.readline():
        log.open(opened(REFUSE))
        print("done", flush=True)
"""


def test_a_log_that_is_being_written_is_cosigned(url: str, tmp_path: Path) -> None:
    """Nobody waits for anybody, and what is cosigned stays one log."""
    fill(url)
    with (
        python(WRITER, url, stdin=-1) as writer,
        serving(tmp_path / "a", log_key(url)) as one,
    ):
        assert writer.stdin
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        for _ in range(10):
            writer.stdin.write("\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "done\n"
            assert states(submit(locate(url), asked(one))) == [State.COSIGNED]
        writer.stdin.close()
        assert writer.wait(30) == 0
        assert submit(locate(url), asked(one)).tree.size == 5 + 2 + 10 + 2


GOOD = f"""
witnesses:
  - url: https://witness.example/w1/
    key: {WITNESS.verifier}
  - url: http://127.0.0.1:8092
    key: {W2.verifier}
"""


def test_a_file_of_witnesses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(GOOD)
    found = read_witnesses(file)
    assert found.witnesses[0] == Witness("https://witness.example/w1", WITNESS.verifier)
    assert (found.quorum, found.timeout) == (2, 10.0)
    file.write_text(GOOD + "quorum: 1\ntimeout: 2\n")
    assert read_witnesses(file).quorum == 1
    location = locate("sqlite:////x/attempts.db")
    monkeypatch.delenv("GUARDRAIL_LOG_WITNESSES", raising=False)
    assert witnesses_file(location) == Path("/x/attempts.db.witnesses.yaml")
    monkeypatch.setenv("GUARDRAIL_LOG_WITNESSES", "/y/w.yaml")
    assert witnesses_file(location) == Path("/y/w.yaml")
    assert witnesses_file(location, file) == file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a mapping"),
        ("witnesses: []", r"w.yaml:1:12: .*expected at least one"),
        (GOOD + "quorum: 3", "a quorum of at most 2"),
        (GOOD + "quorum: 0", "w.yaml:7:9"),
        (GOOD + "quorom: 1", "quorom"),
        (GOOD.replace("https://witness.example", "ftp://w"), "expected an address such as"),
        (GOOD.replace("https://witness", "https://me:secret@witness"), "an address such as"),
        (GOOD.replace("127.0.0.1:8092", "127.0.0.1:a"), "an address such as"),
        (GOOD.replace(str(W2.verifier), str(WITNESS.verifier)), "each witness once"),
        (GOOD.replace(str(W2.verifier), str(STRANGER.verifier)), "this is that of a log"),
        (GOOD.replace(str(W2.verifier), "abc"), r"w.yaml:6:10: .*a witness's public key"),
        (GOOD + "timeout: 0", "w.yaml:7:10"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "w.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        read_witnesses(file)


def test_no_file_of_witnesses(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no witnesses are set up"):
        read_witnesses(tmp_path / "none.yaml")
