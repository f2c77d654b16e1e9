"""What the arguments of a diffusers pipeline ask for, and what it gave back.

Values are told apart by what they are: numbers say nothing, a text is read, a picture is read, and
what can be neither (embeddings, latents, callbacks, anything new) cannot be screened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Number
from typing import Any

from guardrail.adapters._loose import picture
from guardrail.adapters.wire.content import Content, image_of
from guardrail.adapters.wire.replied import LIMIT_BYTES
from guardrail.records import Image, Operation, Output, Request

MAX_BATCH = 64
"""Prompts in one call that are read."""

MAX_PICTURES = 2_048
"""Pictures or frames of one result that are read."""

_SAYS_NOTHING = (Number, type(None))
_SETTINGS = frozenset({"output_type", "callback_on_step_end_tensor_inputs", "generator"}) | {
    "prior_callback_on_step_end_tensor_inputs",
}
_ARRAYS = frozenset({"timesteps", "sigmas", "prior_timesteps", "decoder_timesteps"})
_OUTPUT_TYPES = ("pil", "np", "pt")
_NEGATIVE = re.compile(r"negative_.*prompt(_\d+)?|negative_prompt(_\d+)?|negative_text")
_PICTURES = re.compile(r"(.*_)?(images?|masks?|video|frames|depth_map)(_\d+)?")
_ITEM = re.compile(r"[,;|\n、，\uff1b]+")
_WEIGHT = re.compile(r"[()\[\]{}]|:\s*-?[\d.]+")
_SHOWN = ("images", "frames", "videos")
_TOLD = ("nsfw_content_detected", "applied_safety_concept", "unsafe_regions", "watermark_detected")
_CHANNELS = (1, 3)


@dataclass(slots=True)
class Asked:
    """One call of a pipeline.

    prompts: what each picture of the batch is asked with. negatives: what each is asked to be
    without. rest: what is the same for all.
    """

    rest: Content
    prompts: list[list[str]] = field(default_factory=list)
    negatives: list[list[str]] = field(default_factory=list)

    def requests(
        self, operation: Operation, without: Callable[[str], str], model: str
    ) -> list[Request]:
        """A request for each prompt; `without` says what a negative prompt amounts to."""
        count = max(1, len(self.prompts), len(self.negatives))
        if count > MAX_BATCH:
            self.rest.unreadable(f"more than {MAX_BATCH} prompts")
            count = MAX_BATCH
        return [self._request(n, operation, without, model) for n in range(count)]

    def _request(
        self, place: int, operation: Operation, without: Callable[[str], str], model: str
    ) -> Request:
        rest = self.rest
        content = Content(rest.limit_bytes, list(rest.parts), rest.images, rest.problem)
        for text in _at(self.prompts, place):
            content.text(text, origin="prompt")
        for text in _at(self.negatives, place):
            content.text(without(text), origin="prompt")
        request = content.request(operation, model=model)
        if rest.images and operation is Operation.VIDEO_GENERATE:
            request = replace(request, operation=Operation.VIDEO_EDIT)
        return request


def asked(arguments: Mapping[str, Any], limit_bytes: int) -> Asked:
    """Read the arguments of a call, by their names."""
    found = Asked(Content(limit_bytes))
    kind = arguments.get("output_type") or "pil"
    if kind not in _OUTPUT_TYPES:
        found.rest.unreadable("pictures that come as latents cannot be screened")
    for name, value in arguments.items():
        if name in _SETTINGS:
            _setting(found.rest, name, value)
        elif isinstance(value, str) and not _PICTURES.fullmatch(name):
            _batch(found, name, [value])
        elif _is_texts(value) and not _PICTURES.fullmatch(name):
            _batch(found, name, value)
        else:
            _take(found.rest, name, value)
    return found


def owned(value: Any) -> Any:
    """A copy of lists and dicts, so that what was screened is what is drawn."""
    if isinstance(value, list):
        return [owned(one) for one in value]
    if isinstance(value, dict):
        return {key: owned(one) for key, one in value.items()}
    return value


def items(negative: str) -> list[str]:
    """The things a negative prompt lists, without weights."""
    plain = [_WEIGHT.sub(" ", item).strip() for item in _ITEM.split(negative)]
    return [item for item in plain if item]


def output(result: Any) -> Output:
    """What a pipeline gave back. Raises ValueError for a result of another shape."""
    content = Content(LIMIT_BYTES)
    shown = _fields(result)
    if not any(name in _SHOWN for name, _ in shown):
        raise ValueError(f"a result without pictures: {type(result).__name__}")
    for name, value in shown:
        if name in _SHOWN:
            content.images.extend(_pictures(value))
        elif name not in _TOLD and not _is_plain(value):
            content.unreadable("a result that is no picture cannot be screened")
    if len(content.images) > MAX_PICTURES:
        content.unreadable(f"more than {MAX_PICTURES} pictures")
    broken = next((image.problem for image in content.images if image.problem), "")
    return Output((), tuple(content.images), content.problem or broken)


def _at(batch: Sequence[list[str]], place: int) -> list[str]:
    """What stands at a place of a batch; a single one is for all of them."""
    if len(batch) == 1:
        return batch[0]
    return batch[place] if place < len(batch) else []


def _batch(found: Asked, name: str, texts: Sequence[str]) -> None:
    batch = found.negatives if _NEGATIVE.fullmatch(name) else found.prompts
    if len(batch) == 1 < len(texts):
        batch.extend(list(batch[0]) for _ in texts[1:])
    elif len(texts) == 1 < len(batch):
        texts = list(texts) * len(batch)
    for place, text in enumerate(texts):
        if place == len(batch):
            batch.append([])
        batch[place].append(text)


def _setting(content: Content, name: str, value: Any) -> None:
    several = value if isinstance(value, list | tuple) else (value,)
    known = (str,) if name != "generator" else ()
    for one in several:
        is_generator = name == "generator" and type(one).__module__.startswith("torch")
        if not (one is None or isinstance(one, known) or is_generator):
            content.unreadable(f"{name} given as {type(one).__name__} cannot be screened")


def _take(content: Content, name: str, value: Any) -> None:
    is_picture = _PICTURES.fullmatch(name) is not None
    if isinstance(value, _SAYS_NOTHING):
        return
    if isinstance(value, str) and is_picture:
        content.images.append(image_of(value, content.limit_bytes))
    elif isinstance(value, str):
        content.text(value, origin="prompt")
    elif isinstance(value, Mapping):
        for key, one in value.items():
            _take(content, str(key), one)
    elif isinstance(value, list | tuple):
        for one in value:
            _take(content, name, one)
    elif is_picture:
        content.images.extend(_pictures(value))
    elif name not in _ARRAYS:
        content.unreadable(f"an argument given as {type(value).__name__} cannot be screened")


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(
        isinstance(one, str) for one in value
    )  # fmt: skip


def _pictures(value: Any) -> Iterator[Image]:
    """The pictures in a value: one, or lists and arrays of them, films included."""
    if value is None:
        return
    if isinstance(value, list | tuple):
        for one in value:
            yield from _pictures(one)
    elif (shape := getattr(value, "shape", None)) is None:
        yield picture(value)
    elif len(shape) > 3:  # noqa: PLR2004  height, width and channels make a picture
        for one in value:
            yield from _pictures(one)
    elif len(shape) == 3 and not (shape[0] in _CHANNELS or shape[2] in _CHANNELS):  # noqa: PLR2004
        yield Image(problem="an array that is no picture cannot be screened")
    else:
        yield picture(value)


def _fields(result: Any) -> list[tuple[str, Any]]:
    if isinstance(result, Mapping):
        return list(result.items())
    if isinstance(result, tuple):
        return [("images" if n == 0 else _TOLD[0], value) for n, value in enumerate(result[:2])] + [
            ("", value) for value in result[2:]
        ]
    return [(name, value) for name in _SHOWN if (value := getattr(result, name, None)) is not None]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, _SAYS_NOTHING)
