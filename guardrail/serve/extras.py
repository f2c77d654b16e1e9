"""What the extras bring in, imported late."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import Any

from guardrail.errors import ConfigurationError


def module(name: str, extra: str) -> Any:
    """Import a module; ConfigurationError naming the extra where it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"this needs {name.partition('.')[0]} ({error}): "
            f"pip install 'likeness-guardrail[{extra}]'"
        ) from None


_GATEWAY = {
    "httptools": "httptools",
    "httpx": "httpx",
    "jwt": "pyjwt",
    "limits": "limits",
    "prometheus_client": "prometheus-client",
    "python_multipart": "python-multipart",
    "uvicorn": "uvicorn",
    "uvloop": "uvloop",
}
"""What a gateway imports, and the package it is from."""


def require_gateway() -> None:
    """Raise ConfigurationError naming all that a gateway needs and is not installed.

    Nothing is imported: prometheus_client reads the environment when it is.
    """
    missing = [package for name, package in _GATEWAY.items() if find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the gateway needs {', '.join(missing)}: pip install 'likeness-guardrail[serve]'"
        )
