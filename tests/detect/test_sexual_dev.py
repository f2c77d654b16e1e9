"""How well `sexual.text` does on public labelled prompts, where they are at hand."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from guardrail.detect.base import Document
from guardrail.detect.sexual import SexualText
from guardrail.records import Request

DATA = Path(__file__).parents[2] / "../shared/data/dev"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the development data (../shared/data/dev) is not here"
)


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


def scores(texts: list[str]) -> list[float]:
    reader = SexualText()
    found = (list(reader.detect(Document(Request.of(text)))) for text in texts)
    return [max((f.score for f in fs if f.label == "sexual"), default=0.0) for fs in found]


def average_precision(labels: list[int], values: list[float]) -> float:
    ranked = sorted(zip(values, labels, strict=True), key=lambda pair: -pair[0])
    seen = right = 0
    area = 0.0
    for _, tied in groupby(ranked, key=lambda pair: pair[0]):
        group = [label for _, label in tied]
        seen, right = seen + len(group), right + sum(group)
        area += sum(group) * right / seen
    return area / sum(labels)


def test_ranks_and_stops_as_well_as_promised() -> None:
    data = rows("sexual.jsonl")
    labels = [int(str(row["label"])) for row in data]
    values = scores([str(row["text"]) for row in data])
    stopped = [value >= 0.5 for value in values]
    hits = sum(label and stop for label, stop in zip(labels, stopped, strict=True))
    false = sum(stopped) - hits
    assert average_precision(labels, values) >= 0.93
    assert 2 * hits / (sum(stopped) + sum(labels)) >= 0.8
    assert false / (len(labels) - sum(labels)) <= 0.03


def test_lets_ordinary_requests_pass() -> None:
    values = scores([str(row["text"]) for row in rows("benign.jsonl")])
    assert sum(value >= 0.5 for value in values) / len(values) <= 0.01
