"""From bytes to a checked model, every problem with its place: found this, expected that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from guardrail.errors import Problem
from guardrail.policy.nodes import Fields, Items, Leaf, Node, describe, plain
from guardrail.policy.schema import hint
from guardrail.policy.yamltree import Unreadable, decode, read_tree

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

M = TypeVar("M", bound=BaseModel)
Loc = tuple[int | str, ...]
_EXPECTED = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_too_short": "text",
    "string_too_long": "shorter text",
    "too_short": "at least one",
}


class Source:
    """A file as read: its tree, and problems gathered about it."""

    def __init__(self, file: str, root: Node) -> None:
        self.file = file
        self.root = root
        self.problems: list[Problem] = []

    def at(self, *loc: int | str) -> Node:
        """The value at a path, or the nearest one above it."""
        node = self.root
        for step in loc:
            below = _below(node, step)
            if below is None:
                break
            node = below
        return node

    def key(self, *loc: int | str) -> Node:
        """The key at a path."""
        node = self.at(*loc[:-1])
        return node.keys.get(str(loc[-1]), node) if isinstance(node, Fields) else node

    def problem(self, node: Node, message: str) -> None:
        """Note something wrong at a value, once."""
        found = Problem(self.file, node.line, node.column, message)
        if found not in self.problems:
            self.problems.append(found)


def _below(node: Node, step: int | str) -> Node | None:
    if isinstance(node, Fields):
        return node.fields.get(str(step))
    if isinstance(node, Items) and isinstance(step, int) and step < len(node.items):
        return node.items[step]
    return None


def read_model(model: type[M], data: bytes, file: str) -> tuple[M | None, Source]:
    """Check a file against a model; None when it does not fit, with the problems in the source."""
    try:
        root, problems = read_tree(decode(data, file), file)
    except Unreadable as unreadable:
        source = Source(file, Leaf(1, 1))
        source.problems.append(unreadable.problem)
        return None, source
    source = Source(file, root)
    source.problems.extend(problems)
    try:
        return model.model_validate(plain(root)), source
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_input=False):
            node, message = _explain(source, model, detail)
            if detail["type"] != "too_short" or (isinstance(node, Items) and not node.items):
                source.problem(node, message)  # too short else only for want of good items
    return None, source


def _explain(source: Source, model: type[BaseModel], detail: ErrorDetails) -> tuple[Node, str]:
    loc, kind = detail["loc"], detail["type"]
    if kind == "extra_forbidden":
        known = _fields(model, loc[:-1])
        word = str(loc[-1])
        listed = ", ".join(known)
        return source.key(*loc), f"found unknown key {word!r}, expected {listed}{hint(word, known)}"
    node = source.at(*loc)
    if kind == "missing":
        return source.at(*loc[:-1]), f"found no {str(loc[-1])!r}, expected one"
    return node, f"found {describe(node)}, expected {_wanted(node, detail)}"


def _wanted(node: Node, detail: ErrorDetails) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "expected":
        return str(context["what"])
    if kind == "literal_error":
        words = tuple(re.findall(r"'([^']+)'", context["expected"])) or ("true",)
        found = node.value if isinstance(node, Leaf) else None
        close = hint(found, words) if isinstance(found, str) else ""
        return ("one of " if len(words) > 1 else "") + ", ".join(words) + close
    if kind == "greater_than_equal":
        return f"at least {context['ge']}"
    if kind == "less_than_equal":
        return f"at most {context['le']}"
    return _EXPECTED.get(kind, detail["msg"])


def _fields(model: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    """The keys a mapping at this path may have."""
    for step in loc:
        field = model.model_fields.get(str(step))
        if field is not None:
            model = next(_models(field.annotation), model)
    return tuple(model.model_fields)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
