from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from guardrail.detect import Document, known_detectors, load_detectors, registry, warm_up
from guardrail.errors import ConfigurationError, DetectorUnavailable
from guardrail.records import FACT_NAMES, FactName, Finding, Request, Span
from guardrail.testing.conformance import ConformanceError, detector_conformance

BUILT_IN = [line.split(" = ")[0] for line in registry.BUILT_IN]


class Logo:
    """A third party's detector, as its author would write it."""

    name = "acme.logo"
    version = "3"
    provides: frozenset[FactName] = frozenset({"labels"})
    cost = 5.0
    inline = True

    def detect(self, document: Document) -> Iterable[Finding]:
        for part, _, views in document.new_parts():
            at = views.canonical.text.find("acme")
            if at >= 0:
                span = Span(part, *views.canonical.span(at, at + 4))
                yield Finding(
                    detector=self.name, version=self.version, label="acme.logo", span=span
                )


class Sloppy(Logo):
    def detect(self, document: Document) -> Iterable[Finding]:
        span = Span(document.fresh, 0, 10**6)
        return [Finding(detector=self.name, version=self.version, label="acme.logo", span=span)]


class Fragile(Logo):
    def detect(self, document: Document) -> Iterable[Finding]:
        for part in document.parts:
            part.text.encode()
        return []


class Forgetful(Logo):
    def detect(self, document: Document) -> Iterable[Finding]:
        for _ in document.parts:
            yield Finding(detector=self.name, version=self.version, label="sexual", value="nudity")


class Nameless(Logo):
    provides: frozenset[FactName] = frozenset()


def broken() -> None:
    raise RuntimeError("private detail")


def nothing() -> None:
    return None


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution on the path; write its entry points to make it bring detectors."""
    info = tmp_path / "acme_detectors-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-detectors\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(tmp_path)
    return info / "entry_points.txt"


def declare(file: Path, **targets: str) -> None:
    lines = [f"{name.replace('_', '.')} = {target}" for name, target in targets.items()]
    file.write_text("\n".join([f"[{registry.GROUP}]", *lines, ""]))


def test_known_names_are_those_of_the_loaded_detectors() -> None:
    loaded = load_detectors(BUILT_IN)
    assert [d.name for d in loaded] == BUILT_IN
    assert set(BUILT_IN) <= set(known_detectors())


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_detectors_keep_their_promises(name: str) -> None:
    (detector,) = load_detectors([name])
    detector_conformance(detector)


def test_built_in_detectors_answer_for_every_core_fact() -> None:
    provided = {fact for d in load_detectors(BUILT_IN) for fact in d.provides}
    assert provided >= set(FACT_NAMES) - {"labels"}


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no detector named minor\.term; there are: .*"):
        load_detectors(["minor.terms", "minor.term"])


def test_a_third_party_detector_is_found_by_its_entry_point(installed: Path) -> None:
    declare(installed, acme_logo=f"{__name__}:Logo")
    assert "acme.logo" in known_detectors()
    (detector,) = load_detectors(["acme.logo"])
    assert isinstance(detector, Logo)
    detector_conformance(detector)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("broken", "RuntimeError"),
        ("nothing", "NoneType is not a Detector"),
        ("not_there", "AttributeError"),
        ("Nameless", "it provides something other"),
    ],
)
def test_a_broken_third_party_detector_fails_in_every_scan(
    installed: Path, target: str, why: str
) -> None:
    declare(installed, acme_logo=f"{__name__}:{target}")
    (detector,) = load_detectors(["acme.logo"])
    assert detector.provides == set(FACT_NAMES)
    with pytest.raises(
        DetectorUnavailable, match=rf"acme\.logo of acme-detectors 1\.2 .*{why}"
    ) as e:
        list(detector.detect(Document(Request.of("a house"))))
    assert "private" not in str(e.value)
    warm_up([detector])


def test_an_entry_point_under_another_name_is_broken(installed: Path) -> None:
    declare(installed, acme_mark=f"{__name__}:Logo")
    (detector,) = load_detectors(["acme.mark"])
    with pytest.raises(DetectorUnavailable, match=r"it calls itself 'acme\.logo'"):
        list(detector.detect(Document(Request())))


def test_a_name_claimed_twice_is_refused(installed: Path) -> None:
    declare(installed, minor_terms=f"{__name__}:Logo")
    with pytest.raises(ConfigurationError, match=r"more than one detector is named minor\.terms"):
        load_detectors()


def test_a_built_in_detector_without_its_module_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "BUILT_IN", ("x.y = guardrail.detect.not_there:Thing",))
    with pytest.raises(DetectorUnavailable, match=r"x\.y needs guardrail\.detect\.not_there"):
        load_detectors(["x.y"])


@pytest.mark.parametrize(
    ("detector", "promise"),
    [
        (Sloppy(), "behind the text"),
        (Fragile(), "UnicodeEncodeError"),
        (Forgetful(), "does not provide sexual"),
        (Nameless(), "provides no known fact"),
    ],
)
def test_conformance_names_the_broken_promise(detector: Logo, promise: str) -> None:
    with pytest.raises(ConformanceError, match=promise):
        detector_conformance(detector)


def test_entry_points_are_written_as_the_built_in_list_is() -> None:
    for line in registry.BUILT_IN:
        name, target = line.split(" = ")
        assert EntryPoint(name, target, registry.GROUP).attr
