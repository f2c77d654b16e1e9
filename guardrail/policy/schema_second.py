"""The shape of `second_stage` in a policy file."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from guardrail.policy.schema_base import Model, Text, expected
from guardrail.policy.second import HIGHEST, Moderation, OnnxModel, SecondStage

LabelMeaning = Literal["suggestive", "nudity", "explicit", "minor"]
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


class SecondStageModel(Model):
    """A second opinion on sexual content, asked only where the first stage is in doubt."""

    grey: GreyModel = GreyModel()
    """Which scores are in doubt."""
    may_lower: bool = False
    """Whether it may undo a `nudity` in doubt, where nothing speaks of a minor."""
    labels: Annotated[dict[Text, LabelMeaning], Field(min_length=1)]
    """What each label of the backend that counts stands for."""
    calibration: CalibrationModel = CalibrationModel()
    """Of the backend's scores, before 0.5 decides."""
    limit_ms: Annotated[int, Field(ge=1, le=600_000)] = 1000
    """Milliseconds it may take."""
    concurrency: Annotated[int, Field(ge=1, le=8)] = 4
    """Texts it is asked about at once, in a process."""
    per_minute: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Texts it is asked about in a minute, in a process; more are unscanned. Default: any."""
    cache: Annotated[int, Field(ge=0, le=1_000_000)] = 4096
    """Answers remembered, by a keyed digest of the text, in memory only."""
    onnx: OnnxSchema | None = None
    """A local classifier; this or `moderation`."""
    moderation: ModerationSchema | None = None
    """An endpoint; this or `onnx`."""

    @model_validator(mode="after")
    def _one_backend(self) -> Self:
        if (self.onnx is None) is (self.moderation is None):
            raise expected("one of onnx and moderation")
        if not {"nudity", "explicit"} & set(self.labels.values()):
            raise expected("a label that stands for nudity or explicit")
        return self

    def settings(self) -> SecondStage:
        """The same as a value of the policy."""
        return SecondStage(
            backend=self._backend(),
            labels=tuple(sorted(self.labels.items())),
            low=float(self.grey.low),
            high=float(self.grey.high),
            may_lower=self.may_lower,
            limit_ms=self.limit_ms,
            concurrency=self.concurrency,
            per_minute=self.per_minute or 0,
            cache=self.cache,
            slope=float(self.calibration.slope),
            bias=float(self.calibration.bias),
        )

    def _backend(self) -> OnnxModel | Moderation:
        if self.onnx is not None:
            return OnnxModel(**self.onnx.model_dump())
        there = self.moderation
        if there is None:
            raise ValueError("a second stage without a backend")
        return Moderation(there.url.rstrip("/"), there.model or "", there.key_env or "")
