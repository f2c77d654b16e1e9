"""Events of the Responses API, as dicts or as objects; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from guardrail.adapters.wire.chunks import Stop
from guardrail.adapters.wire.content import get, items, says_nothing
from guardrail.adapters.wire.pieces import as_pair
from guardrail.adapters.wire.replied import new_content, read_item, read_parts
from guardrail.records import Decision

_FAILED = ("error", "response.failed")
_NAMES = (
    "type", "item_id", "output_index", "content_index", "summary_index", "sequence_number",
)  # fmt: skip


class EventReader:
    """Reads the events of one Responses API stream; a text that comes again is not read twice."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._first: Any = None
        self._said: dict[str, list[str]] = {}
        self._whole: list[str] = []

    def read(self, event: Any) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs."""
        kind = _required_type(event)
        if self._first is None and get(event, "response") is not None:
            self._first = event
        self._whole = []
        if kind.endswith(".delta"):
            pairs = list(as_pair(_channel(event, kind), get(event, "delta")))
        else:
            known = set(map("".join, self._said.values()))
            whole = [text for text in _event_texts(event) if text not in known]
            pairs = [(f"{kind}:{len(self._said) + n}", text) for n, text in enumerate(whole)]
            self._whole = [channel for channel, _ in pairs]
        for channel, text in pairs:
            self._said.setdefault(channel, []).append(text)
        return pairs

    def ended(self, event: Any) -> Sequence[str]:
        """The channel whose text the event says is done, and those it has told as a whole."""
        kind = _required_type(event)
        return [*self._whole, _channel(event, kind)] if kind.endswith(".done") else self._whole

    def failed(self, event: Any) -> bool:
        """Whether the server tells of an error."""
        return _required_type(event) in _FAILED

    def head(self, event: Any, keep: int) -> Any:
        """A delta with the first `keep` code points of its text; None for any other event."""
        said = get(event, "delta")
        if not _required_type(event).endswith(".delta") or not isinstance(said, str):
            return None
        kept = {name: value for name in _NAMES if (value := get(event, name)) is not None}
        kept["delta"] = said[:keep]
        if get(event, "logprobs") is not None:
            kept["logprobs"] = []
        return kept if isinstance(event, Mapping) else type(event).model_construct(**kept)

    def stop(self, decision: Decision) -> Any:
        """The last event of a stopped stream."""
        del decision
        return self._stop(self._first, ())


def identity(response: object) -> dict[str, Any]:
    """What a response is known by: the rest of it may not have been released."""
    named = {name: get(response, name) for name in ("id", "created_at", "model")}
    return {name: value for name, value in named.items() if says_nothing(value)}


def _required_type(event: object) -> str:
    kind = get(event, "type")
    if not isinstance(kind, str):
        raise ValueError(f"an event without a type: {type(event).__name__}")  # noqa: TRY004  its shape
    return str(getattr(kind, "value", kind))


def _channel(event: object, kind: str) -> str:
    if "arguments" in kind or "input" in kind or "code" in kind:
        name = "tool"
    else:
        name = "reasoning" if "reasoning" in kind else "content"
    places = (get(event, "output_index"), get(event, "content_index"), get(event, "summary_index"))
    return ":".join([name, *(str(place or 0) for place in places)])


def _event_texts(event: object) -> list[str]:
    content = new_content()
    for name in ("text", "refusal", "arguments", "input", "code"):
        content.everything(get(event, name))
    read_parts(content, [part for part in [get(event, "part")] if part is not None])
    read_item(content, get(event, "item"))
    for item in items(get(get(event, "response"), "output")):
        read_item(content, item)
    if content.problem:
        raise ValueError(content.problem)
    return [part.text for part in content.parts]
