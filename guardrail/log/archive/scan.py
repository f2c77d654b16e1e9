"""One month's entries out of Parquet, looked at on the way to their tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.hashing import HASH_SIZE
from guardrail.chain.reading import Row
from guardrail.log.archive.duck import errors, first_line
from guardrail.log.archive.tables import STRANGE, AttemptTable, count_rows, differing_attempts
from guardrail.log.index import event_of
from guardrail.log.recount import Workers
from guardrail.log.times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from duckdb import DuckDBPyConnection

    from guardrail.log.archive.manifest import Manifest

PAGE = 2_000
_ROWS = """SELECT seq, attempt, event, "at", CAST(body AS BLOB) FROM read_parquet(?)"""


class Leaves:
    """The leaf hashes of a month as its file has them. See HashReader.

    after: how many entries the log has before them.
    """

    def __init__(self, path: Path, after: int) -> None:
        self._path = path
        self._after = after

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader; gives what is there, which may be less."""
        if level or start < self._after:
            return ()
        try:
            with self._path.open("rb") as file:
                file.seek((start - self._after) * HASH_SIZE)
                data = file.read(count * HASH_SIZE)
        except OSError:
            return ()
        whole = len(data) // HASH_SIZE * HASH_SIZE
        return [data[at : at + HASH_SIZE] for at in range(0, whole, HASH_SIZE)]


class Scan:
    """Reads the entries in the order of the file, and notes what no signature covers.

    workers: what processes wrote of themselves.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        path: Path,
        manifest: Manifest,
        watch: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._path = path
        self._older = manifest.segment.start.size + manifest.older
        self._listed = manifest.attempts
        self._watch = watch
        self._attempts = AttemptTable(connection)
        self.workers = Workers()
        self.faults: list[Fault] = []

    def rows(self) -> Iterator[Row]:
        """The entries; where the file cannot be read any further, that is a fault."""
        seq = None
        try:
            for page in self._pages():
                for seq, *fields in page:
                    yield self._row(seq, fields)
                self._attempts.flush()
                self._watch(seq or 0)
        except errors() as error:
            after = "" if seq is None else f" after entry {seq}"
            detail = f"{self._path.name} cannot be read{after} ({first_line(error)})"
            self.faults.append(Fault(FaultKind.UNREADABLE, detail))

    def held_against(self, attempts: Path) -> list[Fault]:
        """Compare the file of attempts with what the entries say."""
        try:
            ids = differing_attempts(self._connection, attempts)
            many = count_rows(self._connection, attempts)
        except errors() as error:
            detail = f"{attempts.name} cannot be read ({first_line(error)})"
            return [Fault(FaultKind.UNREADABLE, detail)]
        if not ids and many != self._listed:
            detail = f"{attempts.name} has {many} rows, not {self._listed}"
            return [Fault(FaultKind.INDEX, detail)]
        if not ids:
            return []
        detail = f"{attempts.name} is not what the entries say of {', '.join(ids)}"
        return [Fault(FaultKind.INDEX, detail)]

    def _pages(self) -> Iterator[list[tuple[Any, ...]]]:
        reading = self._connection.cursor()
        reading.execute(_ROWS, [str(self._path)])
        while page := reading.fetchmany(PAGE):
            yield page

    def _row(self, seq: Any, fields: Sequence[Any]) -> Row:
        attempt, event, at, body = fields
        data = body if isinstance(body, bytes) else b""
        self._look(seq, {"attempt": attempt, "event": event, "at": at}, data)
        older = type(seq) is int and seq <= self._older
        return Row(seq, data, older=older)

    def _look(self, seq: Any, stored: Mapping[str, Any], data: bytes) -> None:
        try:
            body = json.loads(data)
            self._attempts.take(seq, body)
            self.workers.take(body)
            event = event_of(body)
            own = body["id"] if event in {"opened", "closed"} else body.get("worker", "")
            said = {"attempt": own, "event": event, "at": body["at"]}
            kept = {**stored, "at": iso(stored["at"])}
            wrong = [name for name, value in said.items() if kept[name] != value]
        except STRANGE:
            wrong = ["body"]
        if wrong:
            detail = f"what it is found by is not what it says ({', '.join(wrong)})"
            number = seq if type(seq) is int else None
            self.faults.append(Fault(FaultKind.INDEX, detail, number, number))
