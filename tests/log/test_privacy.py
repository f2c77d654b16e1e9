"""Erasing on demand: nothing is left in the files, and every proof holds."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.commitment import Opening
from guardrail.errors import ConfigurationError, InputError
from guardrail.log import AttemptFilter, Log, locate, open_log, open_tool
from guardrail.log.access import Identity, access, os_identity
from guardrail.log.holds import Scope, add_hold, read_holds, release_hold
from guardrail.log.keyring import ring_of
from guardrail.log.location import Location
from guardrail.log.shredding import Target, preview, shred
from guardrail.log.vault import Opened, Vault, open_sealed
from guardrail.log.verify import Verification, verify_database
from tests.log.engines import BOTH
from tests.log.support import (
    ALLOW,
    REFUSE,
    closed,
    held,
    opened,
    output_refusal,
    picture,
    python,
    request,
    rows,
    tamper,
    url_of,
)
from tests.log.test_migrate import schema1

ENGINES = BOTH
BY = Identity("auditor", "console")
USERS = ("anna", "boris", "chie")


@pytest.fixture
def filled(path: Path) -> Iterator[Log]:
    """Twelve attempts of three users, a third of them stopped at their output; one of nobody."""
    with open_log(url_of(path, "excerpt=200")) as log:
        for number in range(13):
            late = number % 3 == 0
            user = USERS[number % 3] if number < 12 else ""
            asked = request(
                f"a garden in autumn {number}" * 9,
                user=user,
                conversation=f"talk-{user}",
                images=(picture(b"%d" % number),),
            )
            entry = opened(ALLOW if late else REFUSE, asked=asked, id=f"{number:02}abc")
            log.open(entry)
            log.close(closed(entry, decision=output_refusal() if late else REFUSE))
        yield log


def verified(url: str) -> Verification:
    found = verify_database(locate(url))
    assert found.report.ok, [str(fault) for fault in found.report.faults]
    return found


def faults(url: str) -> list[str]:
    return [str(fault) for fault in verify_database(locate(url)).report.faults]


def secrets_of(path: Path, log: Log, user: str) -> list[bytes]:
    """Every byte string that must go with a user."""
    names = [*log.vault.ring.users(user), *log.vault.ring.conversations(f"talk-{user}")]
    found = [name.encode() for name in names] + [bytes.fromhex(name) for name in names]
    pseudonym = log.vault.keys.user(user)
    for (wrapped,) in rows(path, f"SELECT wrapped FROM data_keys WHERE subject = '{pseudonym}'"):  # noqa: S608
        found += [wrapped, wrapped[:20], wrapped[-20:]]
    private = f"""SELECT p.nonce, p.sealed FROM private AS p JOIN attempts AS a
     ON p.seq = coalesce(a.opened_seq, a.closed_seq) WHERE a.user = '{pseudonym}'"""  # noqa: S608
    for nonce, sealed in rows(path, private):
        found += [nonce, sealed, *(sealed[at : at + 24] for at in range(0, len(sealed) - 24, 24))]
    assert len(found) > 20
    return found


def test_an_entry_only_commits(filled: Log, path: Path) -> None:
    row = filled.attempt("01abc")
    private = filled.private("01abc")
    assert private is not None
    assert private.keys() == row.opened["commitments"].keys()
    assert private["user"] == row.user == filled.vault.keys.user("boris")
    assert filled.excerpt("01abc") == ("a garden in autumn 1" * 9)[:200]
    bodies = "".join(body for (body,) in rows(path, "SELECT body FROM entries"))
    for value in (private["user"], private["conversation"], private["prompt_hash"]):
        assert value not in bodies
    assert private["images"][0] not in bodies


def test_a_commitment_is_that_of_the_evidence(filled: Log, path: Path) -> None:
    """What the log computes quickly is what `guardrail.chain` says."""
    ((data,),) = rows(path, "SELECT count(*) FROM private")
    assert data == 13
    commitments, sealed = filled.vault.seal({"user": "ab", "images": ["c", "d"]}, "s", "n")
    found = Opened.of(open_sealed(sealed))
    for name, value in found.values.items():
        assert Opening(name, value, found.salts[name]).opens(commitments[name])


def test_one_key_serves_a_subject_for_the_day(filled: Log, path: Path) -> None:
    subjects = [subject for (subject,) in rows(path, "SELECT subject FROM data_keys")]
    pseudonyms = [filled.vault.keys.user(user) for user in USERS]
    assert sorted(subjects) == sorted([*pseudonyms, "12abc"])


def test_after_shredding_nothing_is_left_and_everything_holds(
    filled: Log, url: str, path: Path
) -> None:
    gone = secrets_of(path, filled, "anna")
    kept = secrets_of(path, filled, "boris")
    before = held(path)
    assert all(needle in before for needle in gone[4:])
    assert preview(filled, Target("subject", "anna")) == 4
    done = shred(filled, BY, Target("subject", "anna"), "request 7")
    assert (done.attempts, done.entries, done.older, done.problem) == (4, 4, 0, "")
    after = held(path)
    assert [needle for needle in gone if needle in after] == []
    assert all(needle in after for needle in kept if len(needle) > 32)
    assert not [*filled.attempts(AttemptFilter(user="anna"))]
    assert len([*filled.attempts(AttemptFilter(user="boris"))]) == 4
    row = filled.attempt("00abc")
    assert (row.user, row.conversation, row.reason) == ("", "", "real_person_sexual")
    assert (filled.private("00abc"), filled.excerpt("00abc")) == (None, None)
    filled.shutdown()
    count = verified(url).private
    assert count is not None
    assert (count.opened, count.erased, count.erasing) == (9, 4, 1)


def test_the_entry_says_that_it_was_done_and_not_of_whom(filled: Log, path: Path) -> None:
    pseudonym = filled.vault.keys.user("anna")
    done = shred(filled, BY, Target("subject", "anna"), "request 7")
    (entry,) = filled.entries(["shred"])
    body = json.loads(entry.body)
    assert (body["why"], body["by"]["name"], body["attempts"]) == ("request 7", "auditor", 4)
    assert pseudonym not in entry.body
    assert done.opening is not None
    assert done.opening.value == [pseudonym]
    assert done.opening.opens(body["subject"])
    assert done.opening.salt not in held(path)


def test_one_attempt_of_many(filled: Log, url: str, path: Path) -> None:
    assert shred(filled, BY, Target("attempt", "00a"), "sent by mistake").problem == ""
    assert filled.excerpt("00abc") is None
    assert filled.excerpt("03abc") is not None
    assert len([*filled.attempts(AttemptFilter(user="anna"))]) == 3
    shred(filled, BY, Target("attempt", "12abc"), "of nobody")
    assert rows(path, "SELECT count(*) FROM data_keys WHERE subject = '12abc'") == [(0,)]
    verified(url)


def test_by_pseudonym(filled: Log, url: str) -> None:
    shred(filled, BY, Target("pseudonym", filled.vault.keys.user("chie")), "why")
    assert not [*filled.attempts(AttemptFilter(user="chie"))]
    verified(url)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (Target("subject", "nobody"), "keeps nothing"),
        (Target("subject", ""), "no subject"),
        (Target("pseudonym", "anna"), "32 hexadecimal"),
        (Target("attempt", "zzz"), "no attempt in the log"),
    ],
)
def test_what_cannot_be_shredded(filled: Log, target: Target, told: str) -> None:
    with pytest.raises(InputError, match=told):
        shred(filled, BY, target, "why")
    with pytest.raises(InputError, match="say why"):
        shred(filled, BY, Target("subject", "anna"), " ")
    assert not [*filled.entries(["shred"])]


def test_shredding_twice_says_so(filled: Log) -> None:
    shred(filled, BY, Target("subject", "anna"), "why")
    with pytest.raises(InputError, match="erased before"):
        shred(filled, BY, Target("subject", "anna"), "why")


@pytest.mark.parametrize(
    "scope",
    [
        Scope(user="anna"),
        Scope(attempt="03abc"),
        Scope(rule="real-person"),
        Scope(jurisdiction="JP"),
        Scope(since=0),
        Scope(jurisdiction="JP", user="anna", rule="real-person"),
        Scope(),
    ],
)
def test_a_hold_stops_shredding_until_it_is_released(filled: Log, url: str, scope: Scope) -> None:
    add_hold(filled, BY, "CASE-7", "letter", scope)
    for target in (Target("subject", "anna"), Target("attempt", "03abc")):
        with pytest.raises(InputError, match=r"'CASE-7'.*letter"):
            shred(filled, BY, target, "why")
    assert filled.excerpt("03abc") is not None
    release_hold(filled, BY, "CASE-7", "closed")
    shred(filled, BY, Target("subject", "anna"), "why")
    verified(url)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(user="boris"),
        Scope(attempt="01abc"),
        Scope(rule="other"),
        Scope(jurisdiction="J"),
        Scope(until=5),
        Scope(jurisdiction="US", user="anna"),
    ],
)
def test_a_hold_of_something_else_does_not(filled: Log, scope: Scope) -> None:
    add_hold(filled, BY, "CASE-7", "letter", scope)
    shred(filled, BY, Target("subject", "anna"), "why")


def test_holds_are_entries(filled: Log, url: str, path: Path) -> None:
    seq = add_hold(filled, BY, "CASE-7", "letter", Scope(user="anna", since=5))
    with pytest.raises(InputError, match="already"):
        add_hold(filled, BY, "CASE-7", "again", Scope())
    with filled.reading() as session:
        (hold,) = read_holds(session, filled.vault)
    assert (hold.seq, hold.reference, hold.why, hold.by["name"]) == (
        seq,
        "CASE-7",
        "letter",
        "auditor",
    )
    assert hold.subjects == frozenset({filled.vault.keys.user("anna")})
    assert b'"anna"' not in held(path)
    with pytest.raises(InputError, match="in force: 'CASE-7'"):
        release_hold(filled, BY, "CASE-8", "why")
    release_hold(filled, BY, "CASE-7", "closed")
    with filled.reading() as session:
        assert read_holds(session, filled.vault) == []
    states = [json.loads(entry.body)["state"] for entry in filled.entries(["hold"])]
    assert states == ["added", "released"]
    verified(url)


def test_whom_a_hold_or_an_access_named_goes_too(filled: Log, url: str, path: Path) -> None:
    add_hold(filled, BY, "CASE-7", "letter", Scope(user="anna"))
    release_hold(filled, BY, "CASE-7", "closed")
    access(filled, os_identity(), {"command": "list"}, "why", user="anna")
    done = shred(filled, BY, Target("subject", "anna"), "why")
    assert (done.attempts, done.entries) == (4, 6)
    assert filled.vault.keys.user("anna").encode() not in held(path)
    access(filled, os_identity(), {"command": "list"}, "why", user="anna")  # brings nothing back
    assert filled.vault.keys.user("anna").encode() not in held(path)
    verified(url)


def test_a_writer_that_runs_takes_no_shredded_key(filled: Log, url: str, path: Path) -> None:
    """The key that another process shredded is in this one's memory still."""
    with open_tool(url) as tool:
        shred(tool, BY, Target("subject", "anna"), "why")
    ((old,),) = rows(path, "SELECT count(*) FROM data_keys")
    entry = opened(REFUSE, asked=request("a new garden", user="anna"), id="new")
    filled.open(entry)
    assert filled.excerpt("new") == "a new garden"
    assert rows(path, "SELECT count(*) FROM data_keys") == [(old + 1,)]
    with open_log(url, readonly=True) as reader:
        assert reader.excerpt("new") == "a new garden"
    shred(filled, BY, Target("subject", "anna"), "again")
    verified(url)


