"""Entries as canonical JSON, and commitments to what may be erased."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.commitment import Opening
from guardrail.chain.entry import (
    MAX_BODY,
    Json,
    body_of,
    canonical,
    entry_bytes,
    entry_leaf,
    read_body,
)
from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import keyed, leaf_hash
from guardrail.log.fragments import canonical as log_canonical
from tests.chain.signers import flip

SAFE = (1 << 53) - 1
texts = st.text(st.characters(exclude_categories=["Cs"]))
values: st.SearchStrategy[Json] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-SAFE, SAFE),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 8785 section 3.2.2 and 3.2.3
        (
            {
                "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
                "string": '\u20ac$\u000f\nA\'B"\\\\"/',
                "literals": [None, True, False],
            },
            (
                '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
                '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
            ),
        ),
        (
            {
                "\u20ac": "Euro Sign",
                "\r": "Carriage Return",
                "\ufb33": "Hebrew Letter Dalet With Dagesh",
                "1": "One",
                "\U0001f600": "Emoji: Grinning Face",
                "\u0080": "Control",
                "\u00f6": "Latin Small Letter O With Diaeresis",
            },
            (
                '{"\\r":"Carriage Return","1":"One","\u0080":"Control",'
                '"\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign",'
                '"\U0001f600":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}'
            ),
        ),
    ],
)
def test_the_rfc_s_examples(value: Json, text: str) -> None:
    assert canonical(value).decode() == text


@pytest.mark.parametrize(
    ("bits", "text"),
    [  # RFC 8785 appendix B
        (0x0000000000000000, "0"),
        (0x8000000000000000, "0"),
        (0x0000000000000001, "5e-324"),
        (0x8000000000000001, "-5e-324"),
        (0x7FEFFFFFFFFFFFFF, "1.7976931348623157e+308"),
        (0x4340000000000000, "9007199254740992"),
        (0xC340000000000000, "-9007199254740992"),
        (0x4430000000000000, "295147905179352830000"),
        (0x44B52D02C7E14AF5, "9.999999999999997e+22"),
        (0x44B52D02C7E14AF6, "1e+23"),
        (0x44B52D02C7E14AF7, "1.0000000000000001e+23"),
        (0x444B1AE4D6E2EF4E, "999999999999999700000"),
        (0x444B1AE4D6E2EF4F, "999999999999999900000"),
        (0x444B1AE4D6E2EF50, "1e+21"),
        (0x3EB0C6F7A0B5ED8C, "9.999999999999997e-7"),
        (0x3EB0C6F7A0B5ED8D, "0.000001"),
        (0x41B3DE4355555553, "333333333.3333332"),
        (0x41B3DE4355555557, "333333333.33333343"),
        (0xBECBF647612F3696, "-0.0000033333333333333333"),
        (0x43143FF3C1CB0959, "1424953923781206.2"),
    ],
)
def test_the_rfc_s_numbers(bits: int, text: str) -> None:
    assert canonical(float.fromhex(as_float(bits).hex())).decode() == text


def as_float(bits: int) -> float:
    import struct

    found: float = struct.unpack(">d", bits.to_bytes(8, "big"))[0]
    return found


@given(values)
def test_the_quick_way_writes_what_the_library_writes(value: Json) -> None:
    assert canonical(value) == rfc8785.dumps(value)


@given(st.dictionaries(texts, values, max_size=5))
def test_a_body_reads_back(value: dict[str, Json]) -> None:
    assert canonical(read_body(canonical(value))) == canonical(value)


@given(
    st.dictionaries(
        st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1),
        st.one_of(
            texts,
            st.booleans(),
            st.integers(-SAFE, SAFE),
            st.floats(-1e6, 1e6)
            .map(lambda number: round(number, 4))
            .filter(lambda number: number != int(number)),
        ),
    )
)
def test_the_log_s_encoder_is_canonical_within_safe_numbers(value: dict[str, Json]) -> None:
    assert log_canonical(value).encode() == canonical(value)


@pytest.mark.parametrize(
    "value",
    [1 << 53, -(1 << 53), math.nan, math.inf, "\ud800", {"\ud800": 1}, {1: 2}, {"a": b""}, {1, 2}],
)
def test_what_json_cannot_hold_exactly_is_refused(value: Json) -> None:
    with pytest.raises(Malformed, match="canonical JSON"):
        canonical({"nested": [value]})


def test_depth_is_refused_not_crashed_on() -> None:
    deep: Json = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Malformed, match="too deep"):
        canonical(deep)
    with pytest.raises(Malformed, match="too deep"):
        read_body(b"[" * 100_000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"a"',
        b"{} ",
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":-0}',
        b'{"a":1e400}',
        b'{"a":NaN}',
        b'{"a":9007199254740993}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":"\\u0061"}',
        b'{"a":"\\ud800"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":"\xff"}',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_other_bytes_are_no_body(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_body(body)


@given(st.binary(max_size=200))
def test_noise_is_no_body(noise: bytes) -> None:
    try:
        value = read_body(noise)
    except Malformed:
        return
    assert canonical(value) == noise


@given(st.binary(max_size=200))
def test_an_entry_is_its_body_behind_a_version(body: bytes) -> None:
    entry = entry_bytes(body)
    assert entry == b"guardrail-entry/1\n" + body
    assert body_of(entry) == body
    assert entry_leaf(body) == leaf_hash(entry)
    with pytest.raises(Malformed):
        body_of(flip(entry, 5))


def test_an_entry_fits_a_bundle() -> None:
    assert len(entry_bytes(bytes(MAX_BODY))) == 65535
    with pytest.raises(Malformed, match="65518 bytes"):
        entry_bytes(bytes(MAX_BODY + 1))
    with pytest.raises(Malformed):
        body_of(entry_bytes(bytes(MAX_BODY)) + b"!")


salts = st.binary(min_size=32, max_size=32)


@given(texts.filter(lambda name: name and "\n" not in name), values, salts)
def test_an_opening_opens_its_commitment(name: str, value: Json, salt: bytes) -> None:
    opening = Opening(name, value, salt)
    assert opening.opens(opening.commitment)
    assert not Opening(name + "!", value, salt).opens(opening.commitment)
    assert not Opening(name, [value], salt).opens(opening.commitment)
    assert not Opening(name, value, flip(salt, 7)).opens(opening.commitment)
    assert not opening.opens(opening.commitment.upper() + "\ud800")


def test_a_commitment_is_an_hmac() -> None:
    import hashlib
    import hmac

    message = b'guardrail-commitment/1\nuser\n{"id":"u1"}'
    expected = hmac.new(bytes(32), message, hashlib.sha256).hexdigest()
    assert Opening("user", {"id": "u1"}, bytes(32)).commitment == expected
    assert json.dumps(expected) == canonical(expected).decode()


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200))
def test_what_is_keyed_is_an_hmac(key: bytes, data: bytes) -> None:
    import hmac

    assert keyed(key, data) == hmac.digest(key, data, "sha256").hex()


@pytest.mark.parametrize("size", [0, 31, 33, 64, 65])
def test_a_key_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"a key of {size} bytes"):
        keyed(bytes(size), b"")


def test_an_opening_is_valid_by_construction_and_shows_no_secret() -> None:
    assert "secret" not in repr(Opening("field", "secret", bytes(32)))
    for name, salt in (("", bytes(32)), ("a\nb", bytes(32)), ("a", bytes(16)), ("a", bytes(33))):
        with pytest.raises(Malformed):
            Opening(name, "value", salt)
    with pytest.raises(Malformed):
        _ = Opening("\ud800", "value", bytes(32)).commitment
