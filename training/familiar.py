"""Work out beforehand what the detectors make of frequent words, and the index of names.

`python -m training.familiar` writes both anew, after a change to a lexicon, a list of names or a
model; `--data FOLDER` gathers the frequent words again first.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect import familiar
from guardrail.detect.disguise.marks import marks_of
from guardrail.detect.disguise.names import named_of
from guardrail.detect.persons.index import build_shipped
from guardrail.detect.persons.spelled import SpelledTagger
from guardrail.detect.persons.tagging import shipped
from guardrail.detect.sexual import linear
from guardrail.detect.sexual.features import features
from guardrail.detect.sexual.linear import load_linear
from training import data
from training.foreign import VOCABULARY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TARGET = Path(familiar.__file__).parent
ROWS, SOURCES = 3, 2
"""Rows and sources that a word must stand in; a rarer one may say something of who used it."""
SHORTEST, LONGEST = 1, 24
_DENSE = "\u0e00"  # scripts from here on are written without spaces
_WORD = re.compile(r"[^\W\d_]+")


def main() -> None:
    """Gather words where data is given, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with train/ and dev/")
    folder = parser.parse_args().data
    build_shipped()
    write(gathered(folder) if folder else listed(), TARGET)


def gathered(folder: Path) -> list[str]:
    """Words of several public sources, and of the lists of ordinary words of many languages."""
    rows: dict[str, int] = defaultdict(int)
    sources: dict[str, set[str]] = defaultdict(set)
    reported = data.Reported(folder / "dev")
    train = folder / "train"
    for find in (data.labelled, data.safe, data.unlabelled):
        for one in find(train):
            if not reported.has(one.text):
                for word in set(_WORD.findall(one.text.lower())):
                    rows[word] += 1
                    sources[word].add(one.source)
    found = {word for word in rows if rows[word] >= ROWS and len(sources[word]) >= SOURCES}
    for path in VOCABULARY.glob("*.txt"):
        found.update(_WORD.findall(path.read_text("utf-8").lower()))
    return sorted(filter(_fits, found))


def listed() -> list[str]:
    """The words of the table as it is."""
    return familiar.unpacked_words((TARGET / familiar.WORDS).read_bytes())


def _fits(word: str) -> bool:
    plain = word.isalpha() and word == word.lower() == word.casefold() and max(word) < _DENSE
    return plain and SHORTEST <= len(word) <= LONGEST and features(word)[0] != 0


def write(words: list[str], folder: Path) -> None:
    """Write the table of these words."""
    words = ordered(words)
    rows = list(worked_out(words))
    folder.joinpath(familiar.WORDS).write_bytes(familiar.packed_words(words))
    folder.joinpath(familiar.COLUMNS).write_bytes(familiar.packed(rows))


def ordered(words: Iterable[str]) -> list[str]:
    """The words, the commonest first: those that stand together are found together."""
    listed = set(words)
    common = [word for word in commonest() if word in listed]
    return [*common, *sorted(listed.difference(common))]


def commonest() -> list[str]:
    """The words of `common.jsonl`, in its order."""
    lines = (Path(linear.__file__).parent / "data/common.jsonl").read_text("utf-8").splitlines()
    return [str(json.loads(line)[0]) for line in lines]


def worked_out(words: Iterable[str]) -> Iterator[familiar.Row]:
    """What the detectors make of each word."""
    model, tagger = load_linear()[0], SpelledTagger(shipped("latin"))
    for word in words:
        yield marks_of(word), named_of(word), *model.weigh(word)[:2], tagger.spelled(word.encode())


if __name__ == "__main__":
    main()