def test_writers_go_on_while_subjects_are_shredded(url: str, path: Path) -> None:
    stop = threading.Event()
    problems: list[Exception] = []

    def write(log: Log) -> None:
        number = 0
        while not stop.is_set() and number < 2000:
            number += 1
            try:
                log.open(opened(REFUSE, asked=request(user=f"u{number % 4}")))
            except Exception as error:  # noqa: BLE001 (told below)
                problems.append(error)
                return

    with open_log(url_of(path, "excerpt=20")) as one, open_log(url) as two:
        threads = [threading.Thread(target=write, args=(log,)) for log in (one, two)]
        for thread in threads:
            thread.start()
        erased = 0
        with open_tool(url) as tool:
            for number in range(12):
                try:
                    done = shred(tool, BY, Target("subject", f"u{number % 4}"), "why")
                    erased += done.attempts
                    assert done.problem == ""
                except InputError:  # nothing yet, or more comes in than can be kept up with
                    continue
        stop.set()
        for thread in threads:
            thread.join()
    assert problems == []
    found = verified(url).private
    assert found is not None
    assert found.erased == erased
    assert found.opened == rows(path, "SELECT count(*) FROM attempts")[0][0] - erased


_TAMPER = "UPDATE private SET data_key = '', nonce = x'', sealed = x'', erased = {} WHERE seq = 3"


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("DELETE FROM private WHERE seq = 3", "entry 3: what it commits to is gone"),
        ("DELETE FROM data_keys", "entry 3: what it commits to is gone"),
        ("UPDATE private SET sealed = zeroblob(length(sealed)) WHERE seq = 3", "do not open"),
        (_TAMPER.format(1), "marked as erased, and is not"),
        (_TAMPER.format(7), "which erases nothing"),
        (_TAMPER.format(31), "says that it erased 4 entries; 5 are marked so"),
        ("UPDATE attempts SET user = '' WHERE attempt = '01abc'", "index: entry 3"),
        ("UPDATE attempts SET user = 'x' WHERE attempt = '00abc'", "index: entry"),
        ("UPDATE data_keys SET wrapped = zeroblob(60)", "does not open with file/"),
        ("UPDATE data_keys SET wrapper = 'file/0'", "is not there"),
    ],
)
def test_erasing_without_an_entry_is_found(
    filled: Log, url: str, path: Path, sql: str, told: str
) -> None:
    assert rows(path, "SELECT event FROM entries WHERE seq = 3") == [("opened",)]
    done = shred(filled, BY, Target("subject", "anna"), "why")
    filled.shutdown()
    verified(url)
    tamper(path, sql.replace("31", str(done.seq)))
    assert any(told in fault for fault in faults(url)), faults(url)


