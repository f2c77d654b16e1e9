"""What `guardrail doctor` looks at: each check says how things are, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import stat
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from guardrail.errors import GuardrailError

if TYPE_CHECKING:
    from guardrail.log import Location
    from guardrail.policy.second import SecondStage

DISTRIBUTION = "likeness-guardrail"
SENTENCE = "A watercolor of Mount Fuji at dawn."
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_OPTIONS = re.compile(r"\[([^\]]*)\]")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w-]+)['\"]")
_NOT_FOR_USERS = ("dev",)

State = Literal["ok", "absent", "wrong"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at; `absent` is optional and not there. remedy: what to do if not ok."""

    group: str
    name: str
    state: State
    detail: str
    remedy: str = ""


def check_packages() -> Iterator[Check]:
    """Python, the core dependencies and each extra."""
    yield Check("packages", "Python", "ok", f"{platform.python_version()} ({sys.executable})")
    for extra, names in _requirements().items():
        if extra:
            yield _extra(extra, names)
        else:
            yield from map(_package, names)


def _requirements() -> dict[str, list[str]]:
    """Package names by extra, the core first; the empty extra is the core."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return {}
    for requirement in requirements:
        name, extra = _NAME.match(requirement), _EXTRA.search(requirement)
        if name and not (extra and extra[1] in _NOT_FOR_USERS):
            found[extra[1] if extra else ""] += [name[0], *_optional(name[0], requirement)]
    return found


def _optional(name: str, requirement: str) -> Iterator[str]:
    """What `name[option]` asks for beyond the package, wherever it runs."""
    options = _OPTIONS.match(requirement, len(name))
    try:
        theirs = metadata.requires(name) or [] if options else []
    except metadata.PackageNotFoundError:
        return
    wanted = options[1].split(",") if options else []
    for their in theirs:
        needed, _, condition = their.partition(";")
        extra, found = _EXTRA.fullmatch(condition.strip()), _NAME.match(needed)
        if extra and found and extra[1] in wanted:
            yield found[0]


def _package(name: str) -> Check:
    version = _version(name)
    if version is None:
        return Check("packages", name, "wrong", "not installed", f"pip install {DISTRIBUTION}")
    return Check("packages", name, "ok", version)


def _extra(extra: str, names: list[str]) -> Check:
    """One extra: there when all its packages are."""
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        detail = f"{', '.join(missing)} not installed"
        remedy = f"pip install '{DISTRIBUTION}[{extra}]'"
        return Check("extras", extra, "absent", detail, remedy)
    return Check("extras", extra, "ok", ", ".join(f"{n} {v}" for n, v in versions.items()))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_detectors() -> Iterator[Check]:
    """Each detector: whether it loads and answers on a harmless sentence."""
    from guardrail.detect import known_detectors

    for name in sorted(known_detectors()):
        yield _explained("detectors", name, partial(_detector, name))


def _detector(name: str) -> Check:
    from guardrail.detect import load_detectors
    from guardrail.detect.base import Document
    from guardrail.records import Operation, Request

    started = time.perf_counter()
    (detector,) = load_detectors([name])
    loaded = time.perf_counter()
    findings = list(detector.detect(Document(Request.of(SENTENCE, Operation.IMAGE_GENERATE))))
    answered = time.perf_counter()
    first, second = (loaded - started) * 1e3, (answered - loaded) * 1e3
    detail = f"{detector.version}, loads in {first:.0f} ms, first answer in {second:.1f} ms"
    return Check("detectors", name, "ok", f"{detail} ({len(findings)} finding(s))")


def check_policy(policy: str) -> Check:
    """Whether the policy loads, with every problem if not."""

    def load() -> Check:
        from guardrail.detect import known_detectors
        from guardrail.policy import load_policy

        loaded = load_policy(policy, known_detectors=known_detectors())
        return Check("policy", policy, "ok", str(loaded.ref))

    return _explained("policy", policy, load)


def check_second_stage(policy: str) -> Iterator[Check]:
    """The second stage, where the policy sets one: whether it loads and answers."""
    from guardrail.errors import ConfigurationError
    from guardrail.policy import load_policy

    try:
        settings = load_policy(policy).second_stage
    except ConfigurationError:
        return  # said of the policy already
    if settings is not None:
        yield _explained("second stage", "sexual.second", partial(_second_stage, settings))


def _second_stage(settings: SecondStage) -> Check:
    from guardrail.detect.second import load_second_stage

    started = time.perf_counter()
    stage = load_second_stage(settings)
    loaded = time.perf_counter()
    found = stage.opinion(SENTENCE)
    first, second = (loaded - started) * 1e3, (time.perf_counter() - loaded) * 1e3
    detail = f"{stage.version}, loads in {first:.0f} ms, first answer in {second:.1f} ms"
    if second > settings.limit_ms:
        remedy = "raise limit_ms, or give it a faster backend"
        return Check("second stage", "sexual.second", "wrong", f"{detail}: too late", remedy)
    return Check("second stage", "sexual.second", "ok", f"{detail} ({found.severity.label})")


def check_log(url: str | None) -> Iterator[Check]:
    """The engine, the log's key file, and whether an entry could be written; leaves none."""
    from guardrail.log import locate, writer_socket

    try:
        if (socket := writer_socket(url)) is not None:
            yield _explained("log", str(socket), partial(_answered, socket))
            return
        location = locate(url)
    except GuardrailError as error:
        yield _explained("log", "SQLite", _sqlite)
        yield Check("log", "attempt log", "wrong", str(error), "give another --log URL")
        return
    if location.server:
        yield from _on_server(location)
        return
    yield _explained("log", "SQLite", _sqlite)
    if location.path.exists():
        yield from _there(location)
    else:
        yield _folder(location.path)


