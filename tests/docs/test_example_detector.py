"""docs/example-detector: it installs without a network, is found, decides, and fails closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from guardrail.detect import Document, load_detectors, registry
from guardrail.guard import Guard, UnsafeNoLog
from guardrail.policy import load_policy
from guardrail.records import Action, FactName, Finding, Operation, Request
from guardrail.testing.fakes import ScriptedDetector

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "example-detector"
POLICY = str(EXAMPLE / "policy.yaml")
BUILDS = find_spec("hatchling") is not None


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package in a folder of its own: built by pip, or laid out by hand without hatchling."""
    copy = tmp_path_factory.mktemp("source") / "acme"
    copytree(EXAMPLE, copy)
    target = tmp_path_factory.mktemp("site")
    if BUILDS:
        options = ("--no-build-isolation", "--no-deps", "--no-index", "--quiet", "--target")
        run([sys.executable, "-m", "pip", "install", *options, str(target), str(copy)])
    else:
        lay_out(copy, target)
    return target


def lay_out(source: Path, target: Path) -> None:
    project = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["project"]
    copytree(source / "src" / "acme_figures", target / "acme_figures")
    name, version = project["name"], project["version"]
    info = target / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    lines: list[str] = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items()), ""]
    info.joinpath("entry_points.txt").write_text("\n".join(lines))


def run(command: list[str], text: str = "", **env: str) -> str:
    done = subprocess.run(
        command,
        input=text,
        env={**os.environ, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def guardrail(installed: Path, *args: str, text: str = "", **env: str) -> str:
    path = os.pathsep.join([str(installed), str(ROOT)])
    return run([sys.executable, "-m", "guardrail", *args], text, PYTHONPATH=path, **env)


def screened(installed: Path, *prompts: str, **env: str) -> list[dict[str, Any]]:
    lines = (json.dumps({"prompt": p, "operation": "image.generate"}) for p in prompts)
    told = guardrail(installed, "screen", "--policy", POLICY, text="\n".join(lines), **env)
    return [json.loads(line) for line in told.splitlines()]


def test_its_findings_decide(installed: Path) -> None:
    bikini, book, pier = screened(
        installed,
        "Breezy the Gull in a bikini",
        "Ottoline Farrow-Quill reading a book",
        "Breezy the Gull on a pier",
    )
    assert (bikini["action"], bikini["rule"]) == ("refuse", "mascot-sexual")
    assert statuses(bikini)["acme.figures"] == "ok"
    assert (book["action"], book["rule"]) == ("refuse", "protected-likeness")
    assert pier["action"] == "allow"


def test_a_register_that_is_missing_stops_what_it_may_concern(
    installed: Path, tmp_path: Path
) -> None:
    missing = str(tmp_path / "register.tsv")
    (answer,) = screened(installed, "Breezy the Gull on a pier", ACME_FIGURES=missing)
    assert (answer["action"], answer["rule"]) == ("refuse", "on-error")
    assert answer["reason"] == "unscanned"
    assert statuses(answer)["acme.figures"] == "missing"


def test_the_cases_of_its_policy_pass(installed: Path) -> None:
    told = guardrail(installed, "policy", "test", POLICY)
    assert " 0 failed" in told


def test_the_doctor_lists_it(installed: Path, tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path}/a.db"
    told = json.loads(guardrail(installed, "doctor", "--json", "--policy", POLICY, "--log", log))
    (check,) = [c for c in told["checks"] if c["name"] == "acme.figures"]
    assert (check["group"], check["state"]) == ("detectors", "ok")
    assert check["detail"].startswith("1.0.0, ")


def test_its_own_tests_pass(installed: Path) -> None:
    path = os.pathsep.join([str(installed), str(ROOT)])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    told = run([*command, str(EXAMPLE)], PYTHONPATH=path)
    assert " passed" in told


def late(_: Document) -> Iterable[Finding]:
    time.sleep(0.5)
    return ()


def raising(_: Document) -> Iterable[Finding]:
    raise RuntimeError("private detail")


@pytest.mark.parametrize(("script", "status"), [(late, "timeout"), (raising, "error")])
def test_a_detector_that_gives_no_answer_fails_closed(
    tmp_path: Path, script: Any, status: str
) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"policy: p\nversion: 1\nextends: {POLICY}\nlimits: {{detector_ms: 50}}\n")
    provides: frozenset[FactName] = frozenset({"labels", "persons"})
    figures = ScriptedDetector("acme.figures", provides, script, inline=False)
    built_in = load_detectors([line.split(" = ")[0] for line in registry.BUILT_IN])
    guard = Guard(load_policy(file), log=UnsafeNoLog(), detectors=[*built_in, figures])
    screening = guard.screen(Request.of("a house", Operation.IMAGE_GENERATE), facts="all")
    assert (screening.decision.action, screening.decision.reason) == (Action.REFUSE, "unscanned")
    (scan,) = [scan for scan in screening.scans if scan.detector == "acme.figures"]
    assert scan.status == status
    assert "private" not in scan.problem


def test_the_kit_needs_no_pytest() -> None:
    statement = "import sys; sys.modules['pytest'] = None; import guardrail.testing as t"
    run([sys.executable, "-c", f"{statement}; t.detector_conformance"], PYTHONPATH=str(ROOT))


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in answer["detectors"]}
