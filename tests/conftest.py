"""Property tests search afresh by hand, and repeat themselves where `CI` is set.

No example has a time limit: machines differ.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

from tests.faults.figures import Figures, table

settings.register_profile("fresh", deadline=None)
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable" if os.environ.get("CI") else "fresh")
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # LiteLLM would fetch a price list


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the fault tests counted: acknowledged, lost, duplicated."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    told = [
        value for report in reports for name, value in report.user_properties if name == "figures"
    ]
    if told:
        terminalreporter.section("faults of the attempt log")
        terminalreporter.write_line(table((name, Figures(*numbers)) for name, *numbers in told))
