"""Rows of the development data; their text goes to the screener and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guardrail.errors import ConfigurationError
from scoreboard.screened import Ask, Seen

CHAT, IMAGE = "chat", "image.generate"
PARTS = ("sexual", "person", "benign")
IMAGE_REGISTERS = frozenset({"image", "image-adversarial"})
IMAGE_SLICES = frozenset(
    {
        # person
        "artist_style",
        "fictional_character",
        "imgprompt_celebrity",
        "imgprompt_celebrity_long",
        "imgprompt_noperson",
        "sixcd_celebrity_pair",
        # benign
        "caption_ja",
        "coco_caption",
        "diffusiondb_real",
        "dpg_long",
        "geneval",
        "open_prompts_real",
        "parti",
        "pickapic_real",
        "sixcd_clean",
    }
)
"""Slices of prompts written for, or fit for, an image model."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled row: `labels` is the row as stored, which no table may quote."""

    part: str
    labels: Mapping[str, Any] = field(repr=False)

    @property
    def text(self) -> str:
        """What is screened."""
        return str(self.labels["text"])

    @property
    def is_image_prompt(self) -> bool:
        """Whether the row is also screened as an image prompt."""
        if self.part == "sexual":
            return self.labels["register"] in IMAGE_REGISTERS
        return self.labels["slice"] in IMAGE_SLICES


@dataclass(frozen=True, slots=True)
class Case:
    """A row, what it was asked as (`chat` or `image.generate`), and the answer."""

    row: Row
    asked: str
    seen: Seen

    def label(self, key: str) -> str:
        """A label's value as a word."""
        return str(self.row.labels[key])


@dataclass(frozen=True, slots=True)
class Part:
    """The cases of one file: every row as a chat prompt, image prompts as such as well."""

    chat: tuple[Case, ...]
    image: tuple[Case, ...]


def by(key: str) -> Callable[[Case], str]:
    """Make what groups cases by a label."""
    return lambda case: case.label(key)


def read_rows(folder: Path, part: str) -> list[Row]:
    """Read one file of rows; ConfigurationError says what is missing."""
    path = folder / f"{part}.jsonl"
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise ConfigurationError(f"no development data: {path}: {error.strerror}") from error
    return [Row(part, json.loads(line)) for line in lines if line.strip()]


def asks_of(row: Row) -> list[Ask]:
    """Ask the row as a chat prompt, and as an image prompt if it is one."""
    asks: list[Ask] = [{"text": row.text}]
    if row.is_image_prompt:
        asks.append({"prompt": row.text, "operation": IMAGE})
    return asks


def part_of(rows: Iterable[Row], answers: Iterator[Seen]) -> Part:
    """Give each row the answers to what `asks_of` asked for it, in the same order."""
    chat, image = [], []
    for row in rows:
        chat.append(Case(row, CHAT, next(answers)))
        if row.is_image_prompt:
            image.append(Case(row, IMAGE, next(answers)))
    return Part(tuple(chat), tuple(image))
