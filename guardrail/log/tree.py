"""The Merkle tree over the entries as the database keeps it: leaves, nodes, frontier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceUnavailable
from guardrail.chain.frontier import Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from guardrail.log.session import Session, WriteSession

_LEAVES = "SELECT leaf FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_NODES = "SELECT hash FROM nodes WHERE level = ? AND place >= ? ORDER BY place LIMIT ?"


class StoredHashes:
    """A HashReader over one session; what it gives is not trusted. Source: C2SP tlog-tiles."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hashes(self, level: int, start: int, count: int) -> Sequence[bytes]:
        """See HashReader."""
        query = (_NODES, (level, start, count)) if level else (_LEAVES, (start, count))
        return [found for (found,) in self._session.rows(*query)]


def read_frontier(session: Session) -> Frontier:
    """The tree's right edge; raises EvidenceError when it is damaged or not there."""
    state: bytes | None = session.value("SELECT state FROM frontier")
    if state is None:
        raise EvidenceUnavailable("the right edge of the tree is not stored")
    return Frontier.decode(state)


def append_leaves(session: WriteSession, frontier: Frontier, leaves: Iterable[bytes]) -> Frontier:
    """Store what the leaves add to the tree, in the transaction that stores their entries."""
    grown, nodes = frontier.grow(leaves)
    if nodes:
        session.insert("nodes", [(node.level, node.index, node.hash) for node in nodes])
    session.execute("UPDATE frontier SET state = ?", (grown.encode(),))
    return grown
