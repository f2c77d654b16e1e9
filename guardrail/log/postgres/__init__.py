"""The attempt log in PostgreSQL, for many machines."""

from __future__ import annotations

from importlib import import_module

from guardrail.errors import ConfigurationError

try:
    import_module("psycopg")
except ImportError:
    raise ConfigurationError(
        "an attempt log in PostgreSQL needs psycopg; run: "
        "pip install 'likeness-guardrail[postgres]'"
    ) from None
