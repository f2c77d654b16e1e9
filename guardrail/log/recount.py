"""What a verification adds up from the entries: the tree above them, what workers counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.chain.entry import entry_leaf
from guardrail.chain.errors import EvidenceError, Malformed
from guardrail.chain.faults import Fault, FaultKind
from guardrail.chain.frontier import Frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from guardrail.chain.tree import HashReader


@dataclass(slots=True)
class Workers:
    """What processes wrote of themselves; the sums may lag a minute behind, and miss a killed one.

    started, stopped: processes; opened: attempts; closed: ends; kept: entries kept in full.
    """

    started: int = 0
    stopped: int = 0
    opened: int = 0
    closed: int = 0
    kept: int = 0

    def take(self, body: Mapping[str, Any]) -> None:
        """Add an entry, if it is one of a worker; raises what a strange body makes it."""
        if body.get("event") != "worker":
            return
        self.started += body["state"] == "started"
        self.stopped += body["state"] == "stopped"
        self.opened += body["opened"]
        self.closed += body["closed"]
        self.kept += body["kept"]


class TreeCheck:
    """Builds the tree from the entries, and compares it with the stored hashes above them."""

    def __init__(self, recorded: HashReader) -> None:
        self._recorded = recorded
        self.frontier = Frontier()
        self.faults: list[Fault] = []

    def add(self, seq: int, body: bytes) -> None:
        """The next entry; after a gap nothing more is compared."""
        if seq != self.frontier.size + 1:
            return
        try:
            leaf = entry_leaf(body)
        except Malformed:
            return
        self.frontier, nodes = self.frontier.grow((leaf,))
        for node in nodes:
            if list(self._hashes(node.level, node.index)) != [node.hash]:
                detail = f"hash {node.index} of tile level {node.level} is not that of its entries"
                self.faults.append(Fault(FaultKind.STORED_HASH, detail, seq, seq))

    def _hashes(self, level: int, index: int) -> Sequence[bytes]:
        try:
            return self._recorded.hashes(level, index, 1)
        except EvidenceError:
            return ()
