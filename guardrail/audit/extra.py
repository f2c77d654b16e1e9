"""What `pip install 'likeness-guardrail[inquiry]'` brings, asked for when it is needed."""

from __future__ import annotations

import importlib
from typing import Any

from guardrail.errors import ConfigurationError

PACKAGES = ("jinja2", "typst", "xlsxwriter")


def needed(module: str) -> Any:
    """A module of the extra; raises ConfigurationError when it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise ConfigurationError(
            f"inquiry packs need {name}: pip install 'likeness-guardrail[inquiry]'"
        ) from None
