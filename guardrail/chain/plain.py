"""The small text pieces all C2SP formats share, read strictly: one way to write each value."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

from guardrail.chain.errors import Malformed
from guardrail.chain.hashing import HASH_SIZE, MAX_SIZE

_MAX_DIGITS = 19


def write_base64(data: bytes) -> str:
    """Standard base64 with padding. Source: RFC 4648 section 4."""
    return b64encode(data).decode("ascii")


def read_base64(text: str, what: str, line: int = 0) -> bytes:
    """The bytes of canonical base64; raises Malformed. Source: RFC 4648 sections 3.5 and 4."""
    try:
        data = b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise Malformed(what, "not base64", line) from None
    if write_base64(data) != text:
        raise Malformed(what, "not canonical base64", line)
    return data


def read_hash(text: str, what: str, line: int = 0) -> bytes:
    """A SHA-256 in base64; raises Malformed. Source: C2SP tlog-checkpoint."""
    data = read_base64(text, what, line)
    if len(data) != HASH_SIZE:
        raise Malformed(what, f"a hash of {len(data)} bytes, not {HASH_SIZE}", line)
    return data


def read_number(text: str, what: str, line: int = 0) -> int:
    """ASCII decimal without leading zeroes, below 2**63; raises Malformed. C2SP tlog-checkpoint."""
    plain = text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
    if not plain or (text[0] == "0" and text != "0") or int(text) > MAX_SIZE:
        raise Malformed(what, "not a decimal number without leading zeroes, below 2**63", line)
    return int(text)


def read_utf8(data: bytes, what: str) -> str:
    """UTF-8 text without control characters but newlines; raises Malformed. C2SP signed-note."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(what, "not UTF-8", line) from None
    for number, line_text in enumerate(text.split("\n"), 1):
        if any(char < " " for char in line_text):
            raise Malformed(what, "a control character", number)
    return text


def is_text(line: str) -> bool:
    """Whether it is one line of valid Unicode without control characters. C2SP signed-note."""
    return not any(char < " " or "\ud800" <= char <= "\udfff" for char in line)


def is_name(text: str) -> bool:
    """Whether it may name a key: one line, not empty, no space or plus. C2SP signed-note."""
    return bool(text) and is_text(text) and not any(char.isspace() or char == "+" for char in text)
