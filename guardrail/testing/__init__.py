"""For tests of code that uses Guardrail: a stand-in model server, and checks of a detector."""

from guardrail.testing.conformance import ConformanceError, detector_conformance
from guardrail.testing.pictures import neutral_png
from guardrail.testing.server import Recorded, Reply, StandInServer, Upload

__all__ = [
    "ConformanceError",
    "Recorded",
    "Reply",
    "StandInServer",
    "Upload",
    "detector_conformance",
    "neutral_png",
]
