"""Every route that is known, and what is done with it."""

from __future__ import annotations

import re

from guardrail.adapters.wire.anthropic.complete import COMPLETE
from guardrail.adapters.wire.anthropic.dialect import DIALECT as ANTHROPIC
from guardrail.adapters.wire.anthropic.messages import MESSAGES
from guardrail.adapters.wire.codec import Dialect
from guardrail.adapters.wire.gemini.dialect import DIALECT as GEMINI
from guardrail.adapters.wire.gemini.generate import GENERATE
from guardrail.adapters.wire.gemini.predict import IMAGEN, VEO
from guardrail.adapters.wire.http import Call
from guardrail.adapters.wire.openai import routes as openai
from guardrail.adapters.wire.openai.dialect import DIALECT as OPENAI
from guardrail.adapters.wire.routes import Entry, Passed, Routes
from guardrail.adapters.wire.vllm import VLLM

_LOOKS = Passed("reads what exists")

_COUNTS = Passed("generates nothing")
_MODEL = "/(models|tunedModels|endpoints)/[^/:]+"

_ANTHROPIC = (
    Entry.of("POST", "/messages", MESSAGES),
    Entry.of("POST", "/messages/count_tokens", _COUNTS),
    Entry.of("POST", "/complete", COMPLETE),
    Entry.of("POST", "/publishers/anthropic/models/count-tokens:rawPredict", _COUNTS),
    Entry.of("POST", "/publishers/anthropic/models/[^/:]+:(rawPredict|streamRawPredict)", MESSAGES),
)
_GEMINI = (
    Entry.of("POST", rf"{_MODEL}:(generateContent|streamGenerateContent)", GENERATE),
    Entry.of("POST", rf"{_MODEL}:(countTokens|computeTokens)", _COUNTS),
    Entry.of("POST", rf"{_MODEL}:(embedContent|batchEmbedContents)", _COUNTS),
    Entry.of("POST", rf"{_MODEL}:predict", IMAGEN),
    Entry.of("POST", rf"{_MODEL}:predictLongRunning", VEO),
    Entry.of("POST", rf"{_MODEL}:fetchPredictOperation", _LOOKS),
    Entry.of("GET", "/operations/[^/:]+", _LOOKS),
    Entry.of("GET", "/files/[^/:]+:download", _LOOKS),
)
_GOOGLE_PATH = re.compile(r"/[^/]+:[A-Za-z]+/?")

ENTRIES = (*_ANTHROPIC, *_GEMINI, *openai.ENTRIES, *VLLM)

_ANTHROPIC_PATH = re.compile(r"(^|/)v1/messages(/|$)")


def known_routes() -> Routes:
    """The table of every protocol."""
    return Routes(ENTRIES, _dialect)


def _dialect(call: Call) -> Dialect:
    if call.header("anthropic-version") or _ANTHROPIC_PATH.search(call.path):
        return ANTHROPIC
    google = call.header("x-goog-api-key") or call.header("x-goog-api-client")
    return GEMINI if google or _GOOGLE_PATH.search(call.path) else OPENAI
