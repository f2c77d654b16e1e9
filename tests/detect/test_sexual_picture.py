"""A conversation that asks for a picture is weighed as one."""

from __future__ import annotations

from pathlib import Path

import pytest

from guardrail.detect.base import Document
from guardrail.detect.sexual import SexualText
from guardrail.detect.sexual.detector import PICTURE
from guardrail.detect.sexual.requests import load_requests
from guardrail.records import Finding, Operation, Request, TextPart
from guardrail.text import Views

CASES = [
    line.split("\t")
    for line in (Path(__file__).parent / "sexual_picture_cases.tsv").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


@pytest.fixture(scope="module")
def detector() -> SexualText:
    return SexualText()


def found(detector: SexualText, request: Request) -> dict[str, Finding]:
    return {finding.label: finding for finding in detector.detect(Document(request))}


@pytest.mark.parametrize(("asked", "text"), CASES)
def test_what_is_asked_for(asked: str, text: str) -> None:
    assert load_requests().pictured_in(Views(text).canonical.text) == (asked == "picture")


@pytest.mark.parametrize("text", [text for asked, text in CASES if asked == "picture"])
def test_swimwear_in_a_picture_asked_for_is_suggestive(detector: SexualText, text: str) -> None:
    answer = found(detector, Request.of(text))
    assert answer["sexual"].value != "none"
    assert answer["sexual"].value != "suggestive" or answer[PICTURE].span == answer["sexual"].span


@pytest.mark.parametrize("text", [text for asked, text in CASES if asked == "words"])
def test_words_about_swimwear_are_no_picture(detector: SexualText, text: str) -> None:
    assert PICTURE not in found(detector, Request.of(text))


def test_the_medium_may_be_named_in_an_earlier_message(detector: SexualText) -> None:
    said = ("draw the actress on a beach", "Done.", "a bikini would suit her better")
    roles = ("user", "assistant", "user")
    parts = tuple(
        TextPart(text, role, "message", turn)
        for turn, (text, role) in enumerate(zip(said, roles, strict=True))
    )
    assert PICTURE in found(detector, Request(parts=parts))
    assert PICTURE not in found(detector, Request(parts=parts[1:]))


def test_what_a_model_answers_asks_for_nothing(detector: SexualText) -> None:
    parts = (TextPart("draw her in a bikini", "assistant", "output"),)
    assert PICTURE not in found(detector, Request(parts=parts))


def test_an_image_request_needs_no_label(detector: SexualText) -> None:
    request = Request.of("draw the actress in a bikini", Operation.IMAGE_GENERATE)
    assert found(detector, request)["sexual"].value == "suggestive"
    assert PICTURE not in found(detector, request)
