"""The inquiry's file: every mistake is named with its line; templates are files like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from guardrail.audit.inquiry import ScopeModel, at_of, read_inquiry
from guardrail.audit.letters import NAMES, blocks, render
from guardrail.audit.new import Wishes, write_inquiry
from guardrail.audit.template import find_template, shipped
from guardrail.audit.words import catalogue
from guardrail.errors import ConfigurationError, InputError
from tests.audit.support import DAY, T0, built, inquiry, new_log

GOOD: dict[str, Any] = {"since": "2026-01-01", "until": "2026-02-01"}


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"inquiry": 2}, "1:10: found the number 2, expected at most 1"),
        ({"authority": None}, "1:1: found no 'authority', expected one"),
        ({"authority": {}}, "expected text, or `en:` and `ja:` with text"),
        ({"recieved": "2026-01-01"}, "unknown key 'recieved'"),
        ({"received": "soon"}, "'soon', expected a day or a time, such as 2026-01-16"),
        ({"due": "24h"}, "'24h', expected a day or a time"),
        ({"languages": ["fr"]}, "'fr', expected one of en, ja"),
        ({"languages": []}, "expected at least one"),
        ({"languages": ["en", "en"]}, "each language once"),
        ({"samples": -1}, "expected at least 0"),
        ({"evidence": "all"}, "expected one of auto, proofs, log"),
        ({"scope": GOOD | {"until": "2026-01-01"}}, "expected `since` before `until`"),
        ({"scope": GOOD | {"until": "2100-01-01"}}, "expected at most 3,660 days"),
        ({"scope": GOOD | {"since": "2026-01-01T00:30"}}, "expected whole hours"),
        ({"scope": GOOD | {"jurisdictions": ["UK"]}}, "did you mean 'GB'?"),
        ({"scope": GOOD | {"operations": ["image"]}}, "expected one of chat, text"),
        ({"scope": GOOD | {"utc_offset": 99}}, "expected at most 14"),
        ({"questions": [{"id": "a b", "text": "?"}]}, "expected a short name"),
        ({"questions": [{"id": "a", "text": "?"}] * 2}, "each question's `id` once"),
        ({"questions": [{"id": "a", "text": "?", "sections": ["x"]}]}, "expected one of summary"),
    ],
)
def test_every_mistake_is_named_with_its_place(
    changed: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    path = inquiry(tmp_path, **changed)
    with pytest.raises(ConfigurationError) as caught:
        read_inquiry(path)
    assert wrong in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    path = inquiry(tmp_path, samples="many", due="?", contact={"phone": "1"})
    with pytest.raises(ConfigurationError) as caught:
        read_inquiry(path)
    assert len(str(caught.value).splitlines()) == 3


def test_days_are_those_of_the_offset() -> None:
    scope = ScopeModel(since="2026-01-01", until="2026-01-02", utc_offset=9)
    assert scope.start == T0 - 9 * 3600 * 10**9
    assert scope.end - scope.start == DAY
    assert at_of("2026-01-01T00:00+09:00", 0) == at_of("2026-01-01", 9)


@pytest.mark.parametrize("name", shipped())
def test_templates_that_come_with_it_are_whole(name: str, tmp_path: Path) -> None:
    template = find_template(name, tmp_path)
    values = dict.fromkeys(NAMES, "7")
    for language in ("en", "ja"):
        assert "7" in render(template.letter(language), values, name)
        for question in template.model.questions:
            if question.answer is not None:
                render(question.answer.text(language), values, name)
    assert {"evidence", "limits"} <= set(template.model.sections)
    path = tmp_path / "inquiry.yaml"
    write_inquiry(path, name, template.model, Wishes(received="2026-01-16"))
    written = read_inquiry(path)
    assert written.questions == template.model.questions
    assert at_of(written.due, written.scope.utc_offset) == (
        at_of("2026-01-16", written.scope.utc_offset) + template.model.time
    )


def test_languages_say_the_same_things() -> None:
    english, japanese = catalogue("en"), catalogue("ja")
    assert english.keys() == japanese.keys()
    for key, text in english.items():
        assert _names(text) == _names(japanese[key]), key


def _names(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_an_operators_template_needs_no_code(tmp_path: Path) -> None:
    url = new_log(tmp_path / "attempts.db", number=20)
    fields = {
        "template": 1,
        "name": "Quarterly letter",
        "authority": "The council",
        "due": "30d",
        "languages": ["en"],
        "sections": ["rules", "evidence", "limits"],
    }
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(fields, sort_keys=False), "utf-8")
    (tmp_path / "ours.en.j2").write_text(
        "# Dear council\n\nWe refused <{{ refused }}> & *more*.\n\n- one\n- two\n", "utf-8"
    )
    made = built(inquiry(tmp_path, template="ours.yaml"), url, tmp_path / "out")
    text = (made.folder / "report.en.html").read_text("utf-8")
    assert "&gt; &amp; *more*." in text
    assert "<h3>Dear council</h3>" in text
    assert 'id="latency"' not in text


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"sections": ["rules"]}, "evidence and limits among `sections`"),
        ({"sections": ["rules", "rules", "evidence", "limits"]}, "each of `sections` once"),
        ({"due": "soon"}, "expected hours or days, such as 72h or 14d"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_template_with_mistakes_is_refused(
    changed: dict[str, Any], wrong: str, tmp_path: Path
) -> None:
    fields = yaml.safe_load(shipped()["ofcom"].read_text("utf-8")) | changed
    (tmp_path / "ours.yaml").write_text(yaml.safe_dump(fields), "utf-8")
    with pytest.raises(ConfigurationError, match=r"ours\.yaml:") as caught:
        find_template("ours.yaml", tmp_path)
    assert wrong in str(caught.value)


def test_a_template_nobody_has_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'ofcom'"):
        find_template("ofkom", tmp_path)


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("{{ refusals }}", "'refusals' is undefined; a text may use"),
        ("one\n{% if %}", "letter:2:"),
        ("{{ ''.__class__.__mro__ }}", "letter:"),
        ("{{ 1 // 0 }}", "letter:"),
    ],
)
def test_a_letter_that_cannot_be_rendered_is_named(source: str, wrong: str) -> None:
    with pytest.raises(ConfigurationError, match="letter") as caught:
        render(source, {"refused": "1"}, "letter")
    assert wrong in str(caught.value)


def test_letters_know_exactly_the_names_that_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "inquiry.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in NAMES)


def test_text_becomes_paragraphs_lists_and_headings() -> None:
    kinds = [type(one).__name__ for one in blocks("# A\nb\nc\n\n- d\n- e\nf\n\n\n\n- g\n")]
    assert kinds == ["Heading", "Paragraph", "Bullets", "Paragraph", "Bullets"]


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "inquiry.yaml"
    path.write_text("mine", "utf-8")
    template = find_template("ofcom", tmp_path).model
    with pytest.raises(ConfigurationError, match="is there already"):
        write_inquiry(path, "ofcom", template, Wishes())
    assert path.read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("wishes", "wrong"),
    [
        (Wishes(jurisdictions=("Narnia",)), "scope.jurisdictions.0: an ISO 3166 code"),
        (Wishes(received="tomorrow"), "not a time: 'tomorrow'"),
        (Wishes(received="24h"), "that stays the same: '24h'"),
        (Wishes(due="?"), "due: a day or a time"),
        (Wishes(operations=("paint",)), "scope.operations.0: "),
    ],
)
def test_a_bad_wish_is_named(wishes: Wishes, wrong: str, tmp_path: Path) -> None:
    template = find_template("ofcom", tmp_path).model
    with pytest.raises(InputError) as caught:
        write_inquiry(tmp_path / "a.yaml", "ofcom", template, wishes)
    assert wrong in str(caught.value)
    assert not (tmp_path / "a.yaml").exists()
