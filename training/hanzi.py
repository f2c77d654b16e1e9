"""Builds `hanzi.tsv` and `words_zh.tsv`: what Chinese words and name characters look like.

`python -m training.hanzi --words dict.txt --characters TSCharacters.txt`: the first is the
dictionary of the segmenter jieba (MIT), the second OpenCC's table of traditional characters
(Apache-2.0). Of the names in the dictionary only statistics of their characters are kept.
"""

from __future__ import annotations

import argparse
import math
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.detect.persons.lexicon import DATA, entries

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA = Path(__file__).with_name("words_zh.txt")
CUTS = {"first": (-0.3, 0.7, 1.6), "last": (-0.3, 0.7, 1.6), "foreign": (0.0, 1.0, 2.0)}
LEAST = {"first": 8, "last": 8, "foreign": 10}
SURNAMES = (15, 250, 900)
FUNCTION = frozenset("的了是在我你他她们这那就都和对说不也很与或从到被把给让使得着过之其见对")
KINDS = dict(zip("nvadpcufyeozbstmqriljgxkh", "nvadfffffffaantmmriionnnn", strict=True)) | {
    "s": "n"
}
RAREST = {"s": 2, "i": 2, "o": 8}
GRAIN = 8
OWN, DEAREST = 90, 160


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the dictionary: its count in running text and its part of speech."""

    text: str
    count: int
    sort: str

    @property
    def kind(self) -> str:
        """The class that the tagger knows."""
        if self.sort.startswith("ns"):
            return "s"
        if self.sort in {"nt", "nz"}:
            return "o"
        return "x" if self.sort.startswith("nr") else KINDS.get(self.sort[0], "n")


def simplified(path: Path) -> dict[str, str]:
    """Traditional character -> the likeliest simplified one, where the two differ."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        old, new = line.split("\t")
        new = new.split()[0]
        if old != new and len(old) == len(new) == 1 and max(old, new) < "\U00010000":
            found[old] = new
    return found


class Surnames:
    """The surnames of the package's own lists, simplified."""

    def __init__(self, table: dict[int, str]) -> None:
        lists = entries("cjk.tsv")
        single = lists["zh_surname_main"] | lists["zh_surname"]
        self.single = {name.translate(table) for name in single}
        self.double = {name.translate(table) for name in lists["zh_double"]}

    def length(self, word: Word) -> int:
        """How many characters of a name are its surname; 0 where it is no Chinese full name."""
        text = word.text
        size = 2 if text[:2] in self.double and len(text) > 2 else 1  # noqa: PLR2004
        good = text[:size] in self.single | self.double and size < len(text) <= size + 2
        named = word.sort in {"nr", "nrfg"} and FUNCTION.isdisjoint(text[size:])
        return size if good and named else 0


def letters(words: list[Word], surnames: Surnames) -> dict[str, str]:
    """Label with digit -> the characters that are that typical of a place in a name."""
    plain: Counter[str] = Counter()
    seen: dict[str, Counter[str]] = {label: Counter() for label in ("surname", *CUTS)}
    for word in words:
        if word.kind != "x":
            plain.update({c: word.count * word.text.count(c) for c in set(word.text)})
        elif word.sort == "nrt":
            seen["foreign"].update(word.text)
        elif size := surnames.length(word):
            seen["surname"][word.text[0]] += 1
            seen["first"][word.text[size]] += 1
            seen["last"][word.text[-1]] += 1
    bins: dict[str, str] = defaultdict(str)
    for c in sorted(seen["surname"].keys() | surnames.single):
        count = seen["surname"][c]
        if count >= SURNAMES[0] or c in surnames.single:
            bins[f"surname{max(1, sum(count >= least for least in SURNAMES))}"] += c
    whole = plain.total()
    for label, cuts in CUTS.items():
        total = seen[label].total()
        for c, count in sorted(seen[label].items()):
            odds = math.log(count / total / ((plain[c] + 2000) / whole))
            if count >= LEAST[label] and (digit := sum(odds >= cut for cut in cuts)):
                bins[f"{label}{digit}"] += c
    return bins


def kept(word: Word, names: frozenset[str]) -> bool:
    """Whether a word helps to cut a text: names do not, but for those that are common words."""
    text = word.text
    if not all("\u3400" <= c <= "\u9fff" for c in text):
        return False
    if len(text) == 1:
        return word.count >= 3  # noqa: PLR2004
    if len(text) > (6 if word.kind == "s" else 4):
        return False
    if word.kind == "x":
        return len(text) == 2 and word.count >= (1500 if text in names else 300)  # noqa: PLR2004
    if word.kind == "s" and text in names and len(text) == 2:  # noqa: PLR2004
        return False
    return word.count >= RAREST.get(word.kind, 6)


def ordinary() -> Iterator[tuple[str, str]]:
    """Class and word of each of our own words, some of which the dictionary takes for names."""
    for line in EXTRA.read_text(encoding="utf-8").splitlines():
        kind, *more = line.split()
        if kind != "#":
            yield from ((kind, word) for word in more)


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=Path, required=True)
    parser.add_argument("--characters", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DATA)
    asked = parser.parse_args()
    pairs = simplified(asked.characters)
    table = str.maketrans(pairs)
    lines = asked.words.read_text(encoding="utf-8").splitlines()
    words = [Word(text, int(count), sort) for text, count, sort in map(str.split, lines)]
    surnames = Surnames(table)
    rows = ["# label\tcharacters, simplified but for the pairs; the digit: how typical, 1 to 3"]
    rows.append("simplified\t" + " ".join(old + new for old, new in sorted(pairs.items())))
    rows += [f"{label}\t{found}" for label, found in sorted(letters(words, surnames).items())]
    (asked.out / "hanzi.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (asked.out / "words_zh.tsv").write_text(listed(words, surnames, table), encoding="utf-8")


def listed(words: list[Word], surnames: Surnames, table: dict[int, str]) -> str:
    """The words by class and by what they cost in a segmentation."""
    lists = entries("cjk.tsv")
    titles = {w.translate(table) for k in ("zh_before", "zh_after") for w in lists[k] if len(w) > 1}
    names = frozenset(word.text for word in words if surnames.length(word))
    whole = math.log(sum(word.count for word in words))
    found: dict[tuple[str, int], set[str]] = defaultdict(set)
    have = set()
    own = {word.translate(table): kind for kind, word in ordinary()}
    for word in words:
        if kept(word, names) or (word.kind == "x" and word.text in own):
            cost = round(GRAIN * (whole - math.log(word.count)) / 2) * 2
            mine = word.kind == "x" and word.text in own
            kind, most = (own[word.text], OWN) if mine else (word.kind, DEAREST)
            found["h" if word.text in titles else kind, min(most, cost)].add(word.text)
            have.add(word.text)
    for text, kind in own.items():
        if text not in have:
            found[kind, OWN].add(text)
    found["h", OWN] |= titles - have
    lines = [f"{kind}\t{cost}\t{' '.join(sorted(v))}" for (kind, cost), v in sorted(found.items())]
    return "# class\tcost, eighths of a nat\twords\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
