"""Every route that is known, and what is done with it."""

from __future__ import annotations

from guardrail.adapters.wire.codec import Dialect
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai.chat import CHAT
from guardrail.adapters.wire.openai.dialect import DIALECT
from guardrail.adapters.wire.routes import Entry, Passed, Routes
from guardrail.adapters.wire.vllm import VLLM

_LOOKS = Passed("reads what exists")

ENTRIES = (
    Entry.of("POST", "/chat/completions", CHAT),
    Entry.of("GET HEAD", "/models(/[^/]+)*", _LOOKS),
    *VLLM,
)


def known_routes() -> Routes:
    """The table of every protocol."""
    return Routes(ENTRIES, _dialect)


def _dialect(call: Call) -> Dialect:
    del call
    return DIALECT
