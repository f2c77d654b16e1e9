"""Two versions of Guardrail on one log: the older one is refused, and nothing is damaged."""

from __future__ import annotations

from guardrail.log import open_log
from tests.faults.conftest import Place, Tell
from tests.faults.figures import Figures
from tests.faults.judge import entries, guardrail, verified
from tests.faults.test_refusal import refuses
from tests.log.support import REFUSE, opened, python, rows
from tests.log.test_migrate import schema1

OLDER = """
import apsw, fcntl, os, sys
connection = apsw.Connection(sys.argv[1])
lock = os.open(sys.argv[1] + ".lock", os.O_RDWR | os.O_CREAT)
columns = ("at, operation, jurisdiction, tier, policy, user, conversation, stage, action, rule,"
           " reason")

def write(name):
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        connection.execute("BEGIN IMMEDIATE")
        seq = connection.execute("SELECT max(seq) + 1 FROM entries").get
        model = "SELECT attempt, at, body FROM entries WHERE event = 'opened' LIMIT 1"
        old, at, body = connection.execute(model).fetchone()
        row = (seq, name, "opened", at, body.replace(old, name))
        connection.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
        connection.execute(f"INSERT INTO attempts SELECT ?, ?, NULL, {columns}, '' FROM attempts"
                           " WHERE attempt = ?", (name, seq, old))
        connection.execute("COMMIT")
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)

number = 0
try:
    while True:
        number += 1
        write(f"older.{number}")
        print(f"older.{number}", flush=True)
except apsw.SQLError as error:
    print("refused:", error)
"""
"""Writes as the version of schema 1 did: under the lock, one transaction an entry."""


def test_a_log_is_brought_to_its_new_schema_while_an_older_version_writes(
    place: Place, tell: Tell
) -> None:
    schema1(place.path, 30)
    older = python(OLDER, str(place.path))
    assert older.stdout is not None
    lines = [older.stdout.readline() for _ in range(20)]
    with open_log(place.url) as log:
        log.open(opened(REFUSE))
        rest, errors = older.communicate(timeout=60)
    assert errors == ""
    *acknowledged, last = [line.strip() for line in [*lines, *rest.splitlines()]]
    assert last.startswith("refused: ")
    assert "column" in last
    names = [line["entry"].get("id") for line in entries(place.url) if line["event"] == "opened"]
    lost = sum(name not in names for name in acknowledged)
    figures = Figures(1, len(acknowledged), lost, len(names) - len(set(names)))
    assert tell("an older version that writes", figures).whole
    assert verified(place.url)["ok"]


def test_a_log_that_got_a_newer_schema_while_in_use(place: Place) -> None:
    with open_log(place.url) as log:
        log.open(opened(REFUSE))
        before = rows(place.path, "SELECT count(*) FROM entries")
        rows(place.path, "UPDATE meta SET value = '9' WHERE key = 'schema'")
        assert "schema 9, newer than this Guardrail reads" in refuses(log)
        assert rows(place.path, "SELECT count(*) FROM entries") == before
        status, output = guardrail("doctor", "--log", place.url)
        assert status == 1
        assert "newer than this" in " ".join(output.split())
    assert rows(place.path, "SELECT count(*) FROM entries") == before
    assert rows(place.path, "SELECT sum(opened) FROM counts WHERE opened > 1") == [(None,)]
