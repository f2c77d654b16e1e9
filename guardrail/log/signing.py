"""Signs the log as it stands, and holds it against what was signed before.

The last checkpoint is kept twice: in the database, and in a file beside it that restoring an old
database does not take back.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from typing import TYPE_CHECKING, NamedTuple

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.entry import entry_leaf
from guardrail.chain.errors import EvidenceError, Malformed
from guardrail.chain.hashing import EMPTY_ROOT
from guardrail.chain.keys import SEED_SIZE, Algorithm, SigningKey
from guardrail.chain.signing import sign_checkpoint
from guardrail.chain.tree import consistency_proof, root
from guardrail.chain.trust import Trust
from guardrail.errors import ConfigurationError
from guardrail.log.further import Further
from guardrail.log.keys import create_secret, read_secret
from guardrail.log.times import SECOND
from guardrail.log.tree import StoredHashes, read_frontier

if TYPE_CHECKING:
    from pathlib import Path

    from guardrail.chain.frontier import Frontier
    from guardrail.log.location import Location
    from guardrail.log.session import Session, WriteSession

MINUTE = 60 * SECOND
_LAST = "SELECT at, note FROM checkpoints ORDER BY size DESC LIMIT 1"
_TAIL = "SELECT seq, leaf, {body} FROM entries WHERE seq > ? ORDER BY seq"
_VERIFY = "`guardrail log verify` says where"


def create_signing_key(path: Path, origin: str) -> None:
    """Write a new Ed25519 key under the log's name, unless there is one; mode 0600."""
    key = SigningKey(origin, Algorithm.ED25519, secrets.token_bytes(SEED_SIZE))
    create_secret(path, f"{key.secret}\n")


def load_signing_key(path: Path) -> SigningKey:
    """Read the signing key; raises ConfigurationError when it is missing, exposed or damaged."""
    data = read_secret(path, "signing key", "without it nothing can be signed")
    try:
        return SigningKey.parse(data.decode("ascii", "replace").strip())
    except EvidenceError as error:
        raise ConfigurationError(
            f"the attempt log's signing key {path} is damaged ({error}); put it back from where "
            "it is kept"
        ) from None


class _Last(NamedTuple):
    """What was signed last. at: ns, 0: never; unpublished: its note, if it is not beside yet."""

    tree: Checkpoint
    at: int = 0
    unpublished: bytes = b""


