"""Chunks of OpenAI's chat and legacy completions, as dicts or as objects; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from guardrail.adapters.wire.content import get, items, says_nothing
from guardrail.adapters.wire.pieces import as_pair, delta_rest
from guardrail.adapters.wire.replied import arguments, new_content, reasoning, required
from guardrail.records import Decision

Stop = Callable[[Any, Sequence[int]], Any]
"""Builds the last chunk of a stopped stream from the newest chunk and the choices seen."""
Made = Callable[[Any, Sequence[Mapping[str, Any]]], Any]
"""Builds a chunk beside another, of other choices."""
Place = tuple[str | int, ...]
"""The way to a text within a choice; empty where the text cannot be cut."""

_NAMES = ("id", "index", "name", "type")


class ChunkReader:
    """Reads the chunks of one stream, whose channels are told apart by choice and by kind."""

    def __init__(self, stop: Stop, made: Made) -> None:
        self._stop = stop
        self._made = made
        self._last: Any = None
        self._channels: dict[int, dict[str, None]] = {}

    def read(self, chunk: Any) -> Sequence[tuple[str, str]]:
        """The texts in a chunk as (channel, delta) pairs."""
        self._last = chunk
        return [pair for choice in required(chunk, "choices") for pair in self._choice(choice)]

    def ended(self, chunk: Any) -> Sequence[str]:
        """The channels of the choices that the chunk says are finished."""
        done = [
            self._channels.get(get(choice, "index") or 0, {})
            for choice in items(get(chunk, "choices"))
            if get(choice, "finish_reason")
        ]
        return [channel for channels in done for channel in channels]

    def head(self, chunk: Any, keep: int) -> Any:
        """The chunk with the first `keep` code points of its texts; None where it has none such."""
        choices = [_cut(choice, texts) for choice, texts in _kept(chunk, keep)]
        return self._made(chunk, choices) if choices else None

    def stop(self, decision: Decision) -> Any:
        """The last chunk of a stopped stream."""
        del decision
        return self._stop(self._last, tuple(self._channels) or (0,))

    def _choice(self, choice: object) -> Iterator[tuple[str, str]]:
        known = self._channels.setdefault(get(choice, "index") or 0, {})
        for channel, _, text in choice_texts(choice):
            known[channel] = None
            yield channel, text


def choice_texts(choice: object) -> Iterator[tuple[str, Place, str]]:
    """The texts in one choice of a chunk: channel, place in the choice, and text.

    Raises ValueError for a delta that is no text.
    """
    index = get(choice, "index") or 0
    delta = get(choice, "delta")
    if says_content_only(choice):
        yield from _contents(index, delta.get("content"))
        return
    said, tool = f"content:{index}", f"tool:{index}"
    yield from _text(said, ("text",), get(choice, "text"))
    yield from _contents(index, get(delta, "content"))
    yield from _text(said, ("delta", "refusal"), get(delta, "refusal"))
    thought = "reasoning" if get(delta, "reasoning_content") is None else "reasoning_content"
    yield from _text(f"reasoning:{index}", ("delta", thought), reasoning(delta))
    spoken = get(get(delta, "audio"), "transcript")
    yield from _text(said, ("delta", "audio", "transcript"), spoken)
    asked = get(get(delta, "function_call"), "arguments")
    yield from _text(tool, ("delta", "function_call", "arguments"), asked)
    for place, call in enumerate(items(get(delta, "tool_calls"))):
        number = place if get(call, "index") is None else get(call, "index")
        custom = get(call, "function") is None and get(call, "custom") is not None
        inner = ("custom", "input") if custom else ("function", "arguments")
        path = ("delta", "tool_calls", place, *inner)
        yield from _text(f"{tool}:{number}", path, arguments(call))
    if isinstance(delta, Mapping):
        yield from _others(index, delta)


def says_content_only(choice: object) -> bool:
    """Whether one choice of a chunk has nothing but a delta's content, as most have."""
    if not isinstance(choice, dict) or not choice.keys() <= _BARE_CHOICE:
        return False
    delta = choice.get("delta")
    return isinstance(delta, dict) and delta.keys() <= _BARE_DELTA


