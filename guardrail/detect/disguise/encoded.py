"""Encoded runs of a text: base64 and base32, hexadecimal, escapes, character codes, Morse."""

from __future__ import annotations

import base64
import binascii
import html
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from guardrail.detect.disguise.changes import Change
from guardrail.detect.disguise.vocabulary import vocabulary
from guardrail.text import scripts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TRICK = "encoded"
LONG = 15
"""Shortest run of letters and digits, code points, that may be base64 unasked."""

_ASKED = re.compile(
    r"(?i)base ?-?(?:64|32)|\bb64|decod|decrypt|decipher|encod|\bhex|binary|morse|ascii|unicode"
    r"|デコード|復号|解読|解码|解碼|디코딩|entschl|décod|decodif|декод|расшифр"
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/=_\-])(?:[A-Za-z0-9+/]{40,}\r?\n)*(?:[A-Za-z0-9+/]{8,}|[A-Za-z0-9_\-]{16,})"
    r"={0,2}(?![A-Za-z0-9+/=_])"
)
_BASE32 = re.compile(r"[A-Z2-7]+\Z")
_HEX = re.compile(
    r"(?<![0-9A-Za-z#\-])(?:(?:0x|\\x)?[0-9A-Fa-f]{2}[ ,:\n]{0,2}){5,}(?![0-9A-Za-z\-])"
)
_BINARY = re.compile(r"(?<![0-9A-Za-z.])(?:[01]{7,8}[ ,\n]{1,2}){3,}[01]{7,8}(?![0-9A-Za-z.])")
_PACKED = re.compile(r"(?<![0-9A-Za-z.])(?:[01]{8}){4,}(?![0-9A-Za-z.])")
_CODES = re.compile(r"(?<![0-9A-Za-z.])(?:\d{2,3}[ ,;\-\n]{1,2}){4,}\d{2,3}(?![0-9A-Za-z.])")
_PERCENT = re.compile(r"(?<!\S)(?!\w+://)[^\s%]*(?:%[0-9A-Fa-f]{2}[^\s%]*){2,}")
_ESCAPES = re.compile(
    r"(?:\\(?:u[0-9A-Fa-f]{4}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|x[0-9A-Fa-f]{2})"
    r"|U\+[0-9A-Fa-f]{4,6} ?){3,}"
)
_ESCAPE = re.compile(r"(?:\\[uUx]\{?|U\+)([0-9A-Fa-f]+)")
_ENTITIES = re.compile(r"(?:&#(?:\d{2,7}|[xX][0-9A-Fa-f]{2,6});\s?){3,}")
_MORSE = re.compile(
    r"(?<![\w.\-])(?:[.\-\u00b7\u2022\u2013\u2212_]{1,6}[ /|]{1,3}){2,}"
    r"[.\-\u00b7\u2022\u2013\u2212_]{1,6}(?![\w.\-])"
)
_DOTS = str.maketrans("\u00b7\u2022\u2013\u2212_", "..---")
_CODE = (
    ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- "
    ".-- -..- -.-- --.."
)
_LETTERS = {code: chr(ord("a") + number) for number, code in enumerate(_CODE.split(" "))}
_DIGITS = re.compile(r"\d[0-9A-Fa-f]{0,8}(?:[ ,;:\n-]{1,2}[0-9A-Fa-f]{2,8}){3}|\d[0-9A-Fa-f]{8}")
_WORD = re.compile(r"[^\W\d_]+")
_MIN_LETTERS, _SURE = 3, 9
_FEW = 0.7
_MOST_SCRIPTS = 3


def may_be_encoded(text: str) -> bool:
    """A quick test that lets through all shorter runs that `encoded` would decode."""
    return (
        ("%" in text and _PERCENT.search(text) is not None)
        or "\\" in text
        or "&#" in text
        or "U+" in text
        or "64" in text
        or "=" in text
        or (".-" in text or "-." in text or "\u2013" in text or "\u00b7" in text)
        or (("1" in text or "6" in text or "7" in text) and _DIGITS.search(text) is not None)
    )


def encoded(text: str, longest: int) -> Iterator[Change]:
    """Each run that decodes to text, with what it says.

    longest: length of the longest stretch without spaces, code points.
    """
    asked: bool | None = None
    for signs, pattern, decode in _KINDS:
        for sign in signs:
            if sign in text:
                break
        else:
            if longest <= LONG or pattern is not _BASE64:
                continue
        for match in pattern.finditer(text):
            plain = decode(match[0])
            if not plain or not _is_text(plain):
                continue
            if asked is None:
                asked = _ASKED.search(text) is not None
            if pattern in _EXPLICIT or _is_meant(plain, asked=asked, loose=pattern is _CODES):
                yield Change(*match.span(), plain, TRICK)


