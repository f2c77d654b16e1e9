"""Families of judges, as their files beside this module describe them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any, Literal

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HERE = "guardrail.adapters.judge"
_BEFORE, _AFTER = "(?<![^\\W_])", "(?![^\\W_])"
_SPACED = re.compile(r"[\u0000-\u052f\u1e00-\u1fff]+")


@dataclass(frozen=True, slots=True)
class Family:
    """How a family of models is asked, and how its answers are read.

    digest: of all that its questions are made of. address: matches what may speak to a judge.
    Everything else: as README.md beside this module says.
    """

    name: str
    call: Literal["chat", "moderation"]
    layout: Literal["fenced", "line", "raw"]
    answer: str
    max_tokens: int
    digest: str
    address: re.Pattern[str]
    schema: bool = False
    cut: bool = False
    codes: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    system: Template | None = None
    before: Template | None = None
    after: Template | None = None


@cache
def family(name: str) -> Family:
    """The family of that name, one of `guardrail.policy.second.FAMILIES`."""
    written = (files(_HERE) / f"{name}.yaml").read_text("utf-8")
    address = (files(_HERE) / "address.txt").read_text("utf-8")
    read = yaml.safe_load(written)
    words = [line for line in address.splitlines() if line and not line.startswith("#")]
    wordings: dict[str, Any] = {
        key: Template(read.pop(key)) for key in ("system", "before", "after") if key in read
    }
    return Family(
        name=name,
        digest=hashlib.sha256(f"{written}\0{address}".encode()).hexdigest()[:12],
        address=_matching(words, read.pop("words", ())),
        **read,
        **wordings,
    )


def _matching(words: Sequence[str], answers: Sequence[str]) -> re.Pattern[str]:
    """Any of the words, or an answer as a word.

    A word counts where one begins with it, in scripts that write spaces; of others anywhere.
    """
    begun = "|".join(re.escape(word) for word in words if _SPACED.fullmatch(word))
    others = [re.escape(word) for word in words if not _SPACED.fullmatch(word)]
    said = [f"{_BEFORE}{re.escape(answer)}{_AFTER}" for answer in answers]
    return re.compile("|".join((f"{_BEFORE}(?:{begun})", *others, *said)))
