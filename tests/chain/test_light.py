"""What only hashes pulls in nothing that signs."""

from __future__ import annotations

import subprocess
import sys

import pytest


def loaded_by(module: str) -> set[str]:
    script = f"import {module}, sys; print(' '.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module", ["tree", "proofs", "tiles", "entry", "verify", "witness", "keys"]
)
def test_signatures_are_imported_when_one_is_made_or_checked(module: str) -> None:
    loaded = loaded_by(f"guardrail.chain.{module}")
    assert f"guardrail.chain.{module}" in loaded
    assert loaded.isdisjoint({"cryptography", "rfc3161_client", "apsw", "numpy", "pydantic"})
