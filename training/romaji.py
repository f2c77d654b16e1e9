"""Writes `romaji.tsv`, the words that Japanese in Latin letters is read back into."""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from sudachipy import Dictionary, SplitMode

from guardrail.detect.disguise import hepburn

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(hepburn.__file__).parents[1]
FILES = ("benign.jsonl", "person_spans.jsonl", "sexual_labelled.jsonl", "harmful_nonsexual.jsonl")
RUN = re.compile("[\u3041-\u3096\u30a1-\u30fc\u3005\u4e00-\u9fff]+(?:・[\u30a1-\u30fc]+)*")
PARTICLE, AUXILIARY, VERB, ADJECTIVE = "助詞", "助動詞", "動詞", "形容詞"
HAN, PAIR = re.compile("[\u4e00-\u9fff]"), 2
SPOKEN = {"私": "ワタシ", "明日": "アシタ", "昨日": "キノウ", "今日": "キョウ"}
SAID = {"は": "ワ", "へ": "エ", "を": "オ"}
ONLY_KANA = re.compile("[\u3041-\u3096ー]{3,}")
HIRAGANA = 1.5  # what a word in hiragana costs more than one in another script
COUNTERS = {
    "歳": "sai",
    "代": "dai",
    "年": "nen",
    "年生": "nensei",
    "枚": "mai",
    "人": "nin",
    "年代": "nendai",
}
LEAST = 3
MOST_LETTERS = 24
SENTENCE, TELLING, TERM, NAME, PART, PHRASE = 15, 12, 4, 6, 3, 1  # counted as if read so often
SENTENCES = Path(__file__).with_name("romaji.txt")


