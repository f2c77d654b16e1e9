"""The second stage: another model's opinion on texts that the first stage is in doubt of."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from guardrail.detect.second.stage import NAME, Place, SecondOpinion

if TYPE_CHECKING:
    from guardrail.detect.second.judging import Court
    from guardrail.detect.second.stage import Backend
    from guardrail.policy.second import Judge, SecondStage

__all__ = ["NAME", "Place", "SecondOpinion", "load_second_stage"]

_JUDGES = "guardrail.adapters.judge"
"""Named as an entry point is: judges need LiteLLM, of which nothing down here may know."""


def load_second_stage(settings: SecondStage) -> SecondOpinion:
    """Make the second stage that a policy sets; the model is loaded, nobody is asked yet.

    Raises:
        DetectorUnavailable: the extra it needs is not installed.
        ConfigurationError: a model, a label or a key is not there.

    """
    from guardrail.policy.second import Judge

    if isinstance(settings.backend, Judge):
        return _judge(settings, settings.backend)
    return SecondOpinion(settings, _backend(settings))


def _judge(settings: SecondStage, judge: Judge) -> SecondOpinion:
    from guardrail.detect.second.judging import JudgeOpinion

    court: Court = import_module(_JUDGES).open_judge(judge, settings.limit_ms / 1e3)
    return JudgeOpinion(settings, judge, court)


def _backend(settings: SecondStage) -> Backend:
    from guardrail.policy.second import OnnxModel

    labels = tuple(label for label, _ in settings.labels)
    if isinstance(settings.backend, OnnxModel):
        from guardrail.detect.second.onnx import OnnxText

        return OnnxText(settings.backend, labels)
    from guardrail.detect.second.moderation import ModerationEndpoint
    from guardrail.policy.second import Moderation

    if not isinstance(settings.backend, Moderation):
        raise TypeError(f"no backend is made of {type(settings.backend).__name__}")
    return ModerationEndpoint(settings.backend, labels, settings.limit_ms / 1e3)
