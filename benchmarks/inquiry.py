"""An inquiry pack over a large log: how long each step takes.

python benchmarks/inquiry.py [--attempts 10000000] [--kept 500000] [--folder DIR] [--keep]

Attempts are made up over the last 90 days of a quarter: `--kept` of them are kept in full, the
others counted. The log has its real schema, and every entry's hash is in the tree.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import apsw

from guardrail.audit.build import Order, build
from guardrail.audit.new import Wishes, write_inquiry
from guardrail.audit.source import Source
from guardrail.audit.template import find_template
from guardrail.log import locate, open_log
from guardrail.log.personal import store
from guardrail.log.record import bucket_of, record_closed
from guardrail.log.sqlite.session import SqliteSession
from guardrail.log.times import HOUR
from guardrail.log.tree import append_leaves, read_frontier
from guardrail.log.vault import Vault
from guardrail.records import (
    Action,
    AttemptClosed,
    AttemptOpened,
    Caller,
    Decision,
    Facts,
    Jurisdiction,
    Operation,
    Outcome,
    PolicyRef,
    Request,
    Scan,
    Severity,
    Sexual,
)
from guardrail.records.attempt import new_id

DAY = 24 * HOUR
DAYS = 90
START = 1_759_276_800_000_000_000  # 2025-10-01T00:00:00Z
PAGE = 20_000
POLICIES = [PolicyRef("default", version, digit * 64) for version, digit in ((1, "a"), (2, "b"))]
PLACES = ["JP", "JP", "JP", "US-CA", "US-NY", "GB", "DE", "FR", "KR", "IN", ""]
RULES = [
    (Action.REFUSE, "real-person", "real_person_sexual", Outcome.REFUSED),
    (Action.REFUSE, "minor-sexual", "minor_sexual", Outcome.REFUSED),
    (Action.GATE, "adult-content", "subscription_required", Outcome.GATED),
    (Action.ALLOW, "", "allowed", Outcome.RELEASED),
]
SCANS = tuple(
    Scan(name, "1", frozenset({"sexual"}), "ok", (), 0.05)
    for name in ("sexual.lexicon", "sexual.model", "persons.names", "minor.cues")
)


def ended(chance: random.Random, at: int) -> AttemptClosed:
    action, rule, reason, outcome = chance.choices(RULES, (5, 1, 3, 2))[0]
    caller = Caller(
        f"u{int(chance.paretovariate(0.8)) % 200_000}",
        chance.choice(["free", "adult"]),
        jurisdiction=Jurisdiction(chance.choice(PLACES)),
    )
    asked = Request.of("a garden in autumn", chance.choice([*Operation]), caller=caller)
    decision = Decision(action, rule, reason, POLICIES[at > START + 45 * DAY])
    facts = Facts(Sexual(Severity.NUDITY, 0.9))
    allowed = Decision(Action.ALLOW, "", "allowed", decision.policy)
    opened = AttemptOpened(asked, allowed, Facts(), SCANS, new_id(at), at)
    taken = int(chance.lognormvariate(14, 1))
    return AttemptClosed(opened, outcome, decision, facts, SCANS, at=at + taken)


def fill(path: Path, vault: Vault, attempts: int, kept: int) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("DROP INDEX attempts_at; DROP INDEX attempts_user")
    session = SqliteSession(connection)
    chance = random.Random(7)  # noqa: S311
    counts = Counter[tuple[object, ...]]()
    for start in range(0, kept, PAGE):
        numbers = range(start, min(start + PAGE, kept))
        made = [ended(chance, START + DAYS * DAY * number // kept) for number in numbers]
        records = [record_closed(one, bucket_of(one.opened), vault, 0) for one in made]
        session.begin()
        tree = read_frontier(session)
        placed = list(enumerate(records, tree.size + 1))
        session.insert("entries", [(seq, *record.entry) for seq, record in placed])
        session.insert("attempts", [record.row(None, seq) for seq, record in placed])
        store(session, [(seq, record.private) for seq, record in placed if record.private])
        append_leaves(session, tree, [record.leaf for record in records])
        session.commit()
        for one, record in zip(made, records, strict=True):
            counts[*record.bucket, one.outcome.value] += 1
    count(connection, counts, attempts - kept)
    connection.execute("CREATE INDEX attempts_at ON attempts (at)")
    connection.execute("""CREATE INDEX attempts_user ON attempts ("user", at) WHERE "user" <> ''""")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def count(connection: apsw.Connection, counts: Counter[tuple[object, ...]], plain: int) -> None:
    """The counts of what is kept, and of as many plain attempts, spread evenly."""
    names = [outcome.value for outcome in Outcome]
    buckets: dict[tuple[object, ...], list[int]] = {}
    for (*bucket, outcome), many in counts.items():
        buckets.setdefault(tuple(bucket), [0] * len(names))[names.index(str(outcome))] += many
    each, left = divmod(plain, len(buckets))
    connection.execute("BEGIN")
    for number, (bucket, ends) in enumerate(buckets.items()):
        ends[names.index("released")] += each + (number < left)
        row = (*bucket, sum(ends), *ends)
        connection.execute(f"INSERT INTO counts VALUES ({', '.join('?' * 11)})", row)  # noqa: S608
    connection.execute("COMMIT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=10_000_000)
    parser.add_argument("--kept", type=int, default=500_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--keep", action="store_true")
    given = parser.parse_args()
    if given.keep:
        run(Path(tempfile.mkdtemp(dir=given.folder)), given.attempts, given.kept)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        run(Path(name), given.attempts, given.kept)


def run(folder: Path, attempts: int, kept: int) -> None:
    url = f"sqlite:///{folder}/attempts.db"
    begun = time.perf_counter()
    with open_log(url) as log:
        fill(folder / "attempts.db", log.vault, attempts, kept)
    print(f"{attempts:,} attempts made up in {time.perf_counter() - begun:.0f} s, {kept:,} kept")
    with open_log(url) as log:  # signs
        log.record("hold", {"who": "benchmark"})
    path = folder / "inquiry.yaml"
    template = find_template("cabinet-office-jp", folder).model
    wishes = Wishes(received="2025-12-30", since="2025-10-01", until="2025-12-30")
    for places in (("JP",), ("JP", "US", "GB", "EU", "KR", "IN")):
        for old in folder.glob("inquiry*.*"):
            old.unlink()
        asked = replace(wishes, jurisdictions=places)
        write_inquiry(path, "cabinet-office-jp", template, asked)
        steps: list[tuple[str, float]] = []
        used = time.process_time()
        build(
            Order(path, folder / "out"),
            Source(locate(url)),
            lambda step, to=steps: to.append((step, time.perf_counter())),
        )
        steps.append(("", time.perf_counter()))
        used = time.process_time() - used
        whole = steps[-1][1] - steps[0][1]
        print(f"{', '.join(places)}: {whole:.2f} s, of which {used:.2f} s on a processor")
        for (step, at), (_, end) in pairwise(steps):
            print(f"  {end - at:6.2f} s  {step}")


if __name__ == "__main__":
    main()
