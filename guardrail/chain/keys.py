"""Keys that sign notes, and the strings they are handed round as. Source: C2SP signed-note."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256

from guardrail.chain import signatures
from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.cosignature import (
    TIME_SIZE,
    ed25519_message,
    ml_dsa_message,
    read_time,
    write_time,
)
from guardrail.chain.errors import Malformed, SignatureRejected
from guardrail.chain.plain import is_name, read_base64, write_base64

ID_SIZE = 4
SEED_SIZE = 32
_PRIVATE = "PRIVATE+KEY+"


class Algorithm(IntEnum):
    """Signature types of C2SP signed-note and tlog-cosignature, by their identifier byte."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06

    @property
    def scheme(self) -> signatures.Scheme:
        """What computes it."""
        return "ml-dsa-44" if self is Algorithm.COSIGNATURE_ML_DSA_44 else "ed25519"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a note. key_id: 4 bytes; data: as the algorithm says, with any time."""

    name: str
    key_id: bytes
    data: bytes

    def __post_init__(self) -> None:
        if not is_name(self.name) or len(self.key_id) != ID_SIZE or not self.data:
            raise Malformed("signature", "needs a key name, a key id of 4 bytes and its value")

    @property
    def line(self) -> str:
        """`— <name> <base64>` and a newline. Source: C2SP signed-note, "Signatures"."""
        return f"\u2014 {self.name} {write_base64(self.key_id + self.data)}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under a name. public: 32 bytes, or 1312 for ML-DSA-44.

    Source: C2SP signed-note, "Verifier keys". Raises Malformed.
    """

    name: str
    algorithm: Algorithm
    public: bytes = field(repr=False)
    id: bytes = field(init=False)

    def __post_init__(self) -> None:
        if not is_name(self.name):
            raise Malformed("verifier key", "the name is empty or has a space or a plus")
        size = signatures.PUBLIC_SIZES[self.algorithm.scheme]
        if len(self.public) != size:
            raise Malformed("verifier key", f"{len(self.public)} bytes, not {size}")
        told = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public
        object.__setattr__(self, "id", sha256(told).digest()[:ID_SIZE])

    def __str__(self) -> str:
        """`name+hash+base64`, to give to whoever verifies. Source: C2SP signed-note."""
        return _write(self.name, self.id, self.algorithm, self.public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `name+hash+base64`; raises Malformed. Source: C2SP signed-note."""
        name, key_id, algorithm, public = _read(text, "verifier key")
        key = cls(name, algorithm, public)
        if key.id.hex() != key_id:
            raise Malformed("verifier key", f"key id {key_id} is not that of the key")
        return key

    def signed(self, signature: Signature) -> bool:
        """Whether `signature` claims to be this key's: same name and id. C2SP signed-note."""
        return signature.name == self.name and signature.key_id == self.id

    def verify(self, text: str, signature: Signature) -> int | None:
        """Check `signature` over the note text `text`: seconds since the epoch, if it tells a time.

        Sources: C2SP signed-note, tlog-cosignature. Raises SignatureRejected; Malformed where
        ML-DSA-44 is asked about a text that is no checkpoint; EvidenceUnavailable.
        """
        if not self.signed(signature):
            raise SignatureRejected(f"a signature of {signature.name!r} is not of {self.name!r}")
        at, value = self._parts(signature.data)
        message = _message(self.name, self.algorithm, at, text)
        if not signatures.verify(self.algorithm.scheme, self.public, value, message):
            raise SignatureRejected(f"the signature of {self.name!r} ({self.id.hex()}) is wrong")
        return at

    def _parts(self, data: bytes) -> tuple[int | None, bytes]:
        if self.algorithm is Algorithm.ED25519:
            return None, data
        try:
            return read_time(data), data[TIME_SIZE:]
        except Malformed as error:
            raise SignatureRejected(f"the cosignature of {self.name!r}: {error.problem}") from None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key under a name. seed: 32 secret bytes (RFC 8032, FIPS 204); never shown.

    Raises Malformed, and EvidenceUnavailable where the algorithm is not installed.
    """

    name: str
    algorithm: Algorithm
    seed: bytes = field(repr=False)
    verifier: VerifierKey = field(init=False)

    def __post_init__(self) -> None:
        if len(self.seed) != SEED_SIZE:
            raise Malformed("signing key", f"a seed of {len(self.seed)} bytes, not {SEED_SIZE}")
        public = signatures.public_of(self.algorithm.scheme, self.seed)
        object.__setattr__(self, "verifier", VerifierKey(self.name, self.algorithm, public))

    @property
    def timed(self) -> bool:
        """Whether its signatures tell a time. Source: C2SP tlog-cosignature."""
        return self.algorithm is not Algorithm.ED25519

    @property
    def secret(self) -> str:
        """`PRIVATE+KEY+name+hash+base64`, the form of golang.org/x/mod/sumdb/note: keep it safe."""
        return _PRIVATE + _write(self.name, self.verifier.id, self.algorithm, self.seed)

    @classmethod
    def parse(cls, secret: str) -> SigningKey:
        """Read `secret`; raises Malformed, which never quotes it. golang.org/x/mod/sumdb/note."""
        if not secret.startswith(_PRIVATE):
            raise Malformed("signing key", f"does not begin with {_PRIVATE}")
        name, key_id, algorithm, seed = _read(secret.removeprefix(_PRIVATE), "signing key")
        key = cls(name, algorithm, seed)
        if key.verifier.id.hex() != key_id:
            raise Malformed("signing key", f"key id {key_id} is not that of the key")
        return key

    def sign(self, text: str, at: int | None = None) -> Signature:
        """Sign the note text `text`. at: seconds since the epoch, for cosignatures only.

        Sources: C2SP signed-note, tlog-cosignature. Raises Malformed where a cosignature is asked
        for without a time, or over a text that is no checkpoint.
        """
        if self.timed != (at is not None):
            raise Malformed("signature", "cosignatures tell a time, plain signatures do not")
        if self.timed:
            Checkpoint.parse(text)
        message = _message(self.name, self.algorithm, at, text)
        value = signatures.sign(self.algorithm.scheme, self.seed, message)
        data = value if at is None else write_time(at) + value
        return Signature(self.name, self.verifier.id, data)


def _message(name: str, algorithm: Algorithm, at: int | None, text: str) -> bytes:
    if at is None:
        return text.encode()
    if algorithm is Algorithm.COSIGNATURE_ED25519:
        return ed25519_message(at, text)
    return ml_dsa_message(name, at, Checkpoint.parse(text))


def _write(name: str, key_id: bytes, algorithm: Algorithm, key: bytes) -> str:
    return f"{name}+{key_id.hex()}+{write_base64(bytes([algorithm]) + key)}"


def _read(text: str, what: str) -> tuple[str, str, Algorithm, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = read_base64(encoded, what)
    try:
        algorithm = Algorithm(data[0])
    except (IndexError, ValueError):
        known = ", ".join(f"{kind.value:02x}" for kind in Algorithm)
        raise Malformed(what, f"not name+hash+base64 of a known algorithm ({known})") from None
    return name, key_id, algorithm, data[1:]
