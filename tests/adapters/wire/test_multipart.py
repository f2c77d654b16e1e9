"""Forms are read strictly: whatever two readers may read differently is no valid call."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.adapters.wire.codec import BadCall
from guardrail.adapters.wire.http import Body, Call
from guardrail.adapters.wire.multipart import (
    MAX_HEADER,
    MAX_PARTS,
    MAX_TEXT,
    Part,
    arguments,
    form,
)

TYPE = "multipart/form-data; boundary=xyz"


class Pieces(io.BytesIO):
    """A file that is read in pieces of the sizes given, whatever is asked for."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        super().__init__(data)
        self._sizes = sizes
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        del size
        self._at += 1
        return super().read(self._sizes[self._at % len(self._sizes)])


def call(body: bytes, content_type: str = TYPE, *headers: tuple[str, str]) -> Call:
    return Call(
        "POST", "/v1/images/edits", "", (("Content-Type", content_type), *headers), Body(body)
    )


def text(name: str, value: str = "v") -> bytes:
    return part(f'form-data; name="{name}"', value.encode())


def part(disposition: str, data: bytes = b"v", *headers: str) -> bytes:
    lines = [f"Content-Disposition: {disposition}", *headers]
    return (
        b"--xyz\r\n" + "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + data + b"\r\n"
    )


END = b"--xyz--\r\n"


def test_texts_and_files_in_order() -> None:
    body = text("prompt", "a garden") + part(
        'form-data; name="image"; filename="a.png"', b"\x89\xff", "Content-Type: image/png"
    )
    assert form(call(body + END), 100) == [
        Part("prompt", b"a garden"),
        Part("image", b"\x89\xff", "a.png"),
    ]


def test_lists_are_named_so() -> None:
    parts = form(call(text("a[]", "1") + text("b", "2") + text("a[]", "3") + END), 0)
    assert arguments(parts) == {"a": ["1", "3"], "b": "2"}


def test_a_file_is_kept_up_to_the_limit_and_one_byte() -> None:
    body = part('form-data; name="image"; filename="a"', b"0123456789")
    assert form(call(body + END), 4)[0].data == b"01234"


@pytest.mark.parametrize("names", [("a", "a"), ("a", "a[]"), ("a[]", "a")])
def test_what_stands_twice(names: tuple[str, str]) -> None:
    parts = form(call(text(names[0]) + text(names[1]) + END), 0)
    with pytest.raises(BadCall):
        arguments(parts)


def test_a_text_that_is_not_utf8() -> None:
    parts = form(call(part('form-data; name="prompt"', b"\xff") + END), 0)
    with pytest.raises(BadCall, match="'prompt' of the form is not UTF-8"):
        arguments(parts)