def _there(location: Location) -> Iterator[Check]:
    yield _explained("log", str(location.key), partial(_key, location))
    yield _explained("log", location.name, partial(_written, location))


def _sqlite() -> Check:
    import apsw

    from guardrail.log.sqlite.database import FLOOR, check_version

    version = apsw.sqlite_lib_version()
    check_version(version)
    floor = ".".join(map(str, FLOOR))
    return Check("log", "SQLite", "ok", f"{version} (at least {floor} is needed)")


def _on_server(location: Location) -> Iterator[Check]:
    """The server, then the log in it."""
    found: list[bool] = []

    def server() -> Check:
        from guardrail.log.postgres.store import look_at

        told, is_there = look_at(location)
        found.append(is_there)
        return Check("log", "PostgreSQL", "ok", told)

    yield _explained("log", "PostgreSQL", server)
    if found and found[0]:
        yield from _there(location)
    elif found:
        yield _folder(location.key)


def _answered(socket: Path) -> Check:
    """Ask the writer that listens there."""
    from guardrail.log.remote.client import Client

    Client(socket).shutdown()
    return Check("log", str(socket), "ok", "the log's writer answers and can write")


def _key(location: Location) -> Check:
    from guardrail.log.keyring import load_keys

    load_keys(location.key)
    mode = stat.S_IMODE(location.key.stat().st_mode)
    return Check("log", str(location.key), "ok", f"key file, mode {mode:04o}")


def _written(location: Location) -> Check:
    """Hold the log against its last checkpoint, and write what changes nothing."""
    from guardrail.log import Log
    from guardrail.log.opening import SCHEMA, schema_of

    if (schema := schema_of(location)) < SCHEMA:
        detail = f"schema {schema}: brought to schema {SCHEMA} when next written"
        return Check("log", location.name, "ok", detail)
    with Log(location) as log:
        log.ready()
    return Check("log", location.name, "ok", "can be written; nothing signed is gone")


def _folder(path: Path) -> Check:
    """Whether a log that is not there yet could be made."""
    nearest = next(parent for parent in path.parents if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Check("log", str(path), "ok", "not there yet; it is made when first used")
    return Check(
        "log",
        str(path),
        "wrong",
        f"cannot be made: {nearest} is not a folder that can be written",
        "give another place with --log or GUARDRAIL_LOG",
    )


_REMEDIES = {
    "policy": "correct the policy and run: guardrail policy lint",
    "second stage": "see the message; until it answers, what is in doubt is unscanned",
    "detectors": "reinstall the package the detector comes from",
    "log": "see the message, or give another place with --log or GUARDRAIL_LOG",
}


def _explained(group: str, name: str, look: Callable[[], Check]) -> Check:
    """Turn whatever goes wrong into a check that says so."""
    try:
        return look()
    except GuardrailError as error:
        return Check(group, name, "wrong", str(error), _REMEDIES[group])
    except Exception as error:  # noqa: BLE001 (a doctor reports, whatever a part does)
        return Check(group, name, "wrong", f"{type(error).__name__}: {error}", _REMEDIES[group])
