"""docs/wire.md names every codec there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from guardrail.adapters.wire import multipart
from guardrail.adapters.wire.codec import Codec
from guardrail.adapters.wire.openai.fields import HIDDEN
from guardrail.adapters.wire.table import ENTRIES

PAGE = (Path(__file__).parents[3] / "docs" / "wire.md").read_text("utf-8")


def test_every_codec_is_on_the_page() -> None:
    names = {entry.target.name for entry in ENTRIES if isinstance(entry.target, Codec)}
    assert set(re.findall(r"\| `((?:openai|anthropic|gemini)\.[a-z._]+)` \|", PAGE)) == names


def test_what_is_hidden_is_on_the_page() -> None:
    (line,) = re.findall(r"These are never read: (.*?)\. Definitions", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", line)) == HIDDEN


def test_the_limits_are_on_the_page() -> None:
    limits = (multipart.MAX_PARTS, multipart.MAX_TEXT, multipart.MAX_HEADER, multipart.MAX_KEPT)
    assert all(f"{limit:,}" in PAGE for limit in limits)
