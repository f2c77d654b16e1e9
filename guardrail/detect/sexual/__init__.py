"""How sexual a text is, by lexicon and a trained model: severity, score, edits that undress."""

from guardrail.detect.sexual.detector import SexualText

__all__ = ["SexualText"]
