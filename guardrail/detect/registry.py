"""Which detectors there are: the built-in ones, and those other distributions bring along."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

from guardrail.detect.base import Detector, Document
from guardrail.errors import ConfigurationError, DetectorUnavailable
from guardrail.records import FACT_NAMES, FactName, Request

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "guardrail.detectors"
"""Entry points of this group name a callable without arguments that makes a detector.

The entry point's name must be the detector's `name`.
"""

BUILT_IN: tuple[str, ...] = (
    "sexual.text = guardrail.detect.sexual:SexualText",
    "minor.terms = guardrail.detect.minor:MinorTerms",
    "person.names = guardrail.detect.persons:PersonNames",
    "edit.upload = guardrail.detect.edit:UploadEdit",
    "intent.rules = guardrail.detect.intent:IntentRules",
    "text.obfuscation = guardrail.detect.obfuscation:Obfuscation",
)
"""The built-in detectors, written as entry points are."""


class Missing:
    """Stands in for a third party's detector that cannot be loaded, so that its turn fails.

    provides: every fact, since nobody knows which ones it would have answered for.
    """

    version = ""
    provides: frozenset[FactName] = frozenset(FACT_NAMES)
    cost = 0.0
    inline = True

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        self._problem = problem

    def detect(self, document: Document) -> NoReturn:  # noqa: ARG002  the protocol's
        """Raise DetectorUnavailable, always."""
        raise DetectorUnavailable(self._problem)


def known_detectors() -> tuple[str, ...]:
    """The names of all detectors, none of which is loaded for it."""
    return tuple(dict.fromkeys((*_built_in(), *(e.name for e in _entry_points()))))


def load_detectors(names: Collection[str] | None = None) -> tuple[Detector, ...]:
    """Load detectors, built-in ones first; `names` picks some of them, None means all.

    A third party's detector that cannot be loaded comes as a `Missing` one.

    Raises:
        ConfigurationError: a name nobody knows, or one that two detectors claim.
        DetectorUnavailable: a built-in detector cannot be loaded.

    """
    # 1. Names and where they lead, none of it loaded.
    built_in, third_party = _built_in(), _entry_points()
    _refuse_clashes([*built_in, *(e.name for e in third_party)])
    known = {*built_in, *(e.name for e in third_party)}
    unknown = sorted(set(names or ()) - known)
    if unknown:
        raise ConfigurationError(
            f"no detector named {', '.join(unknown)}; there are: {', '.join(sorted(known))}"
        )
    # 2. Load the chosen ones.
    chosen = known if names is None else set(names)
    with _all_kept():
        ours = [_load_built_in(n, target) for n, target in built_in.items() if n in chosen]
    theirs = [_load_third_party(e) for e in third_party if e.name in chosen]
    return (*ours, *theirs)


def warm_up(detectors: Iterable[Detector]) -> None:
    """Have each detector load what it loads late; what fails here is left to fail in a scan."""
    document = Document(Request.of("Draw John Smith, 30, by the sea. 海辺の山田太郎さんを描いて。"))
    with _all_kept():
        document.reading(0)
        for detector in detectors:
            with suppress(Exception):
                tuple(detector.detect(document))


@contextmanager
def _all_kept() -> Iterator[None]:
    """While much is made that stays, look for no garbage in it: that is a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _built_in() -> dict[str, str]:
    pairs = (line.split(" = ") for line in BUILT_IN)
    return {name: target for name, target in pairs}  # noqa: C416  dict() loses the types


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))


def _refuse_clashes(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigurationError(f"more than one detector is named {', '.join(twice)}")


def _load_built_in(name: str, target: str) -> Detector:
    module, _, factory = target.partition(":")
    try:
        detector: Detector = getattr(import_module(module), factory)()
    except ImportError as error:
        raise DetectorUnavailable(
            f"detector {name} needs {error.name or 'a module'}, which cannot be imported: "
            "install likeness-guardrail again"
        ) from error
    return detector


def _load_third_party(entry: EntryPoint) -> Detector:
    try:
        detector: Detector = entry.load()()
        problem = _flaw(detector, entry.name)
        if not problem:
            return detector
    except Exception as error:  # noqa: BLE001  whatever it raises, it is not there
        problem = type(error).__name__
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
    return Missing(entry.name, f"detector {entry.name} of {origin} cannot be loaded: {problem}")


def _flaw(detector: Any, name: str) -> str:
    """What keeps an object from being the detector of that name; empty when nothing does."""
    fits = isinstance(detector, Detector)
    if not fits:
        return f"{type(detector).__name__} is not a Detector"
    if detector.name != name:
        return f"it calls itself {detector.name!r}"
    if not isinstance(detector.version, str):
        return "its version is not a string"
    if not detector.provides or not set(detector.provides) <= set(FACT_NAMES):
        return f"it provides something other than {', '.join(FACT_NAMES)}"
    if not isinstance(detector.cost, int | float) or not isinstance(detector.inline, bool):
        return "its cost is not a number, or inline not a truth value"
    return ""
