"""Which requests can end in a picture though they are made as chat."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from guardrail.adapters.wire.content import get, items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def offers_pictures(arguments: Mapping[str, Any]) -> bool:
    """Whether picture output is asked for, or a tool that makes pictures is offered."""
    if "image" in items(arguments.get("modalities")):
        return True
    offered = (*items(arguments.get("tools")), *items(arguments.get("functions")))
    return any(makes_pictures(name) for tool in offered for name in _tool_names(tool))


@lru_cache(maxsize=1024)
def makes_pictures(name: str) -> bool:
    """Whether a tool or model of this name makes pictures or films rather than look at them."""
    classes = {_classes().get(word.lower(), "") for word in _WORD.findall(name)}
    return "makes" in classes or ("shows" in classes and "looks" not in classes)


@cache
def _classes() -> Mapping[str, str]:
    """Words of `picture_words.tsv` and their class: `makes`, `shows` or `looks`."""
    text = (files("guardrail.adapters.wire") / "picture_words.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if line and line[0] != "#")
    return {word: kind for word, kind in rows}  # noqa: C416  rows of two are checked by unpacking


def _tool_names(tool: object) -> Iterator[str]:
    for name in (get(tool, "type"), get(tool, "name"), get(get(tool, "function"), "name")):
        if isinstance(name, str):
            yield name
