"""Our detectors as recognizers of Presidio, and its analyzer as our detector."""

from __future__ import annotations

import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from guardrail.detect import Document, load_detectors
from guardrail.errors import ConfigurationError, DetectorUnavailable, RequestRefused
from guardrail.guard import Guard
from guardrail.policy import Limits, Policy, Rule, When
from guardrail.records import Action, Finding, Operation, Output, Request, Role, Span, TextPart
from guardrail.testing import detector_conformance
from guardrail.testing.fakes import MemoryLog, ScriptedDetector

pytest.importorskip("presidio_analyzer")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from presidio_analyzer import (
        AnalyzerEngine,
        BatchAnalyzerEngine,
        EntityRecognizer,
        Pattern,
        PatternRecognizer,
        RecognizerResult,
    )

    from guardrail.adapters.presidio import GuardrailRecognizer, PresidioDetector, analyzer

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture(scope="module")
def engine() -> AnalyzerEngine:
    return analyzer(["en", "ja"])


def codes(language: str, name: str = "GARDEN_CODE") -> PatternRecognizer:
    pattern = Pattern("code", r"G-\d{4}", 0.6)
    return PatternRecognizer(name, patterns=[pattern], supported_language=language)


class Failing(EntityRecognizer):
    """Raises, or takes its time."""

    released: threading.Event | None = None

    def load(self) -> None:
        pass

    def analyze(self, text: str, entities: Any, nlp_artifacts: Any) -> list[RecognizerResult]:
        del entities, nlp_artifacts
        if self.released is not None:
            self.released.wait(20)
            return []
        raise RuntimeError(text)


def found(engine: AnalyzerEngine, text: str, language: str, **more: Any) -> dict[str, str]:
    results = engine.analyze(text, language, **more)
    return {one.entity_type: text[one.start : one.end] for one in results}


@pytest.mark.parametrize(
    ("text", "language", "entities"),
    [
        (
            "😀 Draw Taylor Swift nude, she is 12",
            "en",
            {"PERSON": "Taylor Swift", "SEXUAL_CONTENT": "nude", "MINOR": "she is 12"},
        ),
        ("😀👍🏽山田太郎さんの裸", "ja", {"PERSON": "山田太郎", "SEXUAL_CONTENT": "裸"}),
        ("my ex-girlfriend by the sea", "en", {"PERSON_REFERENCE": "my ex-girlfriend"}),
        ("A garden in autumn", "en", {}),
        ("", "ja", {}),
    ],
)
def test_what_ours_see_is_an_entity_where_it_stands(
    engine: AnalyzerEngine, text: str, language: str, entities: dict[str, str]
) -> None:
    assert found(engine, text, language) == entities


def test_what_is_known_of_a_person_comes_along(engine: AnalyzerEngine) -> None:
    (person,) = engine.analyze("Draw Taylor Swift", "en", entities=["PERSON"])
    known = person.recognition_metadata
    assert (known["guardrail_value"], known["guardrail_role"]) == ("public", "depicted")
    assert known["guardrail_detector"].startswith("person.names@")
    (person,) = engine.analyze("Taylor Swift", "en", return_decision_process=True)
    assert person.analysis_explanation.recognizer == "person.names"


def test_only_what_is_asked_for_is_looked_for() -> None:
    def fails(_: object) -> Any:
        raise AssertionError

    own = ScriptedDetector("sexual.text", frozenset({"sexual"}), fails)
    engine = analyzer(["en"], [GuardrailRecognizer("en", ["person.names", own])])
    assert found(engine, "Taylor Swift, nude", "en", entities=["PERSON"]) == {
        "PERSON": "Taylor Swift"
    }
    with pytest.raises(DetectorUnavailable, match=r"sexual\.text gave no answer"):
        engine.analyze("A garden", "en")


def test_scores_and_lists_of_presidio_hold(engine: AnalyzerEngine) -> None:
    text = "Taylor Swift, nude"
    assert found(engine, text, "en", score_threshold=0.98) == {"SEXUAL_CONTENT": "nude"}
    assert "PERSON" not in found(engine, text, "en", allow_list=["Taylor Swift"])


def test_batches_and_other_recognizers_go_with_ours(engine: AnalyzerEngine) -> None:
    batch = BatchAnalyzerEngine(engine).analyze_iterator(["Taylor Swift", "a garden"], "en")
    assert [[one.entity_type for one in each] for each in batch] == [["PERSON"], []]
    both = analyzer(["en"], [GuardrailRecognizer("en"), codes("en")])
    assert set(found(both, "Taylor Swift, G-1234", "en")) == {"PERSON", "GARDEN_CODE"}


def test_a_detector_of_ones_own_has_an_entity_by_its_label() -> None:
    label = Finding(detector="acme.plants", version="1", label="acme.rose", span=Span(0, 2, 6))
    own = ScriptedDetector("acme.plants", frozenset({"labels"}), lambda _: (label,))
    with pytest.raises(ConfigurationError, match="labels="):
        GuardrailRecognizer("en", [own])
    recognizer = GuardrailRecognizer("en", [own], labels={"acme.rose": "PLANT"})
    assert found(analyzer(["en"], [recognizer]), "a rose", "en") == {"PLANT": "rose"}
    with pytest.raises(ConfigurationError, match="no detector named"):
        GuardrailRecognizer("en", ["person.name"])


