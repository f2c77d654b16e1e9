"""OpenAI-shaped replies and stream chunks turned into what is to be screened; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from guardrail.adapters.wire.content import Content, get, items
from guardrail.adapters.wire.pieces import delta_rest
from guardrail.records import Output

if TYPE_CHECKING:
    from guardrail.records import Decision

LIMIT_BYTES = 100_000_000
"""Largest generated picture that is decoded."""

Stop = Callable[[Any, Sequence[int]], Any]
"""Builds the last chunk of a stopped stream from the newest chunk and the choices seen."""


def chat_output(reply: object) -> Output:
    """Read a chat completion: every choice's text, reasoning, tool arguments and pictures.

    Raises ValueError for a reply of another shape.
    """
    content = _content()
    for choice in _required(reply, "choices"):
        _message(content, get(choice, "message"))
    return _frozen(content)


def text_output(reply: object) -> Output:
    """Read a legacy completion. Raises ValueError for a reply of another shape."""
    content = _content()
    for choice in _required(reply, "choices"):
        _say(content, get(choice, "text"))
    return _frozen(content)


def responses_output(reply: object) -> Output:
    """Read a response of the Responses API. Raises ValueError for a reply of another shape."""
    content = _content()
    for item in _required(reply, "output"):
        _item(content, item)
    return _frozen(content)


def images_output(reply: object) -> Output:
    """Read generated pictures; one given only as a URL is not fetched and so not screened.

    Raises ValueError for a reply of another shape.
    """
    content = _content()
    for picture in _required(reply, "data"):
        _say(content, get(picture, "revised_prompt"))
        if get(picture, "b64_json") is not None:
            content.picture(get(picture, "b64_json"))
    return _frozen(content)


class ChunkReader:
    """Reads the chunks of one stream, whose channels are told apart by choice and by kind."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._last: Any = None
        self._channels: dict[int, dict[str, None]] = {}

    def read(self, chunk: Any) -> Sequence[tuple[str, str]]:
        """The texts in a chunk as (channel, delta) pairs."""
        self._last = chunk
        return [pair for choice in _required(chunk, "choices") for pair in self._choice(choice)]

    def ended(self, chunk: Any) -> Sequence[str]:
        """The channels of the choices that the chunk says are finished."""
        done = [
            self._channels.get(get(choice, "index") or 0, {})
            for choice in items(get(chunk, "choices"))
            if get(choice, "finish_reason")
        ]
        return [channel for channels in done for channel in channels]

    def stop(self, decision: Decision) -> Any:
        """The last chunk of a stopped stream."""
        del decision
        return self._stop(self._last, tuple(self._channels) or (0,))

    def _choice(self, choice: object) -> Iterator[tuple[str, str]]:
        known = self._channels.setdefault(get(choice, "index") or 0, {})
        for channel, _, text in choice_texts(choice):
            known[channel] = None
            yield channel, text


Place = tuple[str | int, ...]


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
    yield from _text(f"reasoning:{index}", ("delta", "reasoning_content"), _reasoning(delta))
    spoken = get(get(delta, "audio"), "transcript")
    yield from _text(said, ("delta", "audio", "transcript"), spoken)
    asked = get(get(delta, "function_call"), "arguments")
    yield from _text(tool, ("delta", "function_call", "arguments"), asked)
    for place, call in enumerate(items(get(delta, "tool_calls"))):
        number = place if get(call, "index") is None else get(call, "index")
        path = ("delta", "tool_calls", number, "function", "arguments")
        yield from _text(f"{tool}:{number}", path, _arguments(call))
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
    read = _READ | {"reasoning"} if delta.get("reasoning") == _reasoning(delta) else _READ
    for channel, text in delta_rest(delta, read, f"other:{index}"):
        yield channel, (), text


_READ = frozenset(
    ("audio", "content", "function_call", "images", "reasoning_content", "refusal", "role")
) | {"thinking_blocks", "tool_calls"}


