"""What the tests of the framework adapters have in common."""

from __future__ import annotations

import base64
import struct
from contextvars import ContextVar

from guardrail.guard import Guard
from guardrail.records import Caller
from guardrail.testing import neutral_png
from guardrail.testing.fakes import MemoryLog

from .cases import FREE

FORBIDDEN_WORDS = ("explicit", "scene", "nude", "swift")
TURNING = ("The weather is mild. " * 20, "Here is an explicit", " sex scene.", " And more of it.")
CALLER: ContextVar[Caller] = ContextVar("caller", default=FREE)
PNG = neutral_png()
PNG_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()
BROKEN_PNG = PNG[:8] + struct.pack(">I", 2**31 - 1) + PNG[12:20]


def guarded_by(loaded: Guard, log: MemoryLog) -> Guard:
    return Guard(loaded.policy, log=log, detectors=loaded.detectors)


def assert_clean(text: str) -> None:
    assert not any(word in text.lower() for word in FORBIDDEN_WORDS), text