BAD = {
    "nothing": b"",
    "no parts": END,
    "a preamble": b"hello\r\n" + text("a") + END,
    "a line before": b"\r\n" + text("a") + END,
    "an epilogue": text("a") + END + b"hello",
    "no end": text("a"),
    "an end cut short": text("a") + b"--xyz-",
    "another form after it": text("a") + END + text("b") + END,
    "bare line feeds": (text("a") + END).replace(b"\r\n", b"\n"),
    "a bare line feed before a boundary": text("a", "v\n--xyz\r\nx") + END,
    "a boundary that goes on": text("a", "v\r\n--xyzzy") + END,
    "a padded boundary": text("a") + text("b").replace(b"--xyz\r\n", b"--xyz \r\n") + END,
    "a boundary inside": text("a", "see --xyz") + END,
    "no disposition": b"--xyz\r\n\r\nv\r\n" + END,
    "no name": part("form-data") + END,
    "an empty name": text("") + END,
    "another disposition": part('attachment; name="a"') + END,
    "two dispositions": part(
        'form-data; name="a"', b"v", 'Content-Disposition: form-data; name="b"'
    )
    + END,
    "an unquoted name": part("form-data; name=a") + END,
    "two names": part('form-data; name="a"; name="b"') + END,
    "two filenames": part('form-data; name="a"; filename="b"; filename="c"') + END,
    "an extended filename": part("form-data; name=\"a\"; filename*=UTF-8''b") + END,
    "an escaped quote": part('form-data; name="a\\"; filename=\\"b"') + END,
    "a quote in a filename": part('form-data; name="a"; filename="b"c"') + END,
    "a name with a zero": text("a\0b") + END,
    "a folded header": part('form-data;\r\n name="a"') + END,
    "a transfer encoding": part('form-data; name="a"', b"v", "Content-Transfer-Encoding: base64")
    + END,
    "an unknown header": part('form-data; name="a"', b"v", "X-Name: b") + END,
    "a nested form": part('form-data; name="a"', b"v", "Content-Type: multipart/mixed; boundary=q")
    + END,
    "a message": part('form-data; name="a"', b"v", "Content-Type: message/rfc822") + END,
    "another charset": part('form-data; name="a"', b"v", "Content-Type: text/plain; charset=utf-7")
    + END,
    "the charset field": text("_charset_", "utf-7") + END,
    "a name that is not UTF-8": text("a").replace(b'"a"', b'"\xff"') + END,
    "a header name with a space": text("a").replace(b"Disposition:", b"Disposition :") + END,
    "a long header": part(f'form-data; name="{"a" * MAX_HEADER}"') + END,
    "many parts": b"".join(text(f"n{number}") for number in range(1000)) + END,
    "a long text": text("a", "v" * (MAX_TEXT + 1)) + END,
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_what_is_no_form(name: str, size: int) -> None:
    body = Body(file=Pieces(BAD[name], [size]))
    headers = (("Content-Type", TYPE),)
    if size == 1 and len(BAD[name]) > MAX_TEXT:
        return
    with pytest.raises(BadCall):
        form(Call("POST", "/v1/images/edits", "", headers, body), 10)


def test_too_many_parts_is_said_so() -> None:
    with pytest.raises(BadCall, match=f"more than {MAX_PARTS} parts") as caught:
        form(call(BAD["many parts"]), 10)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary=xyz; boundary=abc",
        "multipart/form-data; boundary=xyz; charset=utf-7",
        'multipart/form-data; boundary="x y"',
        "multipart/form-data; boundary*=utf-8''xyz",
        'multipart/form-data; boundary="xyz\\""',
    ],
)
def test_odd_boundaries(content_type: str) -> None:
    with pytest.raises(BadCall, match="boundary of 1 to 70"):
        form(call(text("a") + END, content_type), 0)


def test_a_boundary_may_be_quoted() -> None:
    assert form(call(text("a") + END, 'multipart/form-data; boundary="xyz"'), 0) == [
        Part("a", b"v")
    ]


def test_a_compressed_form_is_not_read() -> None:
    with pytest.raises(BadCall, match="content encoding"):
        form(call(text("a") + END, TYPE, ("Content-Encoding", "gzip")), 0)


DATA = st.lists(
    st.one_of(
        st.binary(max_size=40), st.sampled_from([b"\r\n", b"--xy", b"\r\n--xy", b"-", b"\r"])
    ),
    max_size=6,
).map(b"".join)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=9
).filter(lambda name: '"' not in name and "\\" not in name and name != "_charset_")
PARTS = st.lists(
    st.builds(Part, NAMES, DATA.filter(lambda data: b"--xyz" not in data), st.none() | NAMES),
    min_size=1,
    max_size=4,
)


def written(parts: list[Part]) -> bytes:
    def one(item: Part) -> bytes:
        file = "" if item.filename is None else f'; filename="{item.filename}"'
        return part(f'form-data; name="{item.name}"{file}', item.data)

    return b"".join(map(one, parts)) + END


@given(PARTS, st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_any_form_is_read_the_same_however_it_is_cut(parts: list[Part], sizes: list[int]) -> None:
    body = Body(file=Pieces(written(parts), sizes))
    read = form(Call("POST", "/", "", (("Content-Type", TYPE),), body), 10_000)
    assert read == parts


@given(st.lists(st.sampled_from([text("a"), END, b"--xyz", b"\r\n", b"--", b"x", b"\n", b" "])))
def test_any_bytes_are_read_or_refused_the_same_however_they_are_cut(pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    results = []
    for sizes in ([1], [3, 5], [1 << 16]):
        body = Body(file=Pieces(data, sizes))
        try:
            results.append(form(Call("POST", "/", "", (("Content-Type", TYPE),), body), 10))
        except BadCall:
            results.append([])
    assert results[0] == results[1] == results[2]
