"""What a text says once its disguises are undone, as further text for the detectors."""

from guardrail.detect.disguise.reading import Reading, read

__all__ = ["Reading", "read"]
