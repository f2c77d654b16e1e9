"""Counting and finding attempts: SQLite by itself, the log's columns, and sealed months.

python benchmarks/archive.py [--attempts 10000000] [--folder DIR | --keep DIR]

Attempts are generated over the last 92 days into a log of the real schema, each with one entry
whose hash is in the tree, its caller's pseudonym inside as entries had it before schema 3 (later
ones are found in the log alone); complete months are then archived. Of what is timed, the median
of five runs is told, by the clock and of the processor, each with a connection of its own.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from guardrail.chain.entry import entry_leaf
from guardrail.chain.frontier import Frontier
from guardrail.log import AttemptFilter, Location, Stats, locate, open_log
from guardrail.log.archive import Source, write_archive
from guardrail.log.archive.cache import Cache
from guardrail.log.archive.columns import columns
from guardrail.log.archive.count import aggregate
from guardrail.log.archive.find import opened_archive
from guardrail.log.archive.folder import ATTEMPTS, COUNTS, ENTRIES, LEAVES, Folder
from guardrail.log.archive.stats import count_columns
from guardrail.log.keyring import Keyring, load_keys
from guardrail.log.times import HOUR, iso
from guardrail.records import Action, AttemptOpened, Decision, Facts, Operation, PolicyRef, Request

DAY = 24 * HOUR
DAYS, SPAN = 90, 92
PAGE = 20_000
HEAD = f"{'ms':>10}{'cpu ms':>10}{'of SQLite':>11}{'of its cpu':>11}"
USERS, CALLER = 200_000, "u5000"
BY = ("day", "rule", "action", "jurisdiction")
PLACES = ["JP", "US-CA", "US-NY", "US-TX", "GB", "DE", "FR", "IT", "ES", "KR", "BR", "IN", ""]
RULES = [
    ("refuse", "real-person", "real_person_sexual", "refused"),
    ("refuse", "minor", "minor_sexual", "refused"),
    ("refuse", "undress", "undress", "refused"),
    ("refuse", "celebrity", "real_person_sexual", "refused"),
    ("gate", "adult-content", "adult", "gated"),
    ("gate", "age", "age", "gated"),
    ("gate", "unknown-place", "jurisdiction", "gated"),
    ("allow", "", "allowed", "released"),
]
POLICY = f"default@1:{'ab' * 8}"
BODY = (
    '{"at":"%s","decision":{"action":"%s","reason":"%s","rule":"%s","stage":"input"},'
    '"event":"closed","id":"%s","ms":2.5,"opened":{"at":"%s","conversation":"","decision":'
    '{"action":"allow","reason":"allowed","rule":"","stage":"input"},"event":"opened","id":"%s",'
    '"jurisdiction":{"code":"%s","confidence":1,"source":"billing"},"operation":"%s","policy":"%s",'
    '"tier":"%s","user":"%s"},"outcome":"%s","stage":"input"}'
)
AGGREGATE = """SELECT date(at / 1000000000, 'unixepoch'), rule, action, jurisdiction, count(*),
 sum(outcome = 'refused') FROM attempts WHERE at >= ? AND at < 4611686018427387904
 GROUP BY 1, 2, 3, 4"""


def generate(path: Path, keys: Keyring, attempts: int, end: int) -> None:
    """Fill a log's tables as its writer does, with larger transactions and no fsync."""
    connection = apsw.Connection(str(path))
    for pragma in ("synchronous=OFF", "foreign_keys=OFF", "cache_size=-400000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("DROP INDEX attempts_at; DROP INDEX attempts_user")
    tree = Frontier.decode(connection.execute("SELECT state FROM frontier").get)
    chance = random.Random(7)  # noqa: S311
    counts = Counter[tuple[object, ...]]()
    users = [keys.current.user(f"u{n}") for n in range(USERS)]
    for start in range(0, attempts, PAGE):
        times = range(start, min(start + PAGE, attempts))
        rows = list(
            page(chance, users, [end - SPAN * DAY + SPAN * DAY * n // attempts for n in times])
        )
        leaves = [entry_leaf(body.encode()) for *_, body in rows]
        seq = tree.size
        tree, nodes = tree.grow(leaves)
        connection.execute("BEGIN")
        connection.executemany(
            "INSERT INTO entries VALUES (?, ?, 'closed', ?, ?, ?)",
            (
                (seq + n, row[0], row[1] + 1, leaf, row[-1])
                for n, (row, leaf) in enumerate(zip(rows, leaves, strict=True), 1)
            ),
        )
        connection.executemany(
            "INSERT INTO attempts VALUES (?, NULL, ?, ?, ?, ?, ?, ?, ?, '', 'input', ?, ?, ?, ?)",
            ((row[0], seq + n, *row[1:-1]) for n, row in enumerate(rows, 1)),
        )
        connection.executemany(
            "INSERT INTO nodes VALUES (?, ?, ?)", [(n.level, n.index, n.hash) for n in nodes]
        )
        connection.execute("UPDATE frontier SET state = ?", (tree.encode(),))
        connection.execute("COMMIT")
        counts.update((row[1] // HOUR, *row[2:6], row[10]) for row in rows)
    places = {"released": 0, "refused": 1, "gated": 2}
    sql = """INSERT INTO counts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0) ON CONFLICT DO UPDATE SET
     opened = opened + excluded.opened, released = released + excluded.released,
     refused = refused + excluded.refused, gated = gated + excluded.gated"""
    connection.execute("BEGIN")
    for (*bucket, outcome), many in counts.items():
        ends = [0, 0, 0]
        ends[places[str(outcome)]] = many
        connection.execute(sql, (*bucket, many, *ends))
    connection.execute("CREATE INDEX attempts_at ON attempts (at)")
    connection.execute("CREATE INDEX attempts_user ON attempts (user, at) WHERE user <> ''")
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def page(chance: random.Random, users: list[str], times: list[int]) -> Iterator[tuple[Any, ...]]:
    """Rows of `attempts` between their numbers, and the entry's body behind."""
    many = len(times)
    rules = chance.choices(RULES, (30, 4, 12, 9, 25, 8, 4, 8), k=many)
    places = chance.choices(PLACES, (40, 9, 5, 5, 9, 6, 5, 4, 4, 4, 4, 3, 2), k=many)
    callers = [users[int(len(users) * chance.random() ** 2)] for _ in times]
    kinds = chance.choices(["image.generate", "image.edit", "chat"], (6, 3, 1), k=many)
    for at, (action, rule, reason, outcome), place, user, kind in zip(
        times, rules, places, callers, kinds, strict=True
    ):
        attempt = f"{at // 1_000_000:012x}{chance.getrandbits(80):020x}"
        tier = "pro" if user < "4" else "free"
        fields = (kind, place, tier, POLICY, user)
        said = (iso(at + 1), action, reason, rule, attempt, iso(at), attempt, place, kind, POLICY)
        yield (
            attempt,
            at,
            *fields,
            action,
            rule,
            reason,
            outcome,
            BODY % (*said, tier, user, outcome),
        )


def sign(url: str) -> None:
    """One attempt through the log itself, whose end signs all that is there."""
    with open_log(url) as log:
        policy = PolicyRef("default", 1, "ab" * 32)
        decision = Decision(Action.REFUSE, "real-person", "real_person_sexual", policy)
        log.open(
            AttemptOpened(Request.of("a garden", Operation.IMAGE_GENERATE), decision, Facts(), ())
        )


class Took(NamedTuple):
    """Milliseconds, by the clock and of the processor, over all cores."""

    wall: float
    cpu: float


def timed(call: Callable[[], object], runs: int = 5) -> Took:
    """The median of some runs, each by itself."""
    times = []
    for _ in range(runs):
        start = time.perf_counter(), time.process_time()
        call()
        end = time.perf_counter(), time.process_time()
        times.append([(after - before) * 1e3 for before, after in zip(start, end, strict=True)])
    return Took(*map(statistics.median, zip(*times, strict=True)))


def once(call: Callable[[], object]) -> Took:
    return timed(call, 1)


def plain(path: Path, sql: str, values: tuple[object, ...]) -> list[tuple[object, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


class Log:
    """What is measured."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "attempts.db"
        self.url = f"sqlite:///{self.path}"
        self.location: Location = locate(self.url)
        self.archive = folder / "archive"
        os.environ["XDG_CACHE_HOME"] = str(folder / "cache")

    @property
    def cache(self) -> Cache:
        """Where its columns are kept."""
        source = Source(self.location)
        source.close()
        return Cache.of(source.origin)

    def count(self, archive: Path | None, since: int, *, live: bool = True) -> int:
        """The aggregate, as its number of groups."""
        source = Source(self.location) if live else None
        cache = None if source is None else Cache.of(source.origin)
        with columns(source, archive, cache) as found:
            groups = len(aggregate(found, BY, since=since))
        if source is not None:
            source.close()
        return groups

    def stats(self, since: int) -> Stats:
        """The same with all that `guardrail log stats` tells."""
        return count_columns(self.location, self.archive, since, by=BY)

    def of_user(self, user: str) -> int:
        """A caller's attempts with their entries, as their number."""
        with open_log(self.url, readonly=True) as log:
            return len(list(log.attempts(AttemptFilter(user=user))))

    def sealed_of_user(self, user: str, keys: Keyring) -> int:
        """The same of the archive, without their entries."""
        with opened_archive(self.archive) as sealed:
            return len(sealed.find(AttemptFilter(user=user), keys))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=10_000_000)
    parser.add_argument("--folder", help="where the log is made; needs 1.5 KB an attempt")
    parser.add_argument("--keep", metavar="DIR", help="make it here and leave it; if there, use it")
    options = parser.parse_args()
    folder = Path(options.keep or tempfile.mkdtemp(dir=options.folder)).absolute()
    try:
        log = Log(folder)
        if not log.path.exists():
            make(log, options.attempts)
        tell_sizes(log)
        finding(log)
        counting(log)
    finally:
        if not options.keep:
            shutil.rmtree(folder)


def make(log: Log, attempts: int) -> None:
    log.path.parent.mkdir(parents=True, exist_ok=True)
    open_log(log.url).shutdown()
    keys, end = load_keys(log.location.key), time.time_ns()
    tell("generated", once(lambda: generate(log.path, keys, attempts, end)), attempts)
    sign(log.url)
    took = once(lambda: list(write_archive(log.location, log.archive)))
    tell("archived", took, Folder(log.archive).manifests()[-1].segment.last)


def tell_sizes(log: Log) -> None:
    manifests = Folder(log.archive).manifests()
    sealed = manifests[-1].segment.last
    print(f"log {size(log.path):,.0f} MB, of which the archive holds {sealed:,} entries")
    for suffix in (ENTRIES, LEAVES, ATTEMPTS, COUNTS):
        files = [log.archive / f"{manifest.month}{suffix}" for manifest in manifests]
        print(f"archive {'*' + suffix:24}{sum(map(size, files)):>9,.0f} MB")


def counting(log: Log) -> None:
    since = time.time_ns() - DAYS * DAY
    base = timed(lambda: plain(log.path, AGGREGATE, (since,)))
    print(f"\n{'90 days by day, rule, action, jurisdiction':46}{HEAD}")
    show("SQLite by itself", base, base)
    show("archive alone", timed(lambda: log.count(log.archive, since, live=False)), base)
    show("log and archive, first time", once(lambda: log.count(log.archive, since)), base)
    show("log and archive, cached", timed(lambda: log.count(log.archive, since)), base)
    show("log stats of both, callers counted too", timed(lambda: log.stats(since)), base)
    show("log, first time", once(lambda: log.count(None, since)), base)
    show("log, cached", timed(lambda: log.count(None, since)), base)
    print(f"cache {sum(map(size, log.cache.path.iterdir())):,.0f} MB")


def finding(log: Log) -> None:
    keys = load_keys(log.location.key)
    wanted, caller = AttemptFilter(user=CALLER), keys.current.user(CALLER)
    sql = "SELECT * FROM attempts WHERE user = ? AND user <> '' ORDER BY at DESC"
    base = timed(lambda: plain(log.path, sql, (caller,)))
    many = len(plain(log.path, sql, (caller,)))
    with opened_archive(log.archive) as sealed:
        found = sealed.find(wanted, keys)
        kept = timed(lambda: sealed.find(wanted, keys))
    title = f"one user: {many:,} attempts, {len(found):,} archived"
    print(f"\n{title:46}{HEAD}")
    show("SQLite by itself", base, base)
    show("log, entries included", timed(lambda: log.of_user(CALLER)), base)
    show("archive, opened for it", timed(lambda: log.sealed_of_user(CALLER, keys)), base)
    show("archive, open", kept, base)


def size(path: Path) -> float:
    """Megabytes."""
    return path.stat().st_size / 1e6


def tell(what: str, took: Took, rows: int) -> None:
    seconds = took.wall / 1e3
    print(f"{what} in {seconds:,.1f} s, {rows / seconds:,.0f} a second", flush=True)


def show(name: str, took: Took, base: Took) -> None:
    share = f"{took.wall / base.wall:>11.3f}{took.cpu / base.cpu:>11.3f}"
    print(f"{name:46}{took.wall:>10,.1f}{took.cpu:>10,.1f}{share}", flush=True)


if __name__ == "__main__":
    main()
