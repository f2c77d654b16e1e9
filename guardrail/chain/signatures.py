"""Ed25519 and ML-DSA-44 over bytes: the only place that needs `cryptography`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from guardrail.chain.errors import EvidenceUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

Scheme: TypeAlias = Literal["ed25519", "ml-dsa-44"]
PUBLIC_SIZES: dict[Scheme, int] = {"ed25519": 32, "ml-dsa-44": 1312}
_NEEDED = "ML-DSA-44 needs a `cryptography` that has it: pip install --upgrade 'cryptography>=50'"


def public_of(scheme: Scheme, seed: bytes) -> bytes:
    """The public key of a 32-byte seed. RFC 8032, FIPS 204. Raises EvidenceUnavailable."""
    return _private(scheme, seed).public_key().public_bytes_raw()


def sign(scheme: Scheme, seed: bytes, message: bytes) -> bytes:
    """Sign `message`. RFC 8032, FIPS 204 (pure, empty context). Raises EvidenceUnavailable."""
    return _private(scheme, seed).sign(message)


def verify(scheme: Scheme, public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is one of `message`. RFC 8032, FIPS 204. Raises EvidenceUnavailable."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        if scheme == "ed25519":
            from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        else:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

            MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    except (ImportError, UnsupportedAlgorithm):
        raise EvidenceUnavailable(_NEEDED) from None
    return True


def _private(scheme: Scheme, seed: bytes) -> Ed25519PrivateKey | MLDSA44PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm

    if scheme == "ed25519":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(seed)
    try:
        from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

        return MLDSA44PrivateKey.from_seed_bytes(seed)
    except (ImportError, UnsupportedAlgorithm):
        raise EvidenceUnavailable(_NEEDED) from None
