"""What a witness cosigns is on the disk before anybody hears of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chain.signers import LOG
from tests.log.support import ROOT
from tests.witness.support import NAME, request, send

CALLS = "trace=fsync,fdatasync,sendto,openat"


@pytest.fixture
def strace() -> str:
    found = shutil.which("strace")
    usable = found and subprocess.run([found, "true"], check=False, capture_output=True)
    if not found or not usable or usable.returncode:
        message = "no system calls to look at: apt-get install strace"
        if os.environ.get("CI") and not found:
            pytest.fail(message)
        pytest.skip(message)
    return found


def test_it_is_on_the_disk_before_the_answer(strace: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = "from guardrail.cli import main; main()"
    command = [strace, "-D", "-f", "-y", "-s", "40", "-e", CALLS, "-o", str(trace), sys.executable]
    command += ["-c", code, "witness", "--state", str(tmp_path / "w"), "--name", NAME]
    command += ["--log", str(LOG.verifier), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        found = re.search(r"http://\S+", running.stderr.readline())
        assert found
        before = len(trace.read_text().splitlines())
        status = send(found[0], request(0, 8)).status
        running.terminate()
        try:
            running.communicate(timeout=30)
        finally:
            running.kill()
    assert status == 200
    calls = trace.read_text().splitlines()[before:]
    answered = next(n for n, call in enumerate(calls) if "HTTP/1.1 200" in call)
    synced = [call for call in calls[:answered] if "sync(" in call]
    assert any("state.db>" in call for call in synced)
    assert any("state.db-journal" in call for call in synced)
    assert not any("state.db" in call for call in calls[answered:] if "sync(" in call)
