"""The second stage as a policy sets it: asked about what the first is in doubt of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OnnxModel:
    """A classifier in a folder of `model.onnx`, `tokenizer.json` and `config.json`.

    folder: as written; `place` is where that is. max_tokens: of one window. windows: of one text,
    a longer one is unscanned. threads: of the runtime, for each text.
    """

    folder: str
    max_tokens: int = 256
    windows: int = 16
    threads: int = 1
    place: str = ""


@dataclass(frozen=True, slots=True)
class Moderation:
    """An endpoint that answers `POST {url}/moderations` as OpenAI's does.

    key_env: the environment variable that holds the key; empty: none is sent.
    """

    url: str
    model: str = ""
    key_env: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """A language model that is asked through LiteLLM.

    family: whose prompt and answer it has, one of `FAMILIES`. model: as LiteLLM calls it.
    url: base URL; empty: the provider's. key_env: the environment variable that holds the key;
    empty: none is sent to a `url`, and LiteLLM looks for a provider's.
    max_chars: code points of what it is shown; of a longer text, parts.
    max_tokens: of its answer; 0: the family's. per_day, tokens_per_day: in 24 hours in a process,
    0 for any number. cache_s: seconds that an answer is remembered.
    """

    family: str
    model: str
    url: str = ""
    key_env: str = ""
    max_chars: int = 4000
    max_tokens: int = 0
    per_day: int = 0
    tokens_per_day: int = 0
    cache_s: int = 3600


FAMILIES: Mapping[str, tuple[str, ...]] = {
    "chat": ("explicit", "minor", "nudity", "suggestive"),
    "gpt-oss-safeguard": ("explicit", "minor", "nudity", "suggestive"),
    "llama-guard": ("minor", "nudity"),
    "moderation": ("minor", "nudity"),
    "shieldgemma": ("nudity",),
}
"""Families of judges, with what each can tell."""


@dataclass(frozen=True, slots=True)
class SecondStage:
    """When the second stage is asked, and what its answer counts for.

    low, high: the first stage's scores that are in doubt, both inclusive, in [0, 1].
    may_lower: whether its answer may undo a `nudity` that the first stage is in doubt of.
    limit_ms: milliseconds it may take. concurrency: texts at once in a process.
    per_minute: texts a minute in a process, 0 for any number. cache: answers remembered.
    labels: the backend's labels, each with a severity's name or `minor`.
    slope, bias: calibration of its scores, on log-odds.
    """

    backend: OnnxModel | Moderation | Judge
    labels: tuple[tuple[str, str], ...]
    low: float = 0.2
    high: float = 0.8
    may_lower: bool = False
    limit_ms: int = 1000
    concurrency: int = 4
    per_minute: int = 0
    cache: int = 4096
    slope: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.high <= HIGHEST:
            raise ValueError(f"grey zone {self.low} to {self.high} is not within 0 to {HIGHEST}")


HIGHEST = 0.9
"""What the first stage scores higher is never in doubt."""