_BARE_CHOICE = frozenset(("delta", "finish_reason", "index", "logprobs"))
_BARE_DELTA = frozenset(("content", "role"))


def _others(index: int, delta: Mapping[str, object]) -> Iterator[tuple[str, Place, str]]:
    """Texts in fields that only some servers send, such as `reasoning_details`."""
    read = _READ | {"reasoning"} if delta.get("reasoning") == reasoning(delta) else _READ
    for channel, text in delta_rest(delta, read, f"other:{index}"):
        yield channel, (), text


_READ = frozenset(
    ("audio", "content", "function_call", "images", "reasoning_content", "refusal", "role")
) | {"thinking_blocks", "tool_calls"}


def _text(channel: str, place: Place, delta: object) -> Iterator[tuple[str, Place, str]]:
    for name, text in as_pair(channel, delta):
        yield name, place, text


def _contents(index: int, said: object) -> Iterator[tuple[str, Place, str]]:
    """A delta's content: a text, or parts as Mistral sends them, thoughts in parts of their own."""
    place: Place = ("delta", "content")
    if isinstance(said, list | tuple):
        for number, part in enumerate(said):
            yield from _part(index, (*place, number), part)
    else:
        yield from _text(f"content:{index}", place, said)


def _part(index: int, place: Place, part: object) -> Iterator[tuple[str, Place, str]]:
    yield from _text(f"content:{index}", (*place, "text"), get(part, "text"))
    thoughts = get(part, "thinking")
    if isinstance(thoughts, list | tuple):
        for number, thought in enumerate(thoughts):
            text = thought if isinstance(thought, str) else get(thought, "text")
            inner = () if isinstance(thought, str) else (*place, "thinking", number, "text")
            yield from _text(f"reasoning:{index}", inner, text)
    else:
        text = thoughts if isinstance(thoughts, str) else get(thoughts, "text")
        inner = (*place, "thinking") if isinstance(thoughts, str) else ()
        yield from _text(f"reasoning:{index}", inner, text)
    if not any(isinstance(get(part, name), str | list) for name in ("text", "thinking")):
        content = new_content()
        content.everything(part)
        for number, one in enumerate(content.parts):
            yield from _text(f"part:{index}:{get(part, 'type')}:{number}", (), one.text)
        if content.images or content.problem:
            raise ValueError("a picture in a stream cannot be screened")


def _kept(chunk: object, keep: int) -> list[tuple[Any, list[tuple[Place, str]]]]:
    """Each choice, and those of its texts that are within the first `keep` code points."""
    kept: list[tuple[Any, list[tuple[Place, str]]]] = []
    for choice in items(get(chunk, "choices")):
        texts: list[tuple[Place, str]] = []
        for _, place, text in choice_texts(choice):
            if keep and not place:
                return [*kept, (choice, texts)] if texts else kept
            if keep:
                texts.append((place, text[:keep]))
                keep -= min(keep, len(text))
        if texts:
            kept.append((choice, texts))
    return kept


def _cut(choice: object, texts: Sequence[tuple[Place, str]]) -> dict[str, Any]:
    """A choice that has these texts, and names what they belong to."""
    tree: dict[str | int, Any] = {}
    for place, text in texts:
        inner = tree
        for step in place[:-1]:
            inner = inner.setdefault(step, {})
        inner[place[-1]] = inner.get(place[-1], "") + text
    return {"index": 0, "finish_reason": None, **_grown(choice, tree)}


def _grown(given: object, tree: Any) -> Any:
    if isinstance(tree, str):
        return tree
    if all(isinstance(step, int) for step in tree):
        return [_grown(items(given)[step], inner) for step, inner in tree.items()]
    named = {name: value for name in _NAMES if says_nothing(value := get(given, name))}
    return {**named, **{step: _grown(get(given, step), inner) for step, inner in tree.items()}}
