from __future__ import annotations

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.detect.intake import check_images, decode_base64, identify
from guardrail.errors import InputError
from guardrail.records import Image
from tests.detect.pictures import gif, jpeg, png, webp, webp_lossy

KINDS = {
    "png": png(2, 3),
    "jpeg": jpeg(2, 3),
    "webp": webp(2, 3),
    "gif": gif(2, 3),
}
MPF = (0xE2, b"MPF\0II*\0")


@pytest.mark.parametrize(("kind", "data"), KINDS.items())
def test_each_kind_is_told_by_its_bytes(kind: str, data: bytes) -> None:
    assert identify(data) == kind


def test_lossy_webp_and_fill_bytes_in_jpeg_are_fine() -> None:
    assert identify(webp_lossy(4, 5)) == "webp"
    assert identify(jpeg(2, 3).replace(b"\xff\xc0", b"\xff\xff\xc0", 1)) == "jpeg"


@pytest.mark.parametrize("data", KINDS.values(), ids=KINDS)
def test_a_picture_cut_short_anywhere_is_refused(data: bytes) -> None:
    for end in range(len(data)):
        with pytest.raises(InputError):
            identify(data[:end])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"%PDF-1.7", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"BM" + bytes(64), "not an image"),
        (png(0, 5), "without an area"),
        (jpeg(5, 0), "without an area"),
        (png(20_000, 20_000), "too many pixels"),
        (jpeg(60_000, 60_000), "too many pixels"),
        (webp(16_000, 16_000), "too many pixels"),
        (gif(60_000, 60_000), "too many pixels"),
        (png(1, 1, (b"acTL", bytes(8))), "multi-frame png"),
        (jpeg(1, 1, MPF), "multi-frame jpeg"),
        (webp(1, 1, (b"ANIM", bytes(6))), "multi-frame webp"),
        (gif(1, 1, frames=2), "multi-frame gif"),
        (gif(1, 1, frames=0), "cut short"),
        (png()[:20] + b"\x01" + png()[21:], "malformed"),
    ],
)
def test_the_problem_is_named(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        identify(data)


@given(st.sampled_from(list(KINDS.values())), st.data())
def test_no_bytes_raise_anything_but_input_error(data: bytes, draw: st.DataObject) -> None:
    changed = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        changed[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    with suppress(InputError):
        assert identify(bytes(changed)) in KINDS


@given(st.binary(min_size=1, max_size=64))
def test_base64_is_read_back(data: bytes) -> None:
    text = base64.b64encode(data).decode()
    assert decode_base64(text, len(data)) == data
    assert decode_base64(f"data:image/png;base64,{text}", len(data)) == data
    with pytest.raises(InputError, match="larger than"):
        decode_base64(text, len(data) - 1)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "data:", "data:image/png,abc", "data:image/png;base64,", "ab!d", "abc", "é==="],
)
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        decode_base64(text, 100)


def test_size_is_checked_before_decoding() -> None:
    with pytest.raises(InputError, match="larger than 3 bytes"):
        decode_base64("!" * 4000, 3)


def test_check_images_names_the_first_problem() -> None:
    good = Image(png())
    assert check_images((), max_images=0, max_bytes=0) == ""
    assert check_images((good, good), max_images=2, max_bytes=1000) == ""
    assert check_images((good, good), max_images=1, max_bytes=1000) == "2 images, more than 1"
    assert check_images((good, Image(b"x")), max_images=2, max_bytes=1000).startswith(
        "image 2: not an image"
    )
    assert check_images((good,), max_images=2, max_bytes=8) == "image 1: larger than 8 bytes"
    missing = Image(problem="a URL, which is not fetched")
    assert check_images((missing,), max_images=1, max_bytes=8) == f"image 1: {missing.problem}"


def test_messages_hold_nothing_of_the_file() -> None:
    with pytest.raises(InputError) as caught:
        identify(b"SECRET CONTENT")
    assert "SECRET" not in str(caught.value)
