import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from guardrail.cli.demo_requests import demo_requests
from guardrail.log import open_log

pytestmark = pytest.mark.skipif(
    find_spec("litellm") is None, reason="the demonstration needs the extra litellm"
)


def test_every_sort_of_decision_is_shown_and_is_on_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/attempts.db"
    done = subprocess.run(
        [sys.executable, "-m", "guardrail", "demo", "--log", url],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    text = done.stdout
    for words in (
        "ALLOWED",
        "ALLOWED; the output owes: label",
        "GATED before the model was called",
        "REFUSED before the model was called",
        "REFUSED after the model had answered; the answer was withheld",
        "REFUSED while the model was answering; the stream was stopped",
        "富士山の水彩画を描いて",
        "guardrail log list",
        f"export GUARDRAIL_LOG={url}\n",
    ):
        assert words in text
    assert "failed" not in text
    assert all(len(line) <= 100 or url in line for line in text.splitlines())
    decisions = re.findall(r"decision +([A-Z]+) ?(before|after|while)?", text)
    assert len(decisions) == len(demo_requests())
    calls = re.findall(r"model +(called|never called)", text, re.MULTILINE)
    expected = ["never called" if when == "before" else "called" for _, when in decisions]
    assert calls == expected
    with open_log(url, readonly=True) as log:
        rows = list(log.attempts())
        assert log.stats().total.opened == len(decisions)
    stopped = [word for word, _ in decisions if word != "ALLOWED"]
    assert sum(row.action != "allow" for row in rows) == len(stopped)
