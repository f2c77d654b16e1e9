"""OpenAI's routes, and those of servers that speak its protocol."""

from __future__ import annotations

from guardrail.adapters.wire.openai.chat import CHAT
from guardrail.adapters.wire.openai.completions import COMPLETIONS
from guardrail.adapters.wire.openai.images import EDITS, GENERATIONS, VARIATIONS
from guardrail.adapters.wire.openai.responses import CANCELLED, LISTED, RESPONSES, STORED
from guardrail.adapters.wire.openai.speech import SPEECH
from guardrail.adapters.wire.openai.stored import ONE, SEVERAL
from guardrail.adapters.wire.openai.transcripts import TRANSCRIPTIONS, TRANSLATIONS
from guardrail.adapters.wire.openai.videos import CHANGES, CONTENT, VIDEOS
from guardrail.adapters.wire.routes import Entry, Passed

_LOOKS = Passed("reads what exists, and nothing that was generated")
_FORGETS = Passed("deletes what is stored")
_NUMBERS = Passed("gives numbers, and generates nothing")
_JUDGES = Passed("judges what it is given, and generates nothing")

ENTRIES = (
    Entry.of("POST", "/chat/completions", CHAT),
    Entry.of("GET", "/chat/completions", SEVERAL),
    Entry.of("GET", "/chat/completions/[^/]+", ONE),
    Entry.of("GET", "/chat/completions/[^/]+/messages", LISTED),
    Entry.of("DELETE", "/chat/completions/[^/]+", _FORGETS),
    Entry.of("POST", "/completions", COMPLETIONS),
    Entry.of("POST", "/responses", RESPONSES),
    Entry.of("POST", "/responses/input_tokens", _NUMBERS),
    Entry.of("POST", "/responses/[^/]+/cancel", CANCELLED),
    Entry.of("GET", "/responses/[^/]+", STORED),
    Entry.of("GET", "/responses/[^/]+/input_items", LISTED),
    Entry.of("DELETE", "/responses/[^/]+", _FORGETS),
    Entry.of("POST", "/images/generations", GENERATIONS),
    Entry.of("POST", "/images/edits", EDITS),
    Entry.of("POST", "/images/variations", VARIATIONS),
    Entry.of("POST", "/audio/speech", SPEECH),
    Entry.of("POST", "/audio/transcriptions", TRANSCRIPTIONS),
    Entry.of("POST", "/audio/translations", TRANSLATIONS),
    Entry.of("POST", "/videos", VIDEOS),
    Entry.of("POST", "/videos/(edits|extensions|[^/]+/remix)", CHANGES),
    Entry.of("GET", "/videos/[^/]+/content", CONTENT),
    Entry.of("GET", "/videos(/[^/]+)?", _LOOKS),
    Entry.of("DELETE", "/videos/[^/]+", _FORGETS),
    Entry.of("POST", "/embeddings", _NUMBERS),
    Entry.of("POST", "/moderations", _JUDGES),
    Entry.of("GET HEAD", "/models(/[^/]+)*", _LOOKS),
    Entry.of("GET", "/(files|batches|fine_tuning/jobs)(/[^/]+)?", _LOOKS),
    Entry.of("DELETE", "/files/[^/]+", _FORGETS),
    Entry.of("GET HEAD", "/(health|load|ping|version)", _LOOKS),
)
