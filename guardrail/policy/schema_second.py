"""The shape of `second_stage` in a policy file."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from guardrail.policy.schema_base import Model, Text, expected
from guardrail.policy.second import (
    FAMILIES,
    HIGHEST,
    Judge,
    Moderation,
    OnnxModel,
    SecondStage,
)

LabelMeaning = Literal["suggestive", "nudity", "explicit", "minor"]
Family = Literal["chat", "gpt-oss-safeguard", "llama-guard", "moderation", "shieldgemma"]
_MS, _JUDGE_MS = 1000, 5000
Share = Annotated[float, Field(ge=0, le=HIGHEST)]


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username or parts.password:
        raise expected("a base URL such as https://api.example.com/v1, without a key in it")
    if parts.scheme != "https" and not (parts.scheme == "http" and _local(parts.hostname)):
        raise expected("https: prompts go there; http only to this machine")
    return url


def _local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class GreyModel(Model):
    """Which scores of the first stage are in doubt, both ends inclusive."""

    low: Share = 0.2
    """From this score on."""
    high: Share = 0.8
    """Up to this score."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low > self.high:
            raise expected("low not above high")
        return self


class CalibrationModel(Model):
    """A score's log-odds times `slope`, plus `bias`."""

    slope: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Greater than 0."""
    bias: Annotated[float, Field(ge=-100, le=100)] = 0.0
    """Added to the log-odds."""


class OnnxSchema(Model):
    """A text classifier that the operator has."""

    folder: Text
    """Folder with `model.onnx`, `tokenizer.json` and `config.json`, relative to this file."""
    max_tokens: Annotated[int, Field(ge=8, le=8192)] = 256
    """Tokens of one window; longer texts are read in several that overlap by a quarter."""
    windows: Annotated[int, Field(ge=1, le=1000)] = 16
    """Windows of one text; a longer one is unscanned."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads that one text may use."""


class ModerationSchema(Model):
    """An OpenAI-compatible moderation endpoint. The texts in doubt are sent there."""

    url: Annotated[Text, AfterValidator(_endpoint)]
    """Base URL; `/moderations` is added."""
    model: Text | None = None
    """The endpoint's model."""
    key_env: Text | None = None
    """Name of the environment variable with the key. Default: no key is sent."""


class JudgeSchema(Model):
    """A language model as judge, asked through LiteLLM. The texts in doubt are sent there."""

    family: Family
    """Whose prompt and answer it has; `chat`: any model that follows instructions."""
    model: Text
    """The model as LiteLLM calls it, such as `openai/llama-guard-4`."""
    url: Annotated[Text, AfterValidator(_endpoint)] | None = None
    """Base URL. Default: the provider's."""
    key_env: Text | None = None
    """Name of the environment variable with the key. Default: none is sent to a `url`; without
    one LiteLLM looks for the provider's."""
    max_chars: Annotated[int, Field(ge=500, le=100_000)] = 4000
    """Code points shown; of a longer text its beginning, its end and what is in doubt."""
    max_tokens: Annotated[int, Field(ge=1, le=16_384)] | None = None
    """Tokens of its answer. Default: the family's."""
    per_day: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Calls in 24 hours, in a process; more texts are unscanned. Default: any."""
    tokens_per_day: Annotated[int, Field(ge=1, le=1_000_000_000_000)] | None = None
    """Tokens in 24 hours, in a process, prompts and answers. Default: any."""
    cache_s: Annotated[int, Field(ge=1, le=31_536_000)] = 3600
    """Seconds that an answer is remembered."""

    def settings(self) -> Judge:
        """The same as a value of the policy."""
        return Judge(
            family=self.family,
            model=self.model,
            url=(self.url or "").rstrip("/"),
            key_env=self.key_env or "",
            max_chars=self.max_chars,
            max_tokens=self.max_tokens or 0,
            per_day=self.per_day or 0,
            tokens_per_day=self.tokens_per_day or 0,
            cache_s=self.cache_s,
        )


class SecondStageModel(Model):
    """A second opinion on sexual content, asked only where the first stage is in doubt."""

    grey: GreyModel = GreyModel()
    """Which scores are in doubt."""
    may_lower: bool = False
    """Whether it may undo a `nudity` in doubt, where nothing speaks of a minor."""
    labels: Annotated[dict[Text, LabelMeaning], Field(min_length=1)] | None = None
    """What each label of the backend that counts stands for; required, but not for a judge."""
    calibration: CalibrationModel | None = None
    """Of the backend's scores, before 0.5 decides. Default: slope 1, bias 0. Not for a judge."""
    limit_ms: Annotated[int, Field(ge=1, le=600_000)] | None = None
    """Milliseconds it may take. Default: 1000, of a judge 5000."""
    concurrency: Annotated[int, Field(ge=1, le=8)] = 4
    """Texts it is asked about at once, in a process."""
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Texts it is asked about in a minute, in a process; more are unscanned. Default: any."""
    cache: Annotated[int, Field(ge=0, le=1_000_000)] = 4096
    """Answers remembered, by a keyed digest of the text, in memory only."""
    onnx: OnnxSchema | None = None
    """A local classifier; this, `moderation` or `judge`."""
    moderation: ModerationSchema | None = None
    """An endpoint; this, `onnx` or `judge`."""
    judge: JudgeSchema | None = None
    """A language model; this, `onnx` or `moderation`."""

    @model_validator(mode="after")
    def _one_backend(self) -> Self:
        backends = [one for one in (self.onnx, self.moderation, self.judge) if one is not None]
        if len(backends) != 1:
            raise expected("one of onnx, moderation and judge")
        if self.judge is not None:
            if self.labels is not None or self.calibration is not None:
                raise expected("no labels and no calibration with a judge: its family has them")
        elif self.labels is None:
            raise expected("labels: what each label of the backend stands for")
        elif not {"nudity", "explicit"} & set(self.labels.values()):
            raise expected("a label that stands for nudity or explicit")
        return self

    def settings(self) -> SecondStage:
        """The same as a value of the policy."""
        calibration = self.calibration or CalibrationModel()
        return SecondStage(
            backend=self._backend(),
            labels=self._labels(),
            low=float(self.grey.low),
            high=float(self.grey.high),
            may_lower=self.may_lower,
            limit_ms=self.limit_ms or (_JUDGE_MS if self.judge else _MS),
            concurrency=self.concurrency,
            per_minute=self.per_minute or 0,
            cache=self.cache,
            slope=float(calibration.slope),
            bias=float(calibration.bias),
        )

    def _labels(self) -> tuple[tuple[str, str], ...]:
        if self.judge is not None:
            return tuple((meaning, meaning) for meaning in FAMILIES[self.judge.family])
        return tuple(sorted((self.labels or {}).items()))

    def _backend(self) -> OnnxModel | Moderation | Judge:
        if self.judge is not None:
            return self.judge.settings()
        if self.onnx is not None:
            return OnnxModel(**self.onnx.model_dump())
        there = self.moderation
        if there is None:
            raise ValueError("a second stage without a backend")
        return Moderation(there.url.rstrip("/"), there.model or "", there.key_env or "")
