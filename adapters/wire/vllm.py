"""vLLM's own routes that generate nothing.

Its others are not listed and so refused: `/invocations`, `/inference/*` and
`/chat/completions/batch` generate, from bodies no codec reads; `/generative_scoring` and the
routes of its development mode serve operators.

Source: https://docs.vllm.ai/en/stable/serving/online_serving/
"""

from __future__ import annotations

from guardrail.adapters.wire.routes import Entry, Passed

_TOKENS = Passed("turns the caller's own text into tokens, or back")
_NUMBERS = Passed("gives numbers for the caller's own texts")

VLLM = (
    Entry.of("POST", "/(de)?tokenize", _TOKENS),
    Entry.of("POST", "/completions/render", _TOKENS),
    Entry.of("POST", "/chat/completions/render", _TOKENS),
    Entry.of("POST", "/(pooling|score|rerank|classify)", _NUMBERS),
    Entry.of("POST", "/v2/embed", _NUMBERS),
)
