"""Fakes for tests of code that uses Guardrail: a stand-in model server on 127.0.0.1."""

from guardrail.testing.pictures import neutral_png
from guardrail.testing.server import Recorded, Reply, StandInServer, Upload

__all__ = ["Recorded", "Reply", "StandInServer", "Upload", "neutral_png"]
