"""Presidio, both ways: our detectors as recognizers, and a Presidio analyzer as a detector.

from guardrail.adapters.presidio import PresidioDetector, analyzer

analyzer(["en", "ja"]).analyze("山田太郎さんと海へ", language="ja")
Guard(log=log, detectors=[*load_detectors(), PresidioDetector(engine, {"PERSON": "person"})])
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

from guardrail.adapters._findings import Meaning, span_in
from guardrail.adapters._presidio_languages import languages_of
from guardrail.detect import Detector, Document, load_detectors
from guardrail.errors import ConfigurationError, DetectorUnavailable
from guardrail.policy import Limits
from guardrail.records import FactName, Finding, Operation, Request
from guardrail.scanning import Scanner

try:
    from presidio_analyzer import (
        AnalysisExplanation,
        AnalyzerEngine,
        EntityRecognizer,
        RecognizerRegistry,
        RecognizerResult,
    )
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
except ImportError as error:
    raise ConfigurationError(
        "presidio-analyzer 2.2.364 or later is needed: pip install 'likeness-guardrail[presidio]'"
    ) from error

if TYPE_CHECKING:
    from presidio_analyzer.nlp_engine import NlpArtifacts

__all__ = ["DEFAULT", "GuardrailRecognizer", "PresidioDetector", "analyzer"]

DEFAULT = ("person.names", "sexual.text", "minor.terms")
"""The detectors a recognizer asks unless told otherwise."""

ENTITIES: Mapping[str, tuple[str, ...]] = {
    "person.names": ("PERSON", "PERSON_REFERENCE"),
    "sexual.text": ("SEXUAL_CONTENT", "UNDRESSING"),
    "minor.terms": ("MINOR",),
    "text.obfuscation": ("OBFUSCATED_TEXT",),
}
"""The entities of each built-in detector that says something about a place in a text."""

_BY_LABEL = {"sexual": "SEXUAL_CONTENT", "minor": "MINOR", "obfuscated": "OBFUSCATED_TEXT"}
_COUNTS = 0.5
_loaded = cache(load_detectors)


class GuardrailRecognizer(EntityRecognizer):
    """Our detectors in Presidio's registry; one recognizer for each language.

    detectors: names of detectors, or detectors; each text is prepared once for all of them.
    labels: the entity that a label of a detector of one's own becomes.
    operation: what the text would be a prompt of; a picture depicts whom a chat only mentions.
    Raises ConfigurationError for a detector nobody knows, or that has no entities here.
    """

    def __init__(
        self,
        supported_language: str = "en",
        detectors: Sequence[str | Detector] = DEFAULT,
        *,
        labels: Mapping[str, str] | None = None,
        operation: Operation = Operation.CHAT,
        name: str = "GuardrailRecognizer",
    ) -> None:
        self._labels = dict(labels or {})
        self._operation = operation
        self._scanner = Scanner(Limits().detector_ms / 1e3)
        self._asked = [(d, self._entities(d)) for d in map(_detector, detectors)]
        entities = dict.fromkeys(e for _, found in self._asked for e in found)
        super().__init__(
            list(entities), name, supported_language, version=installed("likeness-guardrail")
        )

    def load(self) -> None:
        """Do nothing: the detectors are loaded when the recognizer is made."""

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,  # noqa: ARG002  Presidio's own
    ) -> list[RecognizerResult]:
        """Ask the detectors that know one of `entities`.

        Raises DetectorUnavailable where one gives no answer: nothing found would be a lie.
        """
        document = Document(Request.of(text, self._operation))
        wanted = frozenset(entities or self.supported_entities)
        asked = (d for d, known in self._asked if wanted.intersection(known))
        findings = (found for detector in asked for found in self._scan(detector, document))
        results = (self._result(finding, len(text)) for finding in findings)
        return [result for result in results if result and result.entity_type in wanted]

    def _scan(self, detector: Detector, document: Document) -> tuple[Finding, ...]:
        scan = self._scanner.scan(detector, document)
        if scan.unscanned:
            raise DetectorUnavailable(f"{scan.detector} gave no answer: {scan.status}")
        return scan.findings

    def _entities(self, detector: Detector) -> tuple[str, ...]:
        own = tuple(self._labels.values()) if "labels" in detector.provides else ()
        if not (found := ENTITIES.get(detector.name, own)):
            raise ConfigurationError(
                f"{detector.name} has no entities: name them, as in labels={{'acme.logo': 'LOGO'}}"
            )
        return found

    def _result(self, finding: Finding, length: int) -> RecognizerResult | None:
        entity = self._labels.get(finding.label) or _entity(finding)
        if entity is None:
            return None
        span = finding.span
        start, end = (span.start, span.end) if span else (0, length)
        about = {"value": finding.value, "role": finding.role.value if finding.role else ""}
        told = {f"guardrail_{key}": value for key, value in about.items() if value}
        why = AnalysisExplanation(
            finding.detector, finding.score, textual_explanation=" ".join(told.values())
        )
        metadata = {
            "guardrail_detector": f"{finding.detector}@{finding.version}",
            **told,
        }
        return RecognizerResult(entity, start, end, finding.score, why, metadata)


def analyzer(
    languages: Sequence[str] = ("en",),
    recognizers: Iterable[EntityRecognizer] | None = None,
    **settings: Any,
) -> AnalyzerEngine:
    """An analyzer without a language model, for recognizers that need none.

    recognizers: default: ours, one for each of `languages`. settings: as AnalyzerEngine's.
    Recognizers that look for context words find none: there are no tokens.
    """
    own = [GuardrailRecognizer(code) for code in languages] if recognizers is None else recognizers
    engine = NoOpNlpEngine([{"lang_code": code, "model_name": ""} for code in languages])
    registry = RecognizerRegistry(list(own), supported_languages=list(languages))
    return AnalyzerEngine(
        registry, nlp_engine=engine, supported_languages=list(languages), **settings
    )


class PresidioDetector:
    """A Presidio analyzer as a detector: what it finds becomes facts or labels.

    analyzer: an AnalyzerEngine, or recognizers, which then run without a language model.
    entities: what each entity means: `person` (a private one), `person:public`, `minor`,
        `sexual:nudity`, or a label of one's own such as `acme.card`.
    language: of a text: a code, or a function of the text; default: every language of the
        analyzer whose script occurs in the text.
    threshold: the least score, [0, 1]; default: as the analyzer has it.
    Its version follows those of Presidio and of the recognizers. Raises ConfigurationError for an
    entity that no recognizer finds, and for a meaning nobody knows.
    """

    cost = 2_000.0
    inline = False

    def __init__(
        self,
        analyzer: AnalyzerEngine | Iterable[EntityRecognizer],
        entities: Mapping[str, str],
        *,
        name: str = "presidio.analyzer",
        language: str | Callable[[str], str] | None = None,
        threshold: float | None = None,
    ) -> None:
        self.name = name
        self._engine = _engine(analyzer)
        self.version = _version(self._engine)
        self._meanings = {entity: Meaning.read(text) for entity, text in entities.items()}
        self.provides: frozenset[FactName] = frozenset(m.fact for m in self._meanings.values())
        self._language = language
        self._threshold = threshold
        self._entities = self._known(frozenset(entities))

    def detect(self, document: Document) -> Iterator[Finding]:
        """Report on each new text; whatever a recognizer raises is the detector's failure."""
        visual = document.operation.visual
        for index, part, _ in document.new_parts():
            if part.text.strip():
                for entity, start, end, score in sorted(self._found(part.text)):
                    span = span_in(index, start, end, part.text)
                    yield self._meanings[entity].finding(
                        self.name, self.version, span, score, visual=visual
                    )

    def _found(self, text: str) -> set[tuple[str, int, int, float]]:
        return {
            (found.entity_type, found.start, found.end, min(max(float(found.score), 0.0), 1.0))
            for language in self._languages(text)
            for found in self._engine.analyze(
                text,
                language,
                entities=self._entities[language],
                score_threshold=self._threshold,
            )
        }

    def _languages(self, text: str) -> Sequence[str]:
        if self._language is None:
            return languages_of(text, tuple(self._entities))
        return [self._language(text) if callable(self._language) else self._language]

    def _known(self, wanted: frozenset[str]) -> dict[str, list[str]]:
        """The entities to ask for in each language that has any of them."""
        every = {
            language: sorted(wanted.intersection(self._engine.get_supported_entities(language)))
            for language in self._engine.supported_languages
        }
        unknown = wanted.difference(*every.values())
        if unknown or not wanted:
            what = ", ".join(sorted(unknown)) or "no entity at all"
            raise ConfigurationError(f"{self.name}: no recognizer of the analyzer finds {what}")
        if isinstance(self._language, str) and self._language not in every:
            raise ConfigurationError(f"{self.name}: the analyzer has no language {self._language}")
        return {language: found for language, found in every.items() if found}


