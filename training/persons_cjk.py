"""Trains the taggers of names in Chinese and Japanese: `python -m training.persons_cjk --help`."""

from __future__ import annotations

import argparse
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from guardrail.detect.persons.lexicon import DATA
from training.chinese import Chinese
from training.crf import fit, pack
from training.japanese import Japanese
from training.korean import Korean
from training.ordinary import rows as rows_of
from training.ordinary import vocabulary
from training.persons import Row, Rows
from training.prompts import prompts

# bits of the table, epochs, ridge, log-odds a name needs, log-odds that drop what the rules found
SETTINGS = {
    "ja": (17, 5, 1e-4, -0.1, -2.0),
    "ko": (17, 6, 2e-5, -1.5, -2.5),
    "zh": (17, 6, 2e-4, -0.25, -2.0),
}
WRITTEN = 3
MOST = {"ja": 5000}
"""How many ordinary words, drawn, where all of them cost names."""
BORROWED = {"zh": ("ja",)}
"""Practice prompts in another language whose text the tagger is shown, too."""
SEEDS = (7, 8, 9)  # the names put into sentences differ; the weights are averaged


def train(script: str, rows: Rows, words: Path | None) -> bytes:
    """The file of the tagger of a script.

    words: jieba's dictionary, which Chinese needs; by default that of the installed package.
    """
    bits, epochs, ridge, least, floor = SETTINGS[script]
    fitted = []
    for seed in SEEDS:
        source = _source(script, rows, words, seed)
        found = _rows(script, source, seed)
        examples = [x for row in found if (x := source.example(row, bits)) is not None]
        fitted.append(fit(examples, bits, epochs=epochs, ridge=ridge))
    weights = np.mean([one for one, _ in fitted], axis=0)
    moves = np.mean([one for _, one in fitted], axis=0)
    return pack(weights, moves, bits, least, floor)


def _rows(script: str, source: Chinese | Japanese | Korean, seed: int) -> list[Row]:
    """The rows of a source, ordinary words and the practice prompts."""
    draw = random.Random(seed)  # noqa: S311
    plain = [*vocabulary(script), *source.plain()]
    if script in MOST:
        plain = draw.sample(plain, MOST[script])
    practice = list(prompts([script, *BORROWED.get(script, ())]))
    ordinary = rows_of(script, plain, source.name, draw)
    return [*source.rows(), *ordinary, *(practice * WRITTEN)]


def _source(script: str, rows: Rows, words: Path | None, seed: int) -> Chinese | Japanese | Korean:
    if script == "ja":
        return Japanese(rows, seed)
    if script == "ko":
        return Korean(rows, seed)
    return Chinese(rows, words or _dictionary(), seed)


def _dictionary() -> Path:
    """The dictionary that comes with jieba."""
    package = find_spec("jieba")
    if package is None or package.origin is None:
        raise SystemExit("zh needs --words, the dictionary of jieba, or jieba itself")
    return Path(package.origin).with_name("dict.txt")


def main() -> None:
    """Train the taggers asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--out", type=Path, default=DATA)
    parser.add_argument("scripts", nargs="*", default=sorted(SETTINGS))
    asked = parser.parse_args()
    rows = Rows(asked.data)
    for script in asked.scripts:
        content = train(script, rows, asked.words)
        (asked.out / f"tagger_{script}.bin").write_bytes(content)
        print(script, len(content), "bytes")  # noqa: T201


if __name__ == "__main__":
    main()
