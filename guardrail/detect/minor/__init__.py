"""Finds words that speak of somebody under 18, or childlike, in fifteen languages."""

from guardrail.detect.minor.detector import MinorTerms

__all__ = ["MinorTerms"]
