"""Train the model of `sexual.text`: `python -m training.sexual --data FOLDER`."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sklearn.metrics import average_precision_score

from guardrail.detect.sexual.linear import Linear
from training import common
from training.corpus import NOTES, Corpus, gather
from training.fit import apply_layer, fit_layer, fit_linear, held_out, quantise, set_points

if TYPE_CHECKING:
    from guardrail.detect.sexual.layer import Layer
    from training.fit import Vector

TARGET = Path(__file__).parents[1] / "guardrail/detect/sexual/data"
STRENGTH = 8.0  # of the linear model, chosen by leaving sources out
UNSEEN = 0.5  # how much margins on unseen sources count in the layer, against those on unseen rows
STOPS = {"silent": 0.0015, "vague": 0.0025, "telling": 0.0045}
"""Held-out rows that are not sexual and stopped, mean share over their sources: by `Layer` kind."""


def main() -> None:
    """Train, write the weights and print how well held-out rows are told apart."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and dev/")
    parser.add_argument(
        "--keep-reported", action="store_true", help="learn also from rows that stand in dev/"
    )
    parser.add_argument(
        "--without", metavar="SOURCE", action="append", default=[],
        help="a source to leave out, as its rows name it; may be given again; needs --into",
    )  # fmt: skip
    parser.add_argument(
        "--into", type=Path, default=TARGET, metavar="FOLDER", help="where the weights go"
    )
    asked = parser.parse_args()
    if asked.without and asked.into == TARGET:
        parser.error("--without needs --into: such weights are not for shipping")
    corpus = gather(asked.data, keep_reported=asked.keep_reported, without=asked.without)
    if not corpus.labels[corpus.real].any():
        parser.error("no labelled sexual row is left to learn from")
    asked.into.mkdir(parents=True, exist_ok=True)
    _say(f"{len(corpus.labels)} examples, {int(corpus.labels.sum())} sexual")
    layer = _train_layer(corpus)
    coefficients, intercept = fit_linear(corpus.rows, corpus.labels, corpus.weights, STRENGTH)
    weights, scale = quantise(coefficients)
    asked.into.joinpath("linear.bin").write_bytes(weights)
    numbers = {
        "bias": round(intercept, 6),
        "scale": round(scale, 9),
        "layer": _rounded(asdict(layer)),
    }
    asked.into.joinpath("linear.json").write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    model = Linear(weights, scale=scale, bias=intercept)
    common.write(asked.data, model, asked.into / "common.jsonl")
    _say(json.dumps(numbers))


def _train_layer(corpus: Corpus) -> Layer:
    """Fit the layer to margins of models that had not seen the rows' sources, or the rows."""
    found = []
    for name, folds in (("sources", corpus.by_source), ("rows", corpus.by_row)):
        margins = held_out(corpus, folds, STRENGTH)
        found.append(margins)
        _report(f"held-out {name}", corpus, "linear", margins)
    layer = fit_layer(corpus, list(zip(found, (UNSEEN, 1.0), strict=True)), NOTES)
    layer = set_points(layer, corpus, found[1], STOPS)
    for name, each in zip(("sources", "rows"), found, strict=True):
        _report_layer(f"held-out {name}", corpus, layer, each)
    return layer


def _report(name: str, corpus: Corpus, what: str, margins: Vector) -> None:
    rows, lexicon = corpus.real, corpus.lexicon
    for lang in ("en", "other"):
        mine = rows & ((corpus.langs == "en") == (lang == "en"))
        of = corpus.labels[mine]
        _say(
            f"{name}, {lang}: lexicon {average_precision_score(of, lexicon[mine]):.3f}"
            f" {what} {average_precision_score(of, margins[mine]):.3f}"
        )


def _report_layer(name: str, corpus: Corpus, layer: Layer, margins: Vector) -> None:
    real = corpus.real
    scores = apply_layer(layer, corpus, margins)
    _report(name, corpus, "both", scores)
    for source in sorted(set(corpus.sources[real])):
        mine = real & (corpus.sources == source)
        sexual, stopped = corpus.labels[mine] == 1, scores[mine] >= 0.5  # noqa: PLR2004
        recall = f"{stopped[sexual].mean():.3f}" if sexual.any() else "-"
        false = f"{stopped[~sexual].mean():.4f}" if (~sexual).any() else "-"
        _say(f"  {source}: {mine.sum()} rows, stopped {recall}, falsely {false}")


def _rounded(value: object) -> object:
    match value:
        case dict():
            return {name: _rounded(each) for name, each in value.items()}
        case tuple():
            return [_rounded(each) for each in value]
        case float():
            return round(value, 4)
    return value


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
