"""Everything the model learns from: examples, what each weighs, and the folds that hold it out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from training import data, synthetic
from training.fit import Hasher
from training.lexicon import LexiconScore
from training.practice import written

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    from scipy.sparse import csr_matrix

    from training.data import Example
    from training.fit import Vector
    from training.lexicon import Said

SEED = 7
MOST_OF_A_SOURCE = 1500  # of news, encyclopaedias and templates; by language
MOST_UNLABELLED = 16_000
DISTILLED = 1500  # by language and label
TEMPLATED = 12  # fillings of a template
ASKED = 200  # by language and kind
DOUBTFUL_SAFE = 0.8  # rows of large mixed sources that the lexicon scores so are left out
DOUBTFUL_UNLABELLED = 0.3
MIXED = "Jarviswang94/Multilingual_safety_benchmark"

ENGLISH = 0.3  # of a synthetic row's weight, since English has labelled ones
SEXUAL, SYNTHETIC, UNLABELLED = 6.0, 0.3, 0.3
"""Weights of labelled positives, of harmless texts with a term put in (with a sexual one twice
that) and of unlabelled prompts."""
MADE = {"templates": 0.5, "requests": 2.0, "asks": 0.3}
"""Weights of the rows that are put together from what was written for this project."""
WRITTEN = {"written": 2.0, "suggestive": 1.0}
"""Weights in the linear model of the rows written for this project, by kind."""
WRITTEN_LAYER = {"written": 2.0, "suggestive": 0.5}
"""Factors of their weights in the layer."""
NOTES = ("account", "cue.judge", "cue.matter", "cue.medical", "tier.clinical")
"""What the layer reads of `score.notes_of`, chosen by leaving languages out: all of it lowers."""
LANGUAGES = ("en", "ja", "zh", "ko", "ru", "ar")
"""The language of written rows that is left out with each of FOLDS; the others follow in turn."""

FOLDS: tuple[tuple[str, ...], ...] = (
    (
        "google-research-datasets/adversarial-nibbler",
        "rohitgandikota/erasing",
        "THUDM/ImageReward",
    ),
    (
        "Artanisax/Six-CD",
        "google-research/parti",
        "Stability-AI/FastChat",
        "LLM-Tuning-Safety/LLMs-Finetuning-Safety",
        "krea-ai/open-prompts",
    ),
    (
        "OPTML-Group/Diffusion-MU-Attack",
        "jaehong31/SAFREE",
        "TencentQQGYLab/ELLA",
        "djghosh13/geneval",
        "yifan123/flow_grpo",
    ),
    (
        "declare-lab/red-instruct",
        "facebookresearch/ResponsibleNLP",
        "yahoojapan/JGLUE",
    ),
    (
        "DAMO-NLP-SG/multilingual-safety-for-LLMs",
        "busycalibrating/AdversariaLLM",
        "inspection-ai/japanese-toxic-dataset",
        "paul-rottger/exaggerated-safety",
        "mainlp/xsid",
    ),
    (MIXED,),
)
"""Sources that are held out together; sources named nowhere are always learnt from."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples as arrays, one entry or row for each.

    lexicon, vague, excused: what it says of each. notes: a column for each of NOTES.
    weights: for the linear model. layer_weights: for the layer, sources nearly alike.
    real: neither synthetic nor doubtful, and held out in some fold. public: real and not written
    for this project.
    """

    rows: csr_matrix
    labels: Vector
    lexicon: Vector
    vague: Vector
    excused: Vector
    notes: Vector
    sources: Vector
    langs: Vector
    weights: Vector
    layer_weights: Vector
    by_source: Vector
    by_row: Vector
    real: Vector
    public: Vector


def gather(folder: Path, *, keep_reported: bool = False, without: Collection[str] = ()) -> Corpus:
    """Read the training rows and add synthetic ones; the same for the same files.

    Rows that also stand in the development set, which is for reporting, are left out unless
    `keep_reported`; rows of the sources in `without` always are.
    """
    score = LexiconScore()
    train = folder / "train"
    examples = [*data.labelled(train), *_safe(train, score)]
    examples += _some(list(data.unlabelled(train)), MOST_UNLABELLED)
    examples = [one for one in examples if one.source not in without]
    reported = data.Reported(folder / "dev")
    if not keep_reported:
        examples = [one for one in examples if not reported.has(one.text)]
    carriers = [one for one in examples if not one.label and one.kind != "unlabelled"]
    terms = synthetic.terms()
    examples += synthetic.distilled(carriers, terms, DISTILLED, SEED)
    examples += synthetic.templated(terms, TEMPLATED, SEED)
    examples += synthetic.requested()
    examples += synthetic.asked(ASKED, SEED)
    examples += [one for one in written() if keep_reported or not reported.has(one.text)]
    return _corpus(examples, [score(one) for one in examples])


def _safe(folder: Path, score: LexiconScore) -> list[Example]:
    large: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for one in data.safe(folder):
        large[one.source, one.lang].append(one)
    named = {source for fold in FOLDS for source in fold} - {MIXED}
    kept: list[Example] = []
    for (source, _), rows in large.items():
        if source in named:
            kept += rows
        else:
            some = _some(rows, MOST_OF_A_SOURCE)
            kept += [one for one in some if score(one).score < DOUBTFUL_SAFE]
    return kept


def _some(rows: Sequence[Example], most: int) -> list[Example]:
    order = np.random.default_rng(SEED).permutation(len(rows))
    return [rows[int(i)] for i in order[:most]]


def _corpus(examples: Sequence[Example], said: Sequence[Said]) -> Corpus:
    lexicon = np.array([one.score for one in said])
    labels = np.array([one.label for one in examples], float)
    sources = np.array([one.source for one in examples])
    langs = np.array([one.lang for one in examples])
    kinds = np.array([one.kind for one in examples])
    by_source = _by_source(sources)
    made = np.isin(kinds, list(WRITTEN))
    real = (kinds != "synthetic") & (by_source >= 0)
    real &= ~((kinds == "unlabelled") & (lexicon >= DOUBTFUL_UNLABELLED))
    return Corpus(
        rows=Hasher().matrix(one.text for one in examples),
        labels=labels,
        lexicon=lexicon,
        vague=np.array([one.vague for one in said]),
        excused=np.array([one.excused for one in said]),
        notes=np.array([[one.notes.get(name, 0.0) for name in NOTES] for one in said]),
        sources=sources,
        langs=langs,
        weights=_weights(labels, sources, langs, kinds, lexicon),
        layer_weights=_alike(labels, sources, langs)
        * np.array([WRITTEN_LAYER.get(kind, 1.0) for kind in kinds]),
        by_source=by_source,
        by_row=np.where(kinds == "synthetic", -1, _by_row(examples)),
        real=real,
        public=real & ~made,
    )


def _by_source(sources: Vector) -> Vector:
    """The fold of each row: of its source, or of the language it was written in; -1 for none."""
    of = {source: number for number, fold in enumerate(FOLDS) for source in fold}
    mine = sorted({one for one in sources if one.startswith("written-")})
    first = [f"written-{lang}" for lang in LANGUAGES]
    order = [*first, *(one for one in mine if one not in first)]
    of.update((source, number % len(FOLDS)) for number, source in enumerate(order))
    return np.array([of.get(source, -1) for source in sources])


def _weights(
    labels: Vector, sources: Vector, langs: Vector, kinds: Vector, lexicon: Vector
) -> Vector:
    weights = np.ones(len(labels))
    sexual = (labels == 1) & (kinds == "labelled")
    for mine in _groups(sources, langs, sexual):
        weights[mine] = SEXUAL * np.clip((300 / mine.sum()) ** 0.5, 0.35, 4.0)
    made = kinds == "synthetic"
    weights[made] = np.where(labels[made] == 1, 2 * SYNTHETIC, SYNTHETIC)
    weights[made & (langs == "en")] *= ENGLISH
    for source, weight in MADE.items():
        weights[sources == source] = weight
    for kind, weight in WRITTEN.items():
        weights[kinds == kind] = weight
    guessed = kinds == "unlabelled"
    weights[guessed] = np.where(lexicon[guessed] >= DOUBTFUL_UNLABELLED, 0.0, UNLABELLED)
    return weights


def _alike(labels: Vector, sources: Vector, langs: Vector) -> Vector:
    """Weights under which a large source counts little more than a small one."""
    weights = np.ones(len(labels))
    for label in (0, 1):
        for mine in _groups(sources, langs, labels == label):
            weights[mine] = min(1.0, 400 / mine.sum()) ** 0.7
    return weights


def _groups(sources: Vector, langs: Vector, among: Vector) -> Iterable[Vector]:
    for source, lang in sorted(set(zip(sources[among], langs[among], strict=True))):
        yield among & (sources == source) & (langs == lang)


def _by_row(examples: Iterable[Example]) -> Vector:
    """Three folds; texts that begin alike fall into the same one."""
    return np.array([crc32(one.text.lower()[:24].encode()) % 3 for one in examples])
