"""Reading YAML into a tree, within bounds, from parser events and without recursion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn

import yaml

from guardrail.errors import Problem
from guardrail.policy.nodes import Fields, Items, Leaf, Node, describe, scalar

MAX_BYTES = 1_000_000
MAX_VALUES = 20_000
MAX_DEPTH = 32
_UNPRINTABLE = frozenset(map(chr, (*range(9), 11, 12, *range(14, 32), 127, 0xFFFE, 0xFFFF)))
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Unreadable(Exception):
    """The reading of a file ends here; `problem` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def decode(data: bytes, file: str) -> str:
    """UTF-8 text, or Unreadable with the place of the first byte that is not."""
    if len(data) > MAX_BYTES:
        message = f"found a file of {len(data)} bytes, expected at most {MAX_BYTES}"
        raise Unreadable(Problem(file, 1, 1, message))
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start]).decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"found byte 0x{error.object[error.start]:02x}, expected UTF-8 text"
        raise Unreadable(Problem(file, line, column, message)) from None


def read_tree(text: str, file: str) -> tuple[Node, list[Problem]]:
    """Read one YAML document; problems that do not end the reading come back beside it."""
    builder = _Builder(file)
    try:
        node = builder.build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax(error, file, text)) from None
    except yaml.YAMLError:
        raise Unreadable(_character(file, text)) from None
    return node, builder.problems


def _syntax(error: yaml.MarkedYAMLError, file: str, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    rows = text.split("\n")
    row = rows[line] if line < len(rows) else ""
    problem = (error.problem or "this is not YAML").replace("\n", " ")
    if "\t" in row[: column + 1]:
        problem, column = "found a tab, expected spaces", row.index("\t")
    elif error.context:
        problem = f"{problem} ({error.context})"
    return Problem(file, line + 1, column + 1, problem)


def _character(file: str, text: str) -> Problem:
    at = next((i for i, c in enumerate(text) if c in _UNPRINTABLE), 0)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    return Problem(file, line, column, "found an unprintable character, expected text")


class _Builder:
    """Builds the tree; `problems` are those after which reading goes on."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._anchors: dict[str | None, Node] = {}
        self._open: list[tuple[Items | Fields, str | None, list[Node]]] = []
        self._values = 0
        self._root: Node | None = None

    def build(self, events: Iterator[yaml.Event]) -> Node:
        documents = 0
        for event in events:
            match event:
                case yaml.DocumentStartEvent():
                    documents += 1
                    if documents > 1:
                        self._stop(event, "found a second document, expected one")
                case yaml.AliasEvent():
                    self._place(self._alias(event), event)
                case yaml.ScalarEvent():
                    self._place(self._leaf(event), event)
                case yaml.CollectionStartEvent():
                    self._enter(event)
                case yaml.CollectionEndEvent():
                    self._leave(event)
        if self._root is None:
            raise Unreadable(Problem(self._file, 1, 1, "found an empty file, expected a mapping"))
        return self._root

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        self._limit_depth(event, 1)
        self._check_tag(event)
        kind = Items if isinstance(event, yaml.SequenceStartEvent) else Fields
        self._open.append((kind(*_at(event)), event.anchor, []))

    def _leave(self, event: yaml.Event) -> None:
        node, anchor, children = self._open.pop()
        node.size += sum(child.size for child in children)
        node.depth = 1 + max((child.depth for child in children), default=0)
        if isinstance(node, Items):
            node.items = children
        else:
            self._pair(node, children)
        if anchor:
            self._anchors[anchor] = node
        self._place(node, event)

    def _pair(self, node: Fields, children: list[Node]) -> None:
        for key, value in zip(children[::2], children[1::2], strict=True):
            if not isinstance(key, Leaf) or not isinstance(key.value, str):
                self._problem(key, f"found {describe(key)} as a key, expected a word")
            elif key.value in node.fields:
                again = f"found {describe(key)} again, expected it once"
                self._problem(key, f"{again} (first: line {node.keys[key.value].line})")
            else:
                node.fields[key.value] = value
                node.keys[key.value] = key

    def _alias(self, event: yaml.AliasEvent) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            self._stop(event, f"found alias *{event.anchor}, expected its anchor before it")
        self._values += node.size
        self._limit_depth(event, node.depth)
        return node

    def _leaf(self, event: yaml.ScalarEvent) -> Leaf:
        self._check_tag(event)
        node = Leaf(*_at(event), value=event.value if event.style else scalar(event.value))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _place(self, node: Node, event: yaml.Event) -> None:
        self._values += 1
        if self._values > MAX_VALUES:
            self._stop(event, f"found more than {MAX_VALUES} values, aliases written out")
        if self._open:
            self._open[-1][2].append(node)
        else:
            self._root = node

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag not in (None, "!"):
            message = f"found the tag {event.tag}, expected none: tags have no meaning here"
            self.problems.append(Problem(self._file, *_at(event), message))

    def _limit_depth(self, event: yaml.Event, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            self._stop(event, f"found values nested too deep, expected at most {MAX_DEPTH} levels")

    def _problem(self, node: Node, message: str) -> None:
        self.problems.append(Problem(self._file, node.line, node.column, message))

    def _stop(self, event: yaml.Event, message: str) -> NoReturn:
        raise Unreadable(Problem(self._file, *_at(event), message))


def _at(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)
