from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guardrail.detect.base import Document
from guardrail.detect.minor import MinorTerms
from guardrail.detect.minor.table import rows
from guardrail.records import Finding, Request, TextPart

PRESENT = 0.5
detector = MinorTerms()


def findings(text: str) -> list[Finding]:
    return list(detector.detect(Document(Request.of(text))))


def score(text: str) -> float:
    return max((f.score for f in findings(text)), default=0.0)


def cases(present: str) -> list[object]:
    table = Path(__file__).with_name("minor_cases.tsv").read_text("utf-8")
    lines = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return [
        pytest.param(text, id=f"{what}: {text}")
        for what, expected, texts in lines
        if expected == present
        for text in texts.split(" | ")
    ]


@pytest.mark.parametrize("text", cases("yes"))
def test_a_minor_is_spoken_of(text: str) -> None:
    assert score(text) >= PRESENT


@pytest.mark.parametrize("text", cases("no"))
def test_no_minor_is_spoken_of(text: str) -> None:
    assert score(text) < PRESENT


def test_a_teen_of_18_or_19_is_an_adult_but_only_where_it_is_said_of_the_teen() -> None:
    assert score("a teen") >= PRESENT
    assert score("an 18-year-old teen") < PRESENT
    assert score("a teen, nineteen") < PRESENT
    assert score("a teen and the 45-year-old neighbour") >= PRESENT


def test_an_adult_in_school_clothes_is_in_doubt() -> None:
    assert PRESENT <= score("schoolgirl outfit on a 25-year-old") < score("a schoolgirl")


def test_the_span_lies_on_the_cue_in_the_original() -> None:
    text = "a \uff11\uff15 year old"
    (finding,) = findings(text)
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == text[2:]
    assert (finding.label, finding.value) == ("minor", "age")


def test_only_new_parts_are_read_and_findings_stay_few() -> None:
    request = Request(parts=(TextPart("a child"), TextPart("fine", turn=1)))
    assert list(detector.detect(Document(request, fresh=1))) == []
    assert len(findings("a child. " * 1000)) == 32


@settings(max_examples=50)
@given(st.integers(1, 99), st.sampled_from(["{} years old", "{}歳", "{}岁", "{}살", "{} tuổi"]))
def test_figures_are_ages_up_to_17(age: int, form: str) -> None:
    assert (score(form.format(age)) >= PRESENT) == (age < 18)


@settings(max_examples=50)
@given(st.text(max_size=80), st.sampled_from(["a 12-year-old", "未成年"]))
def test_more_text_in_another_line_hides_nothing(text: str, cue: str) -> None:
    assert score(f"{text}\n\n\n{cue}\n\n\n") >= PRESENT


def test_a_piece_must_be_defined_before_it_is_used(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("tables")
    package = root / "some_tables"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.tsv").write_text("# head\n=x\ta|b\nfirst\t<x>\nsecond\t<y>\n")
    monkeypatch.syspath_prepend(root)
    table = rows("some_tables", "a.tsv")
    assert next(table) == ["first", "a|b"]
    with pytest.raises(ValueError, match=r"a\.tsv:4: no piece named 'y'"):
        next(table)


def test_ordinary_prompts_seldom_speak_of_a_minor() -> None:
    path = Path(__file__).parents[2] / "../shared/data/dev/benign.jsonl"
    if not path.exists():
        pytest.skip("the shared development data is not there")
    texts = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    fired = sum(score(text) >= PRESENT for text in texts)
    assert 0 < fired < 0.04 * len(texts)
