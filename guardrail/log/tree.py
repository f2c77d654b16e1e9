"""The Merkle tree over the entries as the database keeps it: leaves, nodes, frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.chain.frontier import Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import apsw

_LEAVES = "SELECT leaf FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_NODES = "SELECT hash FROM nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?"


class StoredHashes:
    """A HashReader over one connection; what it gives is not trusted. Source: C2SP tlog-tiles."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader."""
        query = (_NODES, (level, start, count)) if level else (_LEAVES, (start, count))
        return [found for (found,) in self._connection.execute(*query)]


def read_frontier(connection: apsw.Connection) -> Frontier:
    """The tree's right edge; raises EvidenceError when it is damaged or not there."""
    state: bytes | None = connection.execute("SELECT state FROM frontier").get
    if state is None:
        raise EvidenceUnavailable("the right edge of the tree is not stored")
    return Frontier.decode(state)


def append_leaves(
    connection: apsw.Connection, frontier: Frontier, leaves: Iterable[bytes]
) -> Frontier:
    """Store what the leaves add to the tree, in the transaction that stores their entries."""
    grown, nodes = frontier.grow(leaves)
    if nodes:
        rows = [(node.level, node.index, node.hash) for node in nodes]
        connection.executemany("INSERT INTO nodes VALUES (?, ?, ?)", rows)
    connection.execute("UPDATE frontier SET state = ?", (grown.encode(),))
    return grown
