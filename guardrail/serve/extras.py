"""What the extras bring in, imported late."""

from __future__ import annotations

import importlib
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
