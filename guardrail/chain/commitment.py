"""Fields that may have to be erased: the entry holds a salted digest, a side table the rest.

Shredding deletes value and salt. The entry and every proof stay as they were, and without the salt
not even a guessed value can be confirmed.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from guardrail.chain.entry import canonical
from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import keyed

if TYPE_CHECKING:
    from guardrail.chain.entry import Json

SALT_SIZE = 32
_LABEL = b"guardrail-commitment/1\n"


def commit(name: bytes, value: bytes, salt: bytes) -> str:
    """The commitment of a canonical (RFC 8785) `value`, 64 hex digits. Source: RFC 2104.

    name: of the field, one line of UTF-8; salt: 32 random bytes. `Opening` checks all three.
    """
    return keyed(salt, b"%b%b\n%b" % (_LABEL, name, value))


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a commitment: keep it apart from the entry, delete it to shred the field.

    name: of the field, one line; value: JSON; salt: 32 random bytes, new for every field of every
    entry. Raises Malformed.
    """

    name: str
    value: Json = field(repr=False)
    salt: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not self.name or "\n" in self.name:
            raise Malformed("commitment", "a field's name must be one line")
        if len(self.salt) != SALT_SIZE:
            raise Malformed("commitment", f"a salt of {len(self.salt)} bytes, not {SALT_SIZE}")

    @property
    def commitment(self) -> str:
        """HMAC-SHA256(salt, label || name || newline || RFC 8785 value), 64 hex digits.

        The salt has one length, as HMAC would otherwise take two keys for one. RFC 2104.
        """
        try:
            name = self.name.encode()
        except UnicodeEncodeError:
            raise Malformed("commitment", "a field's name must be Unicode") from None
        return commit(name, canonical(self.value), self.salt)

    def opens(self, commitment: str) -> bool:
        """Whether `commitment` was made of just this name, value and salt. Source: RFC 2104."""
        return hmac.compare_digest(
            self.commitment.encode(), commitment.encode("utf-8", "backslashreplace")
        )
