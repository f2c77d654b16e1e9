"""Checks that a detector keeps the promises of `guardrail.detect.Detector`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from typing import get_args

from guardrail.detect import Detector, Document
from guardrail.records import (
    FACT_NAMES,
    Finding,
    Image,
    Operation,
    Origin,
    Output,
    Request,
    TextPart,
)

THREADS = 4
_LONG = 100_000  # characters
_FACT_OF_LABEL = {
    "sexual": "sexual",
    "minor": "minor",
    "person": "persons",
    "edit": "edit",
    "intent": "intent",
    "obfuscated": "obfuscated",
}


class ConformanceError(AssertionError):
    """A promise a detector broke; the message names the detector, the input and the promise."""


def detector_conformance(detector: Detector) -> None:
    """Raise ConformanceError at the first promise the detector breaks.

    Asked of it: names and facts of the vocabulary; no exception on texts that are empty, huge
    (100,000 characters), full of unusual characters or not even valid Unicode; findings whose
    spans lie in their parts and whose facts it says it provides; the same answer every time and
    from several threads; nothing about parts it has seen before. Time is not measured.
    """
    _check_attributes(detector)
    for name, document in _documents():
        findings = _detect(detector, document, name)
        for finding in findings:
            _check_finding(detector, finding, document, name)
        if _detect(detector, document, name) != findings:
            raise _broken(detector, name, "two scans of one text differ")
    _check_threads(detector)
    _check_fresh(detector)


def _texts(kind: str) -> list[str]:
    nasty = files("guardrail.testing").joinpath("nasty.json").read_text("utf-8")
    texts: list[str] = json.loads(nasty)[kind]
    return texts


def _check_attributes(detector: Detector) -> None:
    if not isinstance(detector, Detector):
        raise ConformanceError(f"{type(detector).__name__} is not a Detector")
    if not detector.name or detector.name != detector.name.strip():
        raise _broken(detector, "its attributes", "it has no name")
    if not detector.provides or not detector.provides <= set(FACT_NAMES):
        raise _broken(detector, "its attributes", "it provides no known fact, or unknown ones")
    if detector.cost < 0:
        raise _broken(detector, "its attributes", "its cost is negative")


def _documents() -> Iterator[tuple[str, Document]]:
    for number, text in enumerate(_texts("texts")):
        yield f"nasty text {number}", Document(Request.of(text))
    for number, text in enumerate(_texts("repeated")):
        long = (text * (_LONG // len(text) + 1))[:_LONG]
        yield f"long text {number}", Document(Request.of(long))
    for operation in Operation:
        yield f"{operation}", Document(Request.of("A house by the sea", operation))
        yield f"{operation} without a text", Document(Request(operation))
    image = Image(b"\x89PNG")
    request = Request(parts=(TextPart("what is this?"), TextPart("", role="assistant", turn=1)))
    yield "several parts", Document(request)
    yield "an image", Document(Request(parts=request.parts, images=(image,)))
    for origin in get_args(Origin):
        part = TextPart('{"prompt": "a dog"}', origin=origin)
        yield f"an output of {origin}", Document(request, Output((part,), (image,)))


def _detect(detector: Detector, document: Document, name: str) -> list[Finding]:
    try:
        findings = list(detector.detect(document))
    except Exception as error:
        raise _broken(detector, name, f"it raises {type(error).__name__}") from error
    for finding in findings:
        if not isinstance(finding, Finding):
            raise _broken(detector, name, f"it reports a {type(finding).__name__}")
    return findings


def _check_finding(detector: Detector, finding: Finding, document: Document, name: str) -> None:
    if (finding.detector, finding.version) != (detector.name, detector.version):
        raise _broken(detector, name, "a finding carries another name or version")
    fact = _FACT_OF_LABEL.get(finding.label, "labels")
    if fact not in detector.provides:
        raise _broken(detector, name, f"it reports {finding.label!r}, but does not provide {fact}")
    if finding.label == "person" and finding.role is None:
        raise _broken(detector, name, "a person has no role")
    span = finding.span
    if span is None:
        return
    if not document.fresh <= span.part < len(document.parts):
        raise _broken(detector, name, f"a span lies in part {span.part}, which is not there or old")
    if span.end > len(document.parts[span.part].text):
        raise _broken(detector, name, f"a span ends at {span.end}, behind the text")


def _check_threads(detector: Detector) -> None:
    texts = ("A 30-year-old sailor, Anna Bell", "映画が好きな山田太郎さん", *_texts("texts"))

    def scan(_: int) -> list[list[Finding]]:
        return [list(detector.detect(Document(Request.of(text)))) for text in texts]

    expected = scan(0)
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(scan, range(2 * THREADS)):
            if found != expected:
                raise _broken(detector, "several threads", "the answers differ")


def _check_fresh(detector: Detector) -> None:
    request = Request(parts=(TextPart("A 12 year old and Anna Bell"), TextPart("fine", turn=1)))
    document = Document(request, fresh=1)
    for finding in _detect(detector, document, "parts seen before"):
        _check_finding(detector, finding, document, "parts seen before")


def _broken(detector: Detector, name: str, promise: str) -> ConformanceError:
    return ConformanceError(f"detector {detector.name}, given {name}: {promise}")