def test_swapped_private_data_are_found(filled: Log, url: str, path: Path) -> None:
    filled.shutdown()
    seqs = [seq for (seq,) in rows(path, "SELECT seq FROM private ORDER BY seq LIMIT 2")]
    tamper(
        path,
        f"UPDATE private SET seq = -1 WHERE seq = {seqs[0]}",  # noqa: S608
        f"UPDATE private SET seq = {seqs[0]} WHERE seq = {seqs[1]}",  # noqa: S608
        f"UPDATE private SET seq = {seqs[1]} WHERE seq = -1",  # noqa: S608
    )
    assert sum("do not open" in fault for fault in faults(url)) == 2


def test_without_keys_less_is_looked_at(filled: Log, url: str) -> None:
    filled.shutdown()
    key = filled.location.key
    key.rename(key.with_name("elsewhere"))
    found = verified(url).private
    assert found is not None
    assert (found.opened, found.unopened, found.problem) == (0, 13, "its key file is not here")


@pytest.mark.usefixtures("sqlite_only")
def test_entries_of_older_schemas_keep_their_pseudonym(url: str, path: Path) -> None:
    schema1(path, 6)
    with open_log(url) as log:
        done = shred(log, BY, Target("subject", "u1"), "why")
        assert (done.attempts, done.older, done.problem) == (6, 6, "")
        assert [row.user for row in log.attempts()] == [""] * 6
        assert [log.excerpt(row.id) for row in log.attempts()] == [None] * 6
    found = verified(url).private
    assert found is not None
    assert (found.opened, found.erased) == (0, 6)


