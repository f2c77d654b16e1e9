"""What the OpenAI Agents SDK asks of a model and is told by it: items of the Responses API."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from guardrail.adapters.wire.asked import add_the_rest, responses_content
from guardrail.adapters.wire.content import Content, get, items
from guardrail.adapters.wire.item_events import EventReader
from guardrail.adapters.wire.replied import responses_output
from guardrail.adapters.wire.tools import makes_pictures
from guardrail.records import Operation, Output, Request

_READ = ("input", "instructions", "prompt", "tools")


def request(asked: Mapping[str, Any], limit_bytes: int, model: str = "") -> Request:
    """What is asked: the fields of a response, as `Model.get_response` names them."""
    tools = [{"type": get(tool, "type"), "name": get(tool, "name")} for tool in asked["tools"]]
    content = responses_content({**asked, "tools": tools}, limit_bytes)
    add_the_rest(content, asked, _READ, frozenset().__contains__)
    content.pictures = content.pictures or makes_pictures(model)
    return content.request(Operation.CHAT, model=model)


def output(reply: Any) -> Output:
    """What a ModelResponse says. Raises ValueError for one of another shape."""
    return responses_output(reply)


class Events:
    """Reads the events of one stream."""

    def __init__(self) -> None:
        self._reader = EventReader(lambda *_: None)

    def read(self, event: Any) -> Sequence[tuple[str, str]]:
        """The texts in an event. Raises ValueError for an event with a picture in it."""
        shown = [get(event, "item"), *items(get(get(event, "response"), "output"))]
        if get(event, "partial_image_b64") or any(get(item, "result") for item in shown):
            raise ValueError("a picture in a stream cannot be screened")
        return self._reader.read(event)

    def ended(self, event: Any) -> Sequence[str]:
        """The channels that end with this event."""
        return self._reader.ended(event)

    def failed(self, event: Any) -> bool:
        """Whether the model's server tells of an error within the stream."""
        return self._reader.failed(event)

    def head(self, event: Any, keep: int) -> Any:
        """A delta with the first `keep` code points of its text; None for any other event."""
        return self._reader.head(event, keep)


def arguments(given: str) -> Mapping[str, Any]:
    """A tool's arguments, which are JSON; what is none is one text."""
    try:
        found = json.loads(given or "{}")
    except ValueError:
        found = given
    return found if isinstance(found, dict) else {"": found}


def final(said: object) -> Output:
    """The last word of a run: a text, or an object of the output type."""
    content = Content(0)
    content.everything(said, "assistant", "output")
    return Output(tuple(content.parts), problem=content.problem)
