"""A real model, made here: two operators and a table of weights."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from guardrail.detect.second import load_second_stage
from guardrail.detect.second.onnx import OnnxText
from guardrail.detect.second.opinion import BadAnswer
from guardrail.errors import ConfigurationError
from guardrail.policy.second import OnnxModel
from guardrail.records import Severity
from tests.detect.second import LABELS, settings, tiny_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_model(tmp_path)


def model(folder: Path, max_tokens: int = 256, windows: int = 16) -> OnnxText:
    return OnnxText(OnnxModel(str(folder), max_tokens, windows), LABELS)


def test_it_scores_each_label(folder: Path) -> None:
    scores = model(folder).scores("bare")
    assert sum(scores.values()) == pytest.approx(1.0)
    assert scores["nsfw"] > 0.9
    assert model(folder).scores("bare lesson")["nsfw"] < 0.2


def test_a_model_of_several_labels_scores_each_by_itself(tmp_path: Path) -> None:
    scores = model(tiny_model(tmp_path, several=True)).scores("bare child")
    assert scores["nsfw"] > 0.9
    assert scores["sexual/minors"] == pytest.approx(0.88, abs=0.01)


def test_what_stands_at_the_end_of_a_long_text_counts(folder: Path) -> None:
    text = "lesson " * 60 + "bare bare bare bare bare bare bare bare"
    assert model(folder, max_tokens=8, windows=100).scores(text)["nsfw"] > 0.9
    with pytest.raises(BadAnswer, match="windows"):
        model(folder, max_tokens=8, windows=3).scores(text)


def test_as_a_second_stage(folder: Path) -> None:
    stage = load_second_stage(settings(backend=OnnxModel(str(folder))))
    assert stage.opinion("bare").severity is Severity.NUDITY
    assert stage.opinion("a lesson").severity is Severity.NONE
    assert stage.opinion("").severity is Severity.NONE


def test_its_version_follows_the_weights(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tiny_model(tmp_path_factory.mktemp("other"), several=True)
    assert model(folder).version == model(folder).version
    assert model(folder).version != model(other).version


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("damage", ["missing", "broken"])
def test_a_file_that_cannot_be_read_is_named(folder: Path, name: str, damage: str) -> None:
    path = folder / name
    path.unlink() if damage == "missing" else path.write_bytes(b"\x00 not it")
    with pytest.raises(ConfigurationError, match=name.replace(".", r"\.")):
        model(folder)


def test_a_label_it_does_not_have_is_named(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="has no label porn, only: safe, nsfw"):
        OnnxText(OnnxModel(str(folder)), ["porn"])
    (folder / "config.json").write_text(json.dumps({"id2label": {"0": "safe", "2": "nsfw"}}))
    with pytest.raises(ConfigurationError, match="id2label from 0 on"):
        model(folder)


def test_a_model_of_another_shape_gives_no_answer(folder: Path) -> None:
    labels = {str(i): label for i, label in enumerate((*LABELS, "more"))}
    (folder / "config.json").write_text(json.dumps({"id2label": labels}))
    with pytest.raises(BadAnswer, match="one finite number a label"):
        model(folder).scores("bare")