class EventReader:
    """Reads the events of one Responses API stream; a text that comes again is not read twice."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._first: Any = None
        self._said: dict[str, list[str]] = {}

    def read(self, event: Any) -> Sequence[tuple[str, str]]:
        """The texts in an event as (channel, delta) pairs."""
        kind = _required_type(event)
        if self._first is None and get(event, "response") is not None:
            self._first = event
        if kind.endswith(".delta"):
            pairs = list(_pair(_channel(event, kind), get(event, "delta")))
        else:
            known = set(map("".join, self._said.values()))
            whole = [text for text in _event_texts(event) if text not in known]
            pairs = [(f"{kind}:{len(self._said) + n}", text) for n, text in enumerate(whole)]
        for channel, text in pairs:
            self._said.setdefault(channel, []).append(text)
        return pairs

    def ended(self, event: Any) -> Sequence[str]:
        """The channel whose text the event says is done."""
        kind = _required_type(event)
        return [_channel(event, kind)] if kind.endswith(".done") else []

    def stop(self, decision: Decision) -> Any:
        """The last event of a stopped stream."""
        del decision
        return self._stop(self._first, ())


def _content() -> Content:
    return Content(LIMIT_BYTES)


def _frozen(content: Content) -> Output:
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output(tuple(content.parts), tuple(content.images), content.problem or broken)


def _required(reply: object, name: str) -> Sequence[Any]:
    value = get(reply, name)
    if value is None and get(reply, "object") in _CHUNKS:
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a reply without {name}: {type(reply).__name__}")  # noqa: TRY004  its shape
    return value


_CHUNKS = ("chat.completion.chunk", "text_completion")


def _required_type(event: object) -> str:
    kind = get(event, "type")
    if not isinstance(kind, str):
        raise ValueError(f"an event without a type: {type(event).__name__}")  # noqa: TRY004  its shape
    return str(getattr(kind, "value", kind))


def _say(content: Content, value: object) -> None:
    content.text(value, "assistant", "output")


def _message(content: Content, message: object) -> None:
    said = get(message, "content")
    if isinstance(said, list | tuple):
        _parts(content, said)
    else:
        _say(content, said)
    _say(content, _reasoning(message))
    _say(content, get(message, "refusal"))
    _say(content, get(get(message, "provider_specific_fields"), "refusal"))
    _say(content, get(get(message, "audio"), "transcript"))
    _ask(content, get(get(message, "function_call"), "arguments"))
    for call in items(get(message, "tool_calls")):
        _ask(content, _arguments(call))
    for picture in items(get(message, "images")):
        _picture(content, picture)


def _reasoning(message: object) -> Any:
    for name in ("reasoning_content", "reasoning"):
        said = get(message, name)
        if said is not None:
            return said
    blocks = items(get(message, "thinking_blocks"))
    thoughts = [thought for block in blocks if (thought := get(block, "thinking"))]
    return "".join(map(str, thoughts)) or None


def _arguments(call: object) -> Any:
    asked = get(call, "function") or get(call, "custom") or call
    said = get(asked, "arguments")
    return get(asked, "input") if said is None else said


def _ask(content: Content, arguments: object) -> None:
    content.everything(arguments, "assistant", "tool_arguments")


def _parts(content: Content, parts: Sequence[Any]) -> None:
    for part in parts:
        if get(part, "image_url") is not None:
            _picture(content, part)
        else:
            said = [get(part, name) for name in ("text", "refusal", "thinking", "transcript")]
            content.everything(said, "assistant", "output")


def _picture(content: Content, picture: object) -> None:
    address = get(picture, "image_url")
    address = address if isinstance(address, str) else get(address, "url")
    if isinstance(address, str) and address[:5].lower() == "data:":
        content.picture(address)


def _item(content: Content, item: object) -> None:
    kind = get(item, "type")
    if kind == "image_generation_call":
        _say(content, get(item, "revised_prompt"))
        if get(item, "result") is not None:
            content.picture(get(item, "result"))
        return
    _parts(content, items(get(item, "content")))
    _parts(content, items(get(item, "summary")))
    for name in ("arguments", "input", "code", "action"):
        _ask(content, get(item, name))
    for name in ("output", "outputs", "results"):
        content.everything(get(item, name), "assistant", "output")


def _text(channel: str, place: Place, delta: object) -> Iterator[tuple[str, Place, str]]:
    for name, text in _pair(channel, delta):
        yield name, place, text


def _pair(channel: str, delta: object) -> Iterator[tuple[str, str]]:
    if isinstance(delta, str):
        if delta:
            yield channel, delta
    elif delta is not None:
        raise ValueError(f"a delta given as {type(delta).__name__}")


def _contents(index: int, said: object) -> Iterator[tuple[str, Place, str]]:
    """A delta's content: a text, or parts as Mistral sends them, thoughts in parts of their own."""
    if isinstance(said, list | tuple):
        for channel, text in _listed(index, said):
            yield channel, (), text
    else:
        yield from _text(f"content:{index}", ("delta", "content"), said)


def _listed(index: int, said: Sequence[object]) -> Iterator[tuple[str, str]]:
    for part in said:
        yield from _pair(f"content:{index}", get(part, "text"))
        thoughts = get(part, "thinking")
        for thought in thoughts if isinstance(thoughts, list | tuple) else (thoughts,):
            said_so = thought if isinstance(thought, str) else get(thought, "text")
            yield from _pair(f"reasoning:{index}", said_so)
        if not any(isinstance(get(part, name), str | list) for name in ("text", "thinking")):
            content = _content()
            content.everything(part)
            for number, one in enumerate(content.parts):
                yield from _pair(f"part:{index}:{get(part, 'type')}:{number}", one.text)
            if content.images or content.problem:
                raise ValueError("a picture in a stream cannot be screened")


def _channel(event: object, kind: str) -> str:
    if "arguments" in kind or "input" in kind or "code" in kind:
        name = "tool"
    else:
        name = "reasoning" if "reasoning" in kind else "content"
    places = (get(event, "output_index"), get(event, "content_index"), get(event, "summary_index"))
    return ":".join([name, *(str(place or 0) for place in places)])


def _event_texts(event: object) -> list[str]:
    content = _content()
    for name in ("text", "refusal", "arguments", "input", "code"):
        content.everything(get(event, name))
    _parts(content, [part for part in [get(event, "part")] if part is not None])
    _item(content, get(event, "item"))
    for item in items(get(get(event, "response"), "output")):
        _item(content, item)
    if content.problem:
        raise ValueError(content.problem)
    return [part.text for part in content.parts]