def _is_text(plain: str) -> bool:
    """Whether something decoded is printable and mostly letters."""
    letters = sum(c.isalpha() or c.isspace() for c in plain)
    return (
        len(plain) >= _MIN_LETTERS
        and letters >= _FEW * len(plain)
        and all(c.isprintable() or c in "\n\r\t" for c in plain)
    )


def _is_meant(plain: str, *, asked: bool, loose: bool) -> bool:
    """Whether decoded letters are no accident: there are many, or they make known words.

    loose: any numbers of a range would do.
    """
    if len(plain.encode()) >= _SURE and not loose:
        return plain.isascii() or not _is_mixed(plain)
    words = [word.lower() for word in _WORD.findall(plain)]
    hits = sum(map(vocabulary().says, words))
    telling = not vocabulary().telling.isdisjoint(words)
    return telling or (hits * 3 >= len(words) and (hits > 1 or asked))


def _is_mixed(plain: str) -> bool:
    """Whether decoded letters are of many scripts or of none that is known, as noise is."""
    return not 0 < len(scripts_of(plain)) <= _MOST_SCRIPTS


def _utf8(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return ""


def _from_base64(run: str) -> str:
    core = re.sub(r"\s", "", run).rstrip("=")
    if core.isdigit() or (core.isalpha() and (core.islower() or core.istitle())):
        return ""
    if len(core) >= LONG and _BASE32.match(core) and (plain := _from_base32(core)):
        return plain
    try:
        data = base64.b64decode(core + "=" * (-len(core) % 4), altchars=_alternative(core))
    except binascii.Error:
        return ""
    return _utf8(data)


def _alternative(core: str) -> bytes | None:
    return b"-_" if "-" in core or "_" in core else None


def _from_base32(core: str) -> str:
    try:
        return _utf8(base64.b32decode(core + "=" * (-len(core) % 8)))
    except binascii.Error:
        return ""


def _from_hex(run: str) -> str:
    digits = re.sub(r"0x|\\x|[^0-9A-Fa-f]", "", run)
    return _utf8(bytes.fromhex(digits)) if len(digits) % 2 == 0 else ""


def _from_binary(run: str) -> str:
    bits = run.split() if " " in run or "\n" in run else re.findall("[01]{8}", run)
    return _utf8(bytes(int(bit.strip(","), 2) for bit in bits))


def _from_codes(run: str) -> str:
    codes = [int(code) for code in re.findall(r"\d+", run)]
    return "".join(map(chr, codes)) if all(31 < code < 256 for code in codes) else ""  # noqa: PLR2004


def _from_percent(run: str) -> str:
    return unquote(run.replace("+", " "), errors="ignore")


def _from_escapes(run: str) -> str:
    codes = [int(code, 16) for code in _ESCAPE.findall(run)]
    return "".join(chr(c) for c in codes if c < 0xD800 or 0xDFFF < c < 0x110000)  # noqa: PLR2004


def _from_morse(run: str) -> str:
    words = re.split(r"\s*[/|]\s*|\s{2,}", run.translate(_DOTS).strip())
    plain = " ".join("".join(_LETTERS.get(code, "?") for code in w.split()) for w in words)
    return "" if "?" in plain or len(set(plain)) < _MIN_LETTERS else plain


_EXPLICIT = frozenset({_PERCENT, _ESCAPES, _ENTITIES, _MORSE})

# What every run of a kind holds, the runs, and how one is decoded.
_KINDS: tuple[tuple[tuple[str, ...], re.Pattern[str], Callable[[str], str]], ...] = (
    (("%",), _PERCENT, _from_percent),
    (("\\u", "\\x", "\\U", "U+"), _ESCAPES, _from_escapes),
    (("&#",), _ENTITIES, html.unescape),
    (("01",), _BINARY, _from_binary),
    (("01",), _PACKED, _from_binary),
    (("6", "7"), _HEX, _from_hex),
    (("1",), _CODES, _from_codes),
    ((".-", "-.", "\u00b7-", "-\u00b7", "\u2022\u2013", "\u2013\u2022"), _MORSE, _from_morse),
    (("=", "64"), _BASE64, _from_base64),
)
