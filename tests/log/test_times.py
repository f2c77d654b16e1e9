from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.errors import InputError
from guardrail.log import iso, parse_time
from tests.log.support import HOUR, T0


def test_forms() -> None:
    assert parse_time("2026-01-16") == T0
    assert parse_time("2026-01-16T09:00Z") == T0 + 9 * HOUR
    assert parse_time("2026-01-16T09:00+09:00") == T0
    assert parse_time("24h", now=T0) == T0 - 24 * HOUR
    assert parse_time("2d", now=T0) == T0 - 48 * HOUR


@pytest.mark.parametrize("text", ["", "yesterday", "h", "-1h", "2026-13-01", "٣h"])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(InputError, match="not a time"):
        parse_time(text)


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_text_and_nanoseconds_agree_to_the_microsecond(at: int) -> None:
    assert parse_time(iso(at)) == at // 1000 * 1000
    assert iso(at).endswith(f"{at % 1_000_000_000:09d}Z")


@given(st.lists(st.integers(0, 4_000_000_000_000_000_000)))
def test_text_sorts_like_time(times: list[int]) -> None:
    assert sorted(map(iso, times)) == list(map(iso, sorted(times)))
