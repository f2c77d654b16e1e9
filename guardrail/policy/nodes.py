"""The values of a file as a tree in which each knows its line and column."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SHOWN = 40
Scalar = str | int | float | bool | None
_WORDS: Mapping[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?[0-9]{1,15}")
_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{0,15}")


@dataclass(slots=True)
class Node:
    """A value and where it stands, counted from 1.

    size, depth: values in it and how deep they nest, aliases written out.
    """

    line: int
    column: int
    size: int = 1
    depth: int = 0


@dataclass(slots=True)
class Leaf(Node):
    """A scalar."""

    value: Scalar = None


@dataclass(slots=True)
class Items(Node):
    """A list."""

    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Fields(Node):
    """A mapping with text keys; `keys` says where each key stands."""

    fields: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Node] = field(default_factory=dict)


def plain(node: Node) -> object:
    """The value without its places."""
    match node:
        case Leaf():
            return node.value
        case Items():
            return [plain(item) for item in node.items]
        case Fields():
            return {key: plain(value) for key, value in node.fields.items()}
    raise TypeError(node)


def scalar(word: str) -> Scalar:
    """What an unquoted word means in YAML 1.2: `no` and `NO` are words, not booleans."""
    if word in _WORDS:
        return _WORDS[word]
    if _INT.fullmatch(word):
        return int(word)
    return float(word) if _FLOAT.fullmatch(word) else word


def describe(node: Node) -> str:
    """A value as an error message names it, shortened."""
    match node:
        case Leaf(value=None):
            return "nothing"
        case Leaf(value=bool() as value):
            return str(value).lower()
        case Leaf(value=int() | float() as value):
            return f"the number {value}"
        case Leaf(value=value):
            text = str(value)
            return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
        case Items():
            return "a list"
    return "a mapping"