def main() -> None:
    """Count words, add terms and names, write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/")
    folder: Path = parser.parse_args().data
    counts: Counter[tuple[str, str]] = Counter()
    for text in _texts(folder / "train"):
        counts.update(_words(text))
    kept = Counter({word: n for word, n in counts.items() if n >= LEAST})
    total = sum(kept.values())
    for text in SENTENCES.read_text("utf-8").splitlines():
        kept.update(dict.fromkeys(_words(text), SENTENCE))
    for written, weight in _terms():
        word = written, _spelled(written)
        kept[word] = max(kept[word], counts[word] + weight)
    for word in _latin_names():
        kept[word] = max(kept[word], NAME)
    for name in ("given.tsv", "surnames.tsv"):
        for latin, languages, *_ in _fields(ROOT / "persons/data" / name):
            said = hepburn.spelled(latin)
            if "jp" in languages.split(",") and hepburn.is_syllables(latin.lower()):
                kept.setdefault((hepburn.in_kana(latin), said), PART)
    lines = [(f"0{said}", 0.0, written, "") for written, said in COUNTERS.items()]
    for (written, said), n in kept.items():
        if said and len(said) <= MOST_LETTERS:
            cost = round(math.log(total / n) + HIRAGANA * bool(ONLY_KANA.fullmatch(written)), 1)
            lines.append((hepburn.key(said), cost, written, said))
    lines.sort()
    page = "".join(
        f"{k}\t{written}\t{cost}\t{'' if said == k else said}\n" for k, cost, written, said in lines
    )
    head = "# key	written	cost (negative logarithm of how common it is)	spelled, where other\n"
    (ROOT / "disguise" / "romaji.tsv").write_text(head + page, "utf-8")
    sys.stdout.write(f"{len(lines)} words, {len(page)} bytes\n")


def _texts(folder: Path) -> Iterator[str]:
    for name in FILES:
        for line in (folder / name).open(encoding="utf-8"):
            row = json.loads(line)
            if row["lang"] == "ja":
                yield row["text"]


_tokenize = Dictionary(dict="core").tokenizer().tokenize


def _words(text: str) -> Iterator[tuple[str, str]]:
    """Words of a text and how they are spelled, verbs again with what they end in."""
    last: tuple[str, str] | None = None
    for word in _tokenize(text[:4000], SplitMode.C):
        surface, kind = word.surface(), word.part_of_speech()[0]
        if not RUN.fullmatch(surface):
            last = None
            continue
        said = SAID.get(surface, "") if kind == PARTICLE else ""
        said = said or SPOKEN.get(surface, "") or word.reading_form()
        if not said.endswith("ッ"):
            yield surface, hepburn.spelled(_latin(said))
        if last and kind in (PARTICLE, AUXILIARY):
            yield last[0] + surface, hepburn.spelled(_latin(last[1] + said))
        last = (surface, said) if kind in (VERB, ADJECTIVE) else None


def _spelled(written: str) -> str:
    """How a term is spelled, all its words together; empty where it cannot be told."""
    said = []
    for word in _tokenize(written, SplitMode.C):
        reading = word.reading_form()
        if not re.fullmatch("[\u30a1-\u30fc]+", reading):
            return ""
        said.append(reading)
    return hepburn.spelled(_latin("".join(said)))


def _latin(reading: str) -> str:
    """Katakana in Latin letters, long marks left out."""
    table = _kana()
    out, at, double = "", 0, False
    while at < len(reading):
        size = next((s for s in (2, 1) if reading[at : at + s] in table), 0)
        if reading[at] == "ッ":
            double = True
        elif size:
            sound = table[reading[at : at + size]]
            out += sound[0] + sound if double and sound[0] not in "aiueon" else sound
            double = False
        elif reading[at] not in "ー・":
            return ""
        at += size or 1
    return out


def _kana() -> dict[str, str]:
    found: dict[str, str] = {"ヲ": "o", "ヂ": "ji", "ヅ": "zu", "ティ": "chi", "ディ": "ji"}
    found |= {"トゥ": "tsu", "ドゥ": "zu", "ウォ": "o", "フュ": "fyu"}
    for line in (ROOT / "disguise" / "kana.tsv").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            sound, kana = line.split("\t")
            found.setdefault(kana, sound)
    return found | dict(zip("ァィゥェォ", "aiueo", strict=True))


def _terms() -> Iterator[tuple[str, int]]:
    """Terms of the detectors and names, with the count that each is given."""
    for file, weight in (
        ("sexual/data/ja.tsv", TELLING), ("minor/terms.ja.tsv", TELLING),
        ("minor/characters.tsv", NAME), ("minor/numbers.tsv", TERM), ("cues/turns.tsv", TERM),
        ("cues/intent.tsv", TERM), ("cues/edit.tsv", TELLING), ("cues/declines.tsv", TERM),
        ("sexual/data/cues.tsv", TERM),
    ):  # fmt: skip
        for line in (ROOT / file).read_text("utf-8").splitlines():
            term = line.split("\t")[0]
            if RUN.fullmatch(term) and len(term) > 1:
                yield term, weight
    for name in ("sexual/data/rules.yaml", "persons/data/references.tsv", "persons/data/roles.tsv"):
        text = (ROOT / name).read_text("utf-8")
        for term in RUN.findall(text):
            if len(term) > PAIR:
                yield term, PHRASE
    for name in ("public.tsv", "fictional.tsv"):
        yield from _names((ROOT / "persons/data" / name).read_text("utf-8"))


def _latin_names() -> Iterator[tuple[str, str]]:
    """Names that an entry writes both in kanji and in Latin letters, in either order."""
    for file in ("public.tsv", "fictional.tsv"):
        for name, _, aliases, *_ in _fields(ROOT / "persons/data" / file):
            forms = [name, *aliases.split("|")]
            written = next((form for form in forms if HAN.search(form) and RUN.fullmatch(form)), "")
            for form in forms:
                words = form.lower().split()
                if written and len(words) == PAIR and all(map(hepburn.is_syllables, words)):
                    yield written, hepburn.spelled("".join(words))
                    yield written, hepburn.spelled("".join(reversed(words)))


def _fields(path: Path) -> Iterator[list[str]]:
    for line in path.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield [*line.split("\t"), ""]


def _names(page: str) -> Iterator[tuple[str, int]]:
    for line in page.splitlines():
        name, _, aliases = (*line.split("\t"), "", "")[:3]
        for alias in (name, *aliases.split("|")):
            if not line.startswith("#") and RUN.fullmatch(alias) and len(alias) > 1:
                yield alias, NAME
                for part in alias.split("・") if "・" in alias else ():
                    yield part, PART


if __name__ == "__main__":
    main()
