"""How sexual a text is, by lexicon: severity, score, and edits that undress."""

from guardrail.detect.sexual.detector import SexualLexicon

__all__ = ["SexualLexicon"]
