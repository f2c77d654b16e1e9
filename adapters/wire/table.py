"""Every route that is known, and what is done with it."""

from __future__ import annotations

from guardrail.adapters.wire.codec import Dialect
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai import routes as openai
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.routes import Routes
from guardrail.adapters.wire.vllm import VLLM

ENTRIES = (*openai.ENTRIES, *VLLM)


def known_routes() -> Routes:
    """The table of every protocol."""
    return Routes(ENTRIES, _dialect)


def _dialect(call: Call) -> Dialect:
    del call
    return DIALECT
