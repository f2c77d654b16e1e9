from __future__ import annotations

import pytest

from guardrail.detect.base import Document
from guardrail.detect.edit import UploadEdit
from guardrail.records import Finding, Image, Operation, Output, Request, Role, TextPart
from tests.detect.pictures import png

PHOTO = (Image(png()),)
detector = UploadEdit()


def findings(document: Document) -> tuple[set[str], Role | None]:
    found: list[Finding] = list(detector.detect(document))
    people = [f for f in found if f.label == "person"]
    assert len(people) <= 1
    assert all(f.value == "uploaded" and not f.name and f.span is None for f in people)
    return {f.value for f in found if f.label == "edit"}, people[0].role if people else None


def chat(text: str, images: tuple[Image, ...] = PHOTO) -> Document:
    return Document(Request(parts=(TextPart(text),), images=images))


@pytest.mark.parametrize("operation", [op for op in Operation if op.edits])
@pytest.mark.parametrize("images", [PHOTO, ()])
def test_an_operation_that_edits_is_an_edit_of_somebody(
    operation: Operation, images: tuple[Image, ...]
) -> None:
    request = Request.of("make it brighter", operation, images=images)
    assert findings(Document(request)) == ({"photo"}, Role.DEPICTED)


@pytest.mark.parametrize("operation", [Operation.IMAGE_GENERATE, Operation.VIDEO_GENERATE])
def test_a_reference_picture_makes_generation_an_edit(operation: Operation) -> None:
    with_photo = Request.of("a beach", operation, images=PHOTO)
    assert findings(Document(with_photo)) == ({"photo"}, Role.DEPICTED)
    assert findings(Document(Request.of("a beach", operation))) == (set(), None)


@pytest.mark.parametrize("text", ["edit this picture", "この写真を編集して", "what is this?"])
def test_words_without_a_picture_are_no_edit(text: str) -> None:
    assert findings(chat(text, ())) == (set(), None)


@pytest.mark.parametrize(
    "text",
    [
        "Edit this picture: a red hat",
        "Draw this person as a knight",
        "can you remove the background?",
        "この写真を白黒に変えて",
        "この人をアニメ風に描いて",
        "把背景换成海滩",
        "배경을 바꿔줘",
        "cambia el fondo",
        "Ändere den Hintergrund",
        "сделай фон синим",
    ],
)
def test_a_conversation_that_asks_for_a_change_is_an_edit(text: str) -> None:
    assert findings(chat(text)) == ({"photo"}, Role.DEPICTED)


@pytest.mark.parametrize(
    "text",
    [
        "What is in this photo?",
        "Describe this picture.",
        "Please transcribe the sign",
        "この画像は何ですか",
        "写真に写っているものを説明してください",
        "这是什么？",
        "¿Qué hay en esta foto?",
        "Was ist auf dem Bild?",
        "",
    ],
)
def test_a_question_about_a_picture_only_mentions(text: str) -> None:
    assert findings(chat(text)) == (set(), Role.MENTIONED)


def test_unclear_words_depict() -> None:
    assert findings(chat("her at the beach, where palms grow, smiling")) == (set(), Role.DEPICTED)


def test_only_those_who_ask_are_heard() -> None:
    parts = (TextPart("You edit pictures.", role="system"), TextPart("Describe it", turn=1))
    assert findings(Document(Request(parts=parts, images=PHOTO))) == (set(), Role.MENTIONED)


def test_tool_arguments_are_heard() -> None:
    request = Request(parts=(TextPart("Describe it"),), images=PHOTO)
    call = TextPart('{"prompt": "remove the hat"}', role="assistant", origin="tool_arguments")
    assert findings(Document(request, Output((call,)))) == ({"photo"}, Role.DEPICTED)
