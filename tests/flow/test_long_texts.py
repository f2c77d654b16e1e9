"""A long text is read beside the event loop, which goes on with other callers."""

from __future__ import annotations

import threading

import pytest

from guardrail.detect.base import Document
from guardrail.records import Finding, Operation, Request
from guardrail.scanning import LONG, Scanner
from guardrail.testing.fakes import ScriptedDetector


@pytest.mark.parametrize(("length", "beside"), [(LONG, False), (LONG + 1, True)])
async def test_an_inline_detector_does_not_hold_up_the_loop(length: int, beside: bool) -> None:
    threads: list[int] = []

    def script(_: Document) -> list[Finding]:
        threads.append(threading.get_ident())
        return []

    detector = ScriptedDetector("d", frozenset(), script)
    document = Document(Request.of("a" * length, Operation.TEXT))
    scan = await Scanner(1.0).ascan(detector, document)
    assert scan.status == "ok"
    assert (threads != [threading.get_ident()]) is beside


async def test_what_goes_wrong_beside_it_is_said() -> None:
    def script(_: Document) -> list[Finding]:
        raise RuntimeError

    detector = ScriptedDetector("d", frozenset(), script)
    document = Document(Request.of("a" * (LONG + 1), Operation.TEXT))
    assert (await Scanner(1.0).ascan(detector, document)).status == "error"
