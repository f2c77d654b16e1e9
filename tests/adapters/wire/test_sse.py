"""Server-sent events come apart the same however their bytes are cut, and go together again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.adapters.wire import sse
from guardrail.adapters.wire.sse import Event, EventParser, aevents, events

TEXT = st.text(st.characters(exclude_characters="\r", codec="utf-8"), max_size=40)
NAME = st.from_regex(r"([a-z][a-z0-9_.-]{0,8})?", fullmatch=True)
EVENTS = st.lists(st.builds(Event, TEXT, NAME), max_size=8)


def parsed(data: bytes, cuts: list[int]) -> list[Event]:
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    return list(events(data[low:high] for low, high in pairwise(edges)))


def until_broken(data: bytes, cuts: list[int]) -> tuple[list[Event], bool]:
    """The events before one that is none, and whether there was one."""
    edges = [0, *sorted(min(place, len(data)) for place in cuts), len(data)]
    found: list[Event] = []
    try:
        found.extend(events(data[low:high] for low, high in pairwise(edges)))
    except ValueError:
        return found, True
    return found, False


@settings(max_examples=300)
@given(EVENTS, st.lists(st.integers(0, 400), max_size=40))
def test_what_was_put_together_comes_apart_again(told: list[Event], cuts: list[int]) -> None:
    assert parsed(b"".join(map(bytes, told)), cuts) == told


@settings(max_examples=300)
@given(
    st.lists(
        st.sampled_from(
            [
                "data: é🍁",
                "data:x",
                "event: a",
                ": c",
                "",
                "\n",
                "\r",
                "\r\n",
                "id: 1",
                "data",
                "\n\n",
            ]
        ),
        max_size=30,
    ),
    st.lists(st.integers(0, 200), max_size=20),
)
def test_where_the_bytes_are_cut_does_not_matter(lines: list[str], cuts: list[int]) -> None:
    data = "".join(lines).encode()
    by_byte = until_broken(data, list(range(len(data))))
    assert until_broken(data, cuts) == until_broken(data, []) == by_byte


@pytest.mark.parametrize("name", ["Taylor Swift, nude", "two words", "é", "a" * 65, "A"])
def test_a_name_that_may_be_words_is_an_error(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        parsed(f"event: {name}\n\n".encode(), [])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\n", [Event("a")]),
        (b"data: a\r\n\r\n", [Event("a")]),
        (b"data: a\r\r", [Event("a")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [Event("a"), Event()]),
        (b"data: a\ndata: b\n\n", [Event("a\nb")]),
        (b"data:a\ndata:  b\n\n", [Event("a\n b")]),
        (b"event: ping\n\n", [Event("", "ping")]),
        (b"event: x\nevent: y\ndata: a\n\n", [Event("a", "y")]),
        (b"id: 7\nretry: 10\ndata: a\n\n", [Event("a")]),
        (b"data: a:b\n\n", [Event("a:b")]),
        (b": keep-alive\n\n", [Event()]),
        (b"\n\n\r\n", []),
        (b"data: a\n", []),
        (b"data: a\n\ndata: cut", [Event("a")]),
        (b"data: a\n\ndata: \xe3\x81", [Event("a")]),
    ],
)
def test_events(data: bytes, expected: list[Event]) -> None:
    assert parsed(data, []) == expected
    assert parsed(data, list(range(len(data)))) == expected


@pytest.mark.parametrize("data", [b"data: \xff\n\n", b"data: \xc3(\n\n", b"\xed\xa0\x80\n"])
def test_what_is_no_utf_8_is_an_error(data: bytes) -> None:
    for cuts in ([], list(range(len(data)))):
        with pytest.raises(ValueError, match="utf-8"):
            parsed(data, cuts)


@pytest.mark.parametrize("line", [b"x", b"data: ab\n", b"\xe3\x81\x82", b":\r\n"])
def test_an_event_without_an_end_is_an_error(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 50_000)
    fed = 0

    def endless() -> Iterator[bytes]:
        nonlocal fed
        while True:
            fed += 1
            yield line

    with pytest.raises(ValueError, match="an event of more than 50000 characters"):
        list(events(endless()))
    assert fed <= 50_001


def test_a_line_that_arrives_byte_by_byte_is_one_line() -> None:
    parser = EventParser()
    for letter in b"data: " + b"a" * 100_000:
        assert list(parser.feed(bytes([letter]))) == []
    assert list(parser.feed(b"\n\n")) == [Event("a" * 100_000)]


async def test_asyncio_reads_the_same() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in (b"data: a\r", b"\n\r", b"\ndata: b\n\n"):
            yield piece

    assert [event async for event in aevents(chunks())] == [Event("a"), Event("b")]


def test_the_event_that_comes_with_another() -> None:
    assert parsed(bytes(Event("a", then="[DONE]")), []) == [Event("a"), Event("[DONE]")]
    assert parsed(bytes(Event("a\nb\n", "n")), []) == [Event("a\nb\n", "n")]
