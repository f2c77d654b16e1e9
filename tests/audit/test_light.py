"""Without the extra: packs are verified, and building one says what to install."""

from __future__ import annotations

from pathlib import Path

from guardrail.audit.build import Built
from tests.audit.support import inquiry
from tests.log.support import python

WITHOUT = """
import sys
for name in ("jinja2", "markupsafe", "typst", "xlsxwriter"):
    sys.modules[name] = None
from guardrail.cli import main
main(sys.argv[1:])
"""


def run(*args: object) -> tuple[int, str, str]:
    process = python(WITHOUT, *map(str, args))
    out, errors = process.communicate()
    return process.returncode, out, errors


def test_a_pack_is_verified_without_the_extra(packed: tuple[Built, str]) -> None:
    status, out, errors = run("inquiry", "verify", packed[0].zip)
    assert (status, errors) == (0, "")
    assert out.startswith("ok: ")


def test_building_says_what_to_install(packed: tuple[Built, str], tmp_path: Path) -> None:
    path = inquiry(tmp_path)
    status, _, errors = run("inquiry", "build", path, "--out", tmp_path, "--log", packed[1])
    assert status == 2
    needs = "guardrail: inquiry packs need jinja2: pip install 'likeness-guardrail[inquiry]'\n"
    assert errors == needs
    assert not (tmp_path / "inquiry.lock.json").exists()


def test_an_inquiry_is_written_without_the_extra(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    status, _, errors = run("inquiry", "new", "--template", "ofcom", "--output", path)
    assert (status, errors) == (0, "")
    assert path.exists()
