"""What a log signed last, and proofs that it only grew; reading only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.chain.errors import EvidenceError
from guardrail.chain.tree import consistency_proof, root
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError, LogUnavailable
from guardrail.log.opening import open_for_reading
from guardrail.log.tree import StoredHashes
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from guardrail.chain.checkpoint import Checkpoint
    from guardrail.log.location import Location
    from guardrail.log.session import Store

_LAST = "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1"


@dataclass(frozen=True, slots=True)
class Signed:
    """The newest checkpoint. note: as the log signed it; tree: what it says."""

    note: bytes
    tree: Checkpoint


@dataclass(slots=True)
class SignedLog:
    """A log that is read while others write. Threads may share it. trust: its own key."""

    location: Location
    trust: Trust = field(init=False)
    _store: Store = field(init=False)

    def __post_init__(self) -> None:
        self._store = open_for_reading(self.location)
        key = log_key(self._store)
        self.trust = Trust(key.name, (key,))

    def newest(self) -> Signed:
        """Raises LogUnavailable when nothing is signed yet, ConfigurationError when it is bad."""
        with self._store.reading() as session:
            note: bytes | None = session.value(_LAST)
        if note is None:
            raise LogUnavailable(f"nothing is signed yet in the attempt log {self.location.name}")
        try:
            return Signed(note, self.trust.open(note).checkpoint)
        except EvidenceError as error:
            raise self._damaged(error) from None

    def prove(self, old: int, new: int) -> tuple[bytes, ...]:
        """A consistency proof; raises ConfigurationError when the hashes for it are not there."""
        with self._store.reading() as session:
            try:
                return tuple(consistency_proof(StoredHashes(session), old, new))
            except EvidenceError as error:
                raise self._damaged(error) from None

    def root(self, size: int) -> bytes:
        """The root of the first `size` entries; raises ConfigurationError likewise."""
        with self._store.reading() as session:
            try:
                return root(StoredHashes(session), size)
            except EvidenceError as error:
                raise self._damaged(error) from None

    def close(self) -> None:
        """Let go of the database."""
        with self._store.lock:
            self._store.close()

    def _damaged(self, error: EvidenceError) -> ConfigurationError:
        return ConfigurationError(
            f"the attempt log {self.location.name} cannot prove what it signed ({error}); "
            "`guardrail log verify` says what is wrong"
        )
