"""Headers of a reply are handed out only where they can hold no sentence."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.adapters.wire.shown import shown
from guardrail.adapters.wire.unpacked import PIECE, unpacked


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-id", "req_011CSHoEeqs5C35K2UUqR7Fy"),
        ("x-ratelimit-reset-tokens", "6m0s"),
        ("date", "Sun, 22 Nov 2026 13:00:00 GMT"),
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache, no-store, max-age=0"),
        ("set-cookie", "a=b; Path=/; Expires=Sun, 22-Nov-2026 13:00:00 GMT; HttpOnly"),
        ("content-range", "bytes 0-99/200"),
        ("location", "https://example.org/v1/files?a=b&c=d"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ],
)
def test_what_servers_say_is_handed_out(name: str, value: str) -> None:
    assert shown([(name, value)]) == [(name, value)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-anything", "Taylor Swift, nude"),
        ("cache-control", "Taylor Swift, nude"),
        ("set-cookie", "a=Taylor Swift"),
        ("date", "Taylor Swift, 22 Nov 2026 13:00:00 GMT"),
        ("content-disposition", 'attachment; filename="Taylor Swift.png"'),
        ("x-request-id", "日本"),
        ("x-request-id", "a\tb"),
        ("x-list", "a, b"),
        ("a name", "b"),
        ("x-long", "a" * 5_000),
    ],
)
def test_what_may_be_a_sentence_is_not(name: str, value: str) -> None:
    assert shown([(name, value)]) == []


@given(st.binary(max_size=2_000), st.integers(1, 50), st.booleans())
def test_what_was_packed_comes_out_whole(data: bytes, size: int, as_gzip: bool) -> None:
    packed = gzip.compress(data) if as_gzip else zlib.compress(data)
    chunks = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(unpacked(chunks)) == data
    with pytest.raises(ValueError, match="reply"):
        list(unpacked(chunks[:-1] or [b"x"]))


def test_a_bomb_comes_out_in_pieces() -> None:
    packed = gzip.compress(b"0" * (40 * PIECE + 1))
    sizes = [len(piece) for piece in unpacked([packed])]
    assert (sum(sizes), max(sizes)) == (40 * PIECE + 1, PIECE)


@pytest.mark.parametrize("after", [b"x", gzip.compress(b"more")], ids=["text", "more"])
def test_nothing_goes_on_after_the_end(after: bytes) -> None:
    def chunks() -> Iterator[bytes]:
        yield gzip.compress(b"a") + after

    with pytest.raises(ValueError, match="after its end"):
        list(unpacked(chunks()))
