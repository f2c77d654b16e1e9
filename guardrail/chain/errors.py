"""What the evidence parts raise on purpose; hostile input raises nothing else.

EvidenceError
├── Malformed           bytes that are not what they claim to be
├── ProofRejected       a Merkle proof that does not prove it
├── SignatureRejected   no valid signature of a trusted key, or a wrong one
├── SigningRefused      a checkpoint that would take back an earlier one
└── EvidenceUnavailable something has to be installed, or a stored hash is missing
"""

from __future__ import annotations

from guardrail.errors import GuardrailError


class EvidenceError(GuardrailError):
    """Base of every error of `guardrail.chain`."""


class Malformed(EvidenceError):
    """`what` cannot be read: `line` counts from 1 in its text, 0 where there are no lines."""

    def __init__(self, what: str, problem: str, line: int = 0) -> None:
        super().__init__(f"{what}{f', line {line}' if line else ''}: {problem}")
        self.what = what
        self.problem = problem
        self.line = line

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.problem, self.line)


class ProofRejected(EvidenceError):
    """A Merkle proof that does not lead where it should; the message says what it led to."""


class SignatureRejected(EvidenceError):
    """A note that no trusted key signed, or that carries a wrong signature of one."""


class SigningRefused(EvidenceError):
    """A checkpoint smaller than, or inconsistent with, one that was signed before."""


class EvidenceUnavailable(EvidenceError):
    """A library or a stored hash that is needed is not there; the message says which."""