@pytest.mark.usefixtures("sqlite_only")
def test_a_tool_makes_no_log_and_brings_none_up(url: str, path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no attempt log"):
        open_tool(url)
    assert not path.exists()
    schema1(path, 2)
    with pytest.raises(ConfigurationError, match="guardrail log upgrade"):
        open_tool(url)


def test_a_killed_shredding_is_done_or_was_not_begun(filled: Log, url: str) -> None:
    code = """
import os, sys
from guardrail.log import open_tool
from guardrail.log.access import os_identity
from guardrail.log.shredding import Target, shred
from guardrail.log.postgres.store import PostgresStore
from guardrail.log.sqlite.store import SqliteStore

PostgresStore.fold = SqliteStore.fold = lambda *_: os._exit(9)
shred(open_tool(sys.argv[1]), os_identity(), Target("subject", "anna"), "why")
"""
    process = python(code, url)
    process.communicate()
    assert process.returncode == 9
    verified(url)
    assert filled.private("00abc") is None
    filled.scrub()
    assert filled.vault.keys.user("anna").encode() not in held(filled.location.path)


_texts = st.text(st.characters(codec="utf-8"), max_size=30)
_values = st.dictionaries(
    st.text("abcdef_", min_size=1), _texts | st.lists(_texts, max_size=3), max_size=5
)


@given(_values, st.text(max_size=9), st.text(max_size=9))
def test_what_is_sealed_opens(values: dict[str, Any], subject: str, name: str) -> None:
    ring = ring_of(bytes(32))
    vault = Vault(Location(Path("/none")), ring, lambda: ring)
    commitments, sealed = vault.seal(values, subject, name)
    found = Opened.of(open_sealed(sealed))
    assert found.values == values
    assert found.unlike(commitments) == []
    assert found.unlike({**commitments, "x": "0"}) == ["x"]
    vault.moved(7, ring.current.id)
    again = vault.renewed(sealed)
    assert again.key.id != sealed.key.id
    assert open_sealed(again) == open_sealed(sealed)