def _engine(given: AnalyzerEngine | Iterable[EntityRecognizer]) -> AnalyzerEngine:
    if isinstance(given, AnalyzerEngine):
        return given
    recognizers = list(given)
    languages = dict.fromkeys(recognizer.supported_language for recognizer in recognizers)
    if not languages:
        raise ConfigurationError("an AnalyzerEngine or at least one recognizer is needed")
    return analyzer(tuple(languages), recognizers)


def _version(engine: AnalyzerEngine) -> str:
    told = (recognizer.to_dict() for recognizer in engine.get_recognizers())
    asked = sorted(f"{one['name']} {one['supported_language']} {one['version']}" for one in told)
    return f"{installed('presidio-analyzer')}+{sha256(repr(asked).encode()).hexdigest()[:8]}"


def _detector(given: str | Detector) -> Detector:
    return given if isinstance(given, Detector) else _loaded((given,))[0]


def _entity(finding: Finding) -> str | None:
    """The entity of a built-in detector's finding; None where it says that nothing is there."""
    match finding.label, finding.value:
        case "person", _:
            return "PERSON" if finding.name else "PERSON_REFERENCE"
        case "edit", "undress":
            return "UNDRESSING"
        case ("sexual", "none") | ("edit" | "intent", _):
            return None
        case "minor", _ if finding.score < _COUNTS:
            return None
    return _BY_LABEL.get(finding.label)
