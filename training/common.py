"""The commonest words of ordinary requests, weighed beforehand so that no start is cold."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from guardrail.detect.lexicon import Lexicon
from guardrail.detect.sexual.features import TOKEN
from guardrail.detect.sexual.linear import Linear
from guardrail.detect.sexual.rules import PACKAGE, load_rules
from guardrail.text import Views
from training import data

MOST = 6000
SEEN = 12  # times; a rarer word may say something of the one who used it


def commonest(folder: Path) -> list[str]:
    """Words of harmless and of unlabelled training rows, no term of the lexicon among them."""
    seen = Counter(
        token
        for rows in (data.safe(folder / "train"), data.unlabelled(folder / "train"))
        for one in rows
        for token in TOKEN.findall(Views(one.text).kana.text)
    )
    terms = Lexicon.load(PACKAGE, *load_rules().terms)
    ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    often = [word for word, count in ordered if count >= SEEN and word.isalpha()][: 2 * MOST]
    return [word for word in often if not terms.hits(Views(word))][:MOST]


def write(folder: Path, model: Linear, path: Path) -> None:
    """Write each word with what `Linear` knows of it, a word a line."""
    lines = (
        json.dumps([word, *model.weigh(word)], ensure_ascii=False) for word in commonest(folder)
    )
    path.write_text("\n".join(lines) + "\n", "utf-8")