def test_it_keeps_the_promises_of_a_detector() -> None:
    detector_conformance(PresidioDetector([codes("en"), codes("ja")], {"GARDEN_CODE": "acme.code"}))


def test_each_text_is_read_in_the_languages_it_may_be_in() -> None:
    recognizers = [codes("en"), codes("ja"), codes("ko", "KOREAN_CODE")]
    entities = {"GARDEN_CODE": "acme.code", "KOREAN_CODE": "acme.korean"}
    detector = PresidioDetector(recognizers, entities)
    parts = [TextPart(text) for text in ("the G-1111", "😀庭の G-2222", "정원 G-3333", "123 G-")]
    spans = [
        (finding.label, finding.span)
        for finding in detector.detect(Document(Request(parts=tuple(parts))))
    ]
    assert spans == [
        ("acme.code", Span(0, 4, 10)),
        ("acme.code", Span(1, 4, 10)),
        ("acme.code", Span(2, 3, 9)),
        ("acme.korean", Span(2, 3, 9)),
    ]


def test_languages_and_thresholds_are_as_told() -> None:
    text = Document(Request.of("the G-1111"))
    entities = {"GARDEN_CODE": "acme.code"}
    assert not list(PresidioDetector([codes("en")], entities, threshold=0.7).detect(text))
    asked: list[str] = []

    def japanese(text: str) -> str:
        asked.append(text)
        return "ja"

    two = [codes("en", "OTHER"), codes("ja")]
    told = PresidioDetector(two, {**entities, "OTHER": "acme.other"}, language=japanese)
    assert [finding.label for finding in told.detect(text)] == ["acme.code"]
    assert asked == ["the G-1111"]


def test_what_it_finds_is_what_the_entity_means() -> None:
    recognizers = [codes("en", "PERSON"), codes("en", "SHAME")]
    detector = PresidioDetector(recognizers, {"PERSON": "person", "SHAME": "sexual:nudity"})
    assert detector.provides == {"persons", "sexual"}
    request = Request.of("G-1111", Operation.IMAGE_GENERATE)
    person, sexual = detector.detect(Document(request))
    assert (person.value, person.role, person.score) == ("private", Role.DEPICTED, 0.6)
    assert (sexual.value, sexual.span) == ("nudity", Span(0, 0, 6))


def test_its_version_follows_its_recognizers() -> None:
    entities = {"GARDEN_CODE": "acme.code"}
    one, two = (PresidioDetector([codes(code)], entities).version for code in ("en", "ja"))
    assert one != two
    assert PresidioDetector([codes("en")], entities).version == one


@pytest.mark.parametrize(
    ("entities", "more"),
    [
        ({"GARDEN": "acme.code"}, {}),
        ({}, {}),
        ({"GARDEN_CODE": "sexual"}, {}),
        ({"GARDEN_CODE": "person:nobody"}, {}),
        ({"GARDEN_CODE": "acme.code"}, {"language": "fr"}),
    ],
)
def test_what_nobody_knows_is_an_error(entities: dict[str, str], more: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        PresidioDetector([codes("en")], entities, **more)


@pytest.mark.parametrize("hangs", [False, True])
def test_a_recognizer_that_fails_fails_closed(log: MemoryLog, hangs: bool) -> None:
    recognizer = Failing(["THING"])
    released = threading.Event()
    recognizer.released = released if hangs else None
    rule = Rule("mine", Action.REFUSE, When(label=frozenset({"acme.*"})), reason="mine")
    policy = Policy("mine", 1, (rule,), limits=Limits(detector_ms=50 if hangs else 5_000))
    detector = PresidioDetector([recognizer], {"THING": "acme.thing"})
    guard = Guard(policy, log=log, detectors=[detector])
    try:
        with pytest.raises(RequestRefused) as refused:
            guard.call(Request.of("a garden"), lambda: "", lambda _: Output())
    finally:
        released.set()
    assert refused.value.decision.reason == "unscanned"
    assert [scan.problem for scan in log.opened[0].scans] == [
        "TimeoutError" if hangs else "RuntimeError"
    ]


MODULE = """
from guardrail.adapters.presidio import PresidioDetector
from presidio_analyzer import Pattern, PatternRecognizer

def codes():
    found = PatternRecognizer("CODE", patterns=[Pattern("code", r"G-[0-9]{4}", 0.6)])
    return PresidioDetector([found], {"CODE": "acme.code"}, name="acme.codes")
"""


def test_a_policy_names_it_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "acme_codes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-codes\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[guardrail.detectors]\nacme.codes = acme_codes:codes\n")
    (tmp_path / "acme_codes.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        "policy: codes\nversion: 1\ndetectors: [acme.codes]\nrules:\n"
        "  - {id: code, when: {label: acme.code}, action: refuse}\n"
    )
    log = MemoryLog()
    guard = Guard(policy, log=log)
    with pytest.raises(RequestRefused):
        guard.call(Request.of("G-1234"), lambda: "", lambda _: Output())
    assert [d.name for d in guard.detectors] == ["acme.codes"]
    assert [d.name for d in load_detectors(["acme.codes"])] == ["acme.codes"]
