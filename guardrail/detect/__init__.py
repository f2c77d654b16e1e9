"""Detectors: each reads a document and reports what it saw."""

from guardrail.detect.base import Detector, Document
from guardrail.detect.registry import known_detectors, load_detectors, warm_up

__all__ = ["Detector", "Document", "known_detectors", "load_detectors", "warm_up"]
