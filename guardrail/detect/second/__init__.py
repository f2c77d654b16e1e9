"""The second stage: another model's opinion on texts that the first stage is in doubt of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.detect.second.stage import NAME, Place, SecondOpinion

if TYPE_CHECKING:
    from guardrail.detect.second.stage import Backend
    from guardrail.policy.second import SecondStage

__all__ = ["NAME", "Place", "SecondOpinion", "load_second_stage"]


def load_second_stage(settings: SecondStage) -> SecondOpinion:
    """Make the second stage that a policy sets; the model is loaded, nobody is asked yet.

    Raises:
        DetectorUnavailable: the extra it needs is not installed.
        ConfigurationError: a model, a label or a key is not there.

    """
    return SecondOpinion(settings, _backend(settings))


def _backend(settings: SecondStage) -> Backend:
    from guardrail.policy.second import OnnxModel

    labels = tuple(label for label, _ in settings.labels)
    if isinstance(settings.backend, OnnxModel):
        from guardrail.detect.second.onnx import OnnxText

        return OnnxText(settings.backend, labels)
    from guardrail.detect.second.moderation import ModerationEndpoint

    return ModerationEndpoint(settings.backend, labels, settings.limit_ms / 1e3)
