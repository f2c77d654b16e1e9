"""Writes `direction.tsv`, how telling runs of letters are of the way a word is written."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.disguise import direction

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(direction.__file__).parents[1]
FILES = ("benign.jsonl", "person_spans.jsonl", "sexual_labelled.jsonl", "harmful_nonsexual.jsonl")
TERMS = re.compile(r"(?:sexual/data|minor)/(?:terms\.)?([a-z]{2})\.tsv")
MOST_WORDS, MOST_OFTEN, LEAST, SMOOTH = 300_000, 8, 3, 0.5
LEAST_WEIGHT = 0.7
KEPT = {False: 14_000, True: 8_000}  # alphabets; Chinese, Japanese and Korean


def main() -> None:
    """Count runs of letters both ways and write the telling ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/")
    words = _words(parser.parse_args().data / "train")
    lines: list[str] = []
    for dense in (False, True):
        counts: Counter[str] = Counter()
        for counted in words.values():
            for word, n in counted.items():
                if direction.is_dense(word) == dense:
                    for run in direction.runs(word):
                        counts[run] += min(n, 200 if dense else MOST_OFTEN)
        lines += _lines(counts, KEPT[dense])
    head = "# runs of letters that are this much more usual one way than the other\n"
    page = head + "".join(lines)
    (ROOT / "disguise" / "direction.tsv").write_text(page, "utf-8")
    sys.stdout.write(f"{len(page.encode())} bytes\n")


def _lines(counts: Counter[str], most: int) -> Iterator[str]:
    """Runs by weight, in tenths; the other way round a run weighs as much the other way."""
    weighed = []
    for run, n in counts.items():
        back = counts[direction.turned(run)]
        weight = math.log((n + SMOOTH) / (back + SMOOTH))
        if n >= LEAST and weight >= LEAST_WEIGHT:
            weighed.append((weight * math.sqrt(n), run, weight))
    by_weight = defaultdict(list)
    for _, run, weight in sorted(weighed, reverse=True)[:most]:
        by_weight[min(round(10 * weight), 60)].append(run)
    for weight, found in sorted(by_weight.items()):
        yield f"{weight}\t{' '.join(sorted(found))}\n"


def _words(folder: Path) -> dict[str, Counter[str]]:
    """Words of the public rows and of the lexicons by language, with how often they are met."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name in FILES:
        for line in (folder / name).open(encoding="utf-8"):
            row = json.loads(line)
            counted = found[row["lang"]]
            if len(counted) < MOST_WORDS:
                counted.update(direction.words(row["text"].lower()))
    for file in sorted(ROOT.glob("*/**/*.tsv")):
        if match := TERMS.search(str(file)):
            for line in file.read_text("utf-8").splitlines():
                found[match[1]].update(set(direction.words(line.split("\t")[0].lower())))
    return found


if __name__ == "__main__":
    main()
