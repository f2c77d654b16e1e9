"""The log as an inquiry uses it: reading, its keys, and the entry that says who looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from guardrail.log import Log
from guardrail.log.access import access, os_identity
from guardrail.log.opening import open_for_reading
from guardrail.log.signing import load_signing_key
from guardrail.log.verify import log_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from guardrail.chain.keys import SigningKey, VerifierKey
    from guardrail.log.location import Location
    from guardrail.log.session import Session


class Source:
    """One log that an inquiry is answered from. Raises ConfigurationError, LogUnavailable."""

    def __init__(self, location: Location) -> None:
        self.location = location
        store = open_for_reading(location)
        self.key: VerifierKey = log_key(store)
        with store.lock:
            store.close()
        self._log = Log(location, readonly=True)

    def reading(self) -> AbstractContextManager[Session]:
        """One moment of the log."""
        return self._log.reading()

    def signing_key(self) -> SigningKey:
        """What signs the log, and so the pack; raises ConfigurationError when it is not there."""
        return load_signing_key(self.location.signing_key)

    def record_access(self, what: Mapping[str, Any], why: str) -> None:
        """Write into the log who looks at what, and why: durable and signed when this returns.

        what: the command, and what it is pointed at.
        """
        with Log(self.location, worker=False) as log:
            access(log, os_identity(), what, why)

    def excerpts(self, attempts: Sequence[str]) -> dict[str, str | None]:
        """The beginnings of prompts, decrypted; None where none is kept (any more)."""
        with Log(self.location, readonly=True) as log:
            return {attempt: log.excerpt(attempt) for attempt in attempts}

    def close(self) -> None:
        """Let go of the log."""
        self._log.shutdown()
