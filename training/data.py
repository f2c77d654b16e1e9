"""Public rows as training examples: one reading of the labels for each source."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

LANGUAGES = {"sp": "es"}
_ALIKE = 0.6
SAFE_FILES = ("benign.jsonl", "harmful_nonsexual.jsonl", "person_spans.jsonl")


@dataclass(frozen=True, slots=True)
class Example:
    """A text and whether it is sexual.

    kind: `labelled`, `safe` (a source without sexual text), `unlabelled` or `synthetic`.
    source: the repository; of a synthetic one, the repository of the text a term was put into.
    visual: whether it asks for a picture.
    """

    text: str
    label: int
    source: str
    lang: str
    kind: str
    visual: bool = False


def _nibbler(labels: Mapping[str, Any]) -> int | None:
    if labels.get("sexual_text_unsafe") is True:
        return 1
    # Sexual in the picture only: the words do not say so.
    return None if labels.get("sexual_sub") or labels.get("sexual_confirmed") else 0


def _i2p(labels: Mapping[str, Any]) -> int | None:
    if not labels["sexual_cat"]:
        return 0
    return 1 if float(labels.get("nudity_pct") or 0) >= 50 else None  # noqa: PLR2004


_LABELS: dict[str, Callable[[Mapping[str, Any]], int | None]] = {
    "google-research-datasets/adversarial-nibbler": _nibbler,
    "OPTML-Group/Diffusion-MU-Attack": _i2p,
    "Artanisax/Six-CD": lambda x: int(x["sexual"]),
    "DAMO-NLP-SG/multilingual-safety-for-LLMs": lambda x: int(
        x["adult"] or x["sexual_exploitation"]
    ),
    "declare-lab/red-instruct": lambda x: int(x["sexual"] or x["csa"]),
    "jaehong31/SAFREE": lambda x: 1 if x["sexual"] else None,
    "busycalibrating/AdversariaLLM": lambda x: int(x["sexual"]),
    "inspection-ai/japanese-toxic-dataset": lambda x: int(x["sexual_any"]),
}
_VISUAL = (
    "google-research-datasets/adversarial-nibbler",
    "OPTML-Group/Diffusion-MU-Attack",
    "Artanisax/Six-CD",
    "jaehong31/SAFREE",
    "yifan123/flow_grpo",
    "THUDM/ImageReward",
    "krea-ai/open-prompts",
    "google-research/parti",
    "rohitgandikota/erasing",
    "TencentQQGYLab/ELLA",
    "djghosh13/geneval",
)


def labelled(folder: Path) -> Iterator[Example]:
    """Rows with a label; those whose label does not speak of the words are left out."""
    for row in _rows(folder / "sexual_labelled.jsonl"):
        label = _LABELS[row["source"]](row["labels"])
        if label is not None:
            yield _example(row, label, "labelled")


def safe(folder: Path) -> Iterator[Example]:
    """Rows of sources without sexual text."""
    for name in SAFE_FILES:
        for row in _rows(folder / name):
            yield _example(row, 0, "safe")


def unlabelled(folder: Path) -> Iterator[Example]:
    """Real picture prompts, most of them harmless; label 0 is a guess."""
    for row in _rows(folder / "prompts_unlabelled.jsonl"):
        if "nibbler" not in row["source"]:
            yield _example(row, 0, "unlabelled")


class Reported:
    """Texts that are kept for reporting, so that no row like them is learnt from.

    A row is like one of them when their letters and digits are the same, or more than 60% of the
    five-character shingles of both together.
    """

    def __init__(self, folder: Path) -> None:
        texts = [row["text"] for path in sorted(folder.glob("*.jsonl")) for row in _rows(path)]
        self._shingles = [_shingles(text) for text in texts]
        self._same = {_letters(text) for text in texts}
        self._where: dict[str, list[int]] = defaultdict(list)
        for index, shingles in enumerate(self._shingles):
            for shingle in shingles:
                self._where[shingle].append(index)

    def has(self, text: str) -> bool:
        """Whether a text is like one of them."""
        if _letters(text) in self._same:
            return True
        mine = _shingles(text)
        shared = Counter(index for one in mine for index in self._where.get(one, ()))
        return any(
            count > _ALIKE * len(mine | self._shingles[index])
            for index, count in shared.most_common(3)
        )


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def _shingles(text: str) -> set[str]:
    letters = _letters(text)
    return {letters[at : at + 5] for at in range(max(1, len(letters) - 4))}


def _example(row: Mapping[str, Any], label: int, kind: str) -> Example:
    lang = row["lang"]
    return Example(
        row["text"],
        label,
        row["source"],
        LANGUAGES.get(lang, lang),
        kind,
        row["source"] in _VISUAL,
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)
