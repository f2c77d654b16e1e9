from pathlib import Path

import pytest
from guardrail.detect import Document
from guardrail.records import Operation, Request, Role
from guardrail.testing import detector_conformance

from acme_figures import Entry, Figures, read_register

GULL = Figures([Entry("breezy the gull", "mascot"), Entry("ann lee", "person")])


def found(text: str, operation: Operation = Operation.CHAT) -> list[tuple[str, str]]:
    """Label and original wording of each finding."""
    findings = GULL.detect(Document(Request.of(text, operation)))
    return [(f.label, text[f.span.start : f.span.end]) for f in findings if f.span]


def test_it_keeps_the_promises_of_a_detector() -> None:
    detector_conformance(GULL)
    detector_conformance(Figures())


@pytest.mark.parametrize(
    "text", ["Breezy the Gull on a pier", "BREEZY THE GULL", "Ｂｒｅｅｚｙ the Gu\u200bll"]
)
def test_a_mascot_is_found_however_it_is_written(text: str) -> None:
    ((label, wording),) = found(text)
    assert label == "acme.mascot"
    assert text.startswith(wording)


def test_words_that_only_contain_a_name_are_not_it() -> None:
    assert found("Joann Leeds and Breezy the Gullible") == []


def test_a_person_is_shown_in_a_picture_and_mentioned_in_a_text() -> None:
    def roles(operation: Operation) -> list[Role | None]:
        return [f.role for f in GULL.detect(Document(Request.of("Ann Lee, smiling", operation)))]

    assert roles(Operation.IMAGE_GENERATE) == [Role.DEPICTED]
    assert roles(Operation.TEXT) == [Role.MENTIONED]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the header is not name kind"),
        ("name\tkind\nBreezy\tbird\n", ":2: the kind is not one of mascot, person"),
        ("name\tkind\n\tmascot\n", ":2: no name"),
    ],
)
def test_a_register_that_is_wrong_says_where(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "register.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=problem):
        read_register(path)