class Signer:
    """Signs checkpoints of one log; every call needs the file lock between processes.

    unsigned: whether entries were found without a checkpoint when the log was opened.
    """

    def __init__(self, location: Location, key: SigningKey) -> None:
        self.key = key
        self._name = location.name
        self._file = location.checkpoint
        self._trust = Trust(key.name, (key.verifier,))
        self._further = Further(location)
        self.unsigned = False

    def begin(self) -> None:
        """Sign the empty log, before its database is made; one that held entries stays.

        Raises ConfigurationError when a file beside tells of a log that had entries.
        """
        if self._file.exists():
            held = self._held()
            if held.size:
                raise ConfigurationError(
                    f"{self._file} says that a log of {held.size} entries was here, and "
                    f"{self._name} is not there or older; put the database back, or move all "
                    f"files of this log away to start a new one"
                )
            return
        empty = Checkpoint(self.key.name, 0, EMPTY_ROOT)
        self._publish(sign_checkpoint(empty, [self.key], last=None, proof=(), at=0).encode())

    def check(self, session: Session) -> None:
        """Hold the log against the last checkpoint, and what came after it against its hashes.

        Raises ConfigurationError when entries that were signed are gone or changed.
        """
        self._further.keys(session)
        try:
            self._check(session, self._last(session).tree, read_frontier(session))
        except EvidenceError as error:
            raise self._refused(f"its hashes are damaged ({error})") from None

    def sign(self, session: WriteSession, at: int, *, not_within: int = 0) -> int:
        """Sign what is not signed yet, store it, then put it beside the database.

        at: now, ns since the epoch. not_within: of the last signature, ns: then nothing is done,
        and the ns to wait are returned; 0 once everything is signed.

        Raises EvidenceError (SigningRefused where the log took something back),
        ConfigurationError, StoreFailed, StoreBusy, OSError.
        """
        session.begin()
        try:
            note, wait = self._sign(session, at, not_within)
            session.commit()
        except BaseException:
            session.rollback()
            raise
        if note:
            self._publish(note)
        return wait

    def _sign(self, session: WriteSession, at: int, not_within: int) -> tuple[bytes, int]:
        """The note to put beside the database, if any, and the ns to wait."""
        found = self._last(session)
        last, signed_at = found.tree, found.at
        frontier = read_frontier(session)
        if frontier.size == last.size and frontier.root == last.root:
            return found.unpublished, 0
        if frontier.size > last.size and signed_at <= at < signed_at + not_within:
            return found.unpublished, signed_at + not_within - at
        head = Checkpoint(self.key.name, frontier.size, frontier.root)
        reader = StoredHashes(session)
        proof = consistency_proof(reader, last.size, head.size) if last.size <= head.size else ()
        keys = [self.key, *self._further.keys(session)]
        note = sign_checkpoint(head, keys, last=last, proof=proof, at=at // SECOND).encode()
        if signed_at // MINUTE == at // MINUTE:
            session.execute("DELETE FROM checkpoints WHERE size = ?", (last.size,))
        session.insert("checkpoints", [(head.size, at, note)])
        return note, 0

    def _check(self, session: Session, last: Checkpoint, frontier: Frontier) -> None:
        entries: int = session.value("SELECT coalesce(max(seq), 0) FROM entries")
        if entries < last.size:
            raise ConfigurationError(
                f"the attempt log {self._name} has {entries} entries, but {last.size} were signed "
                f"({self._file.name}): it was rolled back or cut; put its newest copy back, or "
                "move all its files away to start a new one"
            )
        if entries != frontier.size:
            raise self._refused(f"it has {entries} entries and hashes of {frontier.size}")
        reader = StoredHashes(session)
        if root(reader, last.size) != last.root:
            raise self._refused(f"its first {last.size} entries are not those that were signed")
        if root(reader, frontier.size) != frontier.root:
            raise self._refused("its hashes do not agree with each other")
        tail = session.rows(_TAIL.format(body=session.octets("body")), (last.size,))
        for seq, leaf, body in tail:
            if entry_leaf(body) != leaf:
                raise self._refused(f"entry {seq} is not the one that was written")
            self.unsigned = True

    def _refused(self, problem: str) -> ConfigurationError:
        return ConfigurationError(
            f"the attempt log {self._name} was changed: {problem} ({_VERIFY}); put its newest "
            "good copy back, or move all its files away to start a new one"
        )

    def _last(self, session: Session) -> _Last:
        """The newest of both: the file's where the database was taken back, else the database's."""
        held = self._held()
        row = session.row(_LAST)
        if row is None:
            return _Last(held)
        at, note = row
        stored = self._trust.open(note).checkpoint
        return _Last(stored, at, note) if stored.size > held.size else _Last(held, at)

    def _held(self) -> Checkpoint:
        """The checkpoint beside the database; raises ConfigurationError."""
        try:
            return self._trust.open(self._file.read_bytes()).checkpoint
        except OSError as error:
            cause = str(error.strerror)
        except EvidenceError as error:
            cause = error.problem if isinstance(error, Malformed) else str(error)
        raise ConfigurationError(
            f"the attempt log's last checkpoint {self._file} cannot be read ({cause}); put it "
            "back, or see guardrail log recover: without it a log that was rolled back cannot be "
            "told from a whole one"
        )

    def _publish(self, note: bytes) -> None:
        """Replace the file beside the database, durably and as a whole.

        The folder is locked, as nothing keeps an operator from removing the lock file.
        """
        draft = self._file.with_name(f"{self._file.name}.new")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        folder = os.open(draft.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                file.write(note)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._file)
            os.fsync(folder)
        finally:
            os.close(folder)
