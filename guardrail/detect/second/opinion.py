"""From a backend's scores to an opinion, and what is remembered of opinions."""

from __future__ import annotations

import hashlib
import math
import os
import time
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from guardrail.records import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

    from guardrail.policy.second import SecondStage

DECIDES = 0.5
_MINOR = "minor"
_SHOWS = ("nudity", "explicit", _MINOR)
_FAINTEST = 1e-6
DIGITS = 4
"""Of a score; what is written tells what was decided."""


class BadAnswer(ValueError):
    """A backend's answer that is not what was asked for; the message holds nothing of it."""


class OverBudget(RuntimeError):
    """More texts than the policy lets the second stage be asked about."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a backend makes of a text. score: of nudity or more; minor: that a minor is shown."""

    severity: Severity
    score: float
    minor: float


def opinion(scores: Mapping[str, float], settings: SecondStage) -> Opinion:
    """The opinion that calibrated scores amount to; 0.5 decides.

    A label that stands for `minor` is of sexual content with one, so it counts as nudity too.
    Raises BadAnswer where a label is missing or a score is not in [0, 1].
    """
    best = dict.fromkeys(("suggestive", *_SHOWS), 0.0)
    for label, meaning in settings.labels:
        score = scores.get(label, math.nan)
        if not 0.0 <= score <= 1.0:
            raise BadAnswer("a score is missing or not in [0, 1]")
        best[meaning] = max(best[meaning], _calibrated(score, settings))
    shown = max(best[meaning] for meaning in _SHOWS)
    return Opinion(_severity(best, shown), shown, best[_MINOR])


def _severity(best: Mapping[str, float], shown: float) -> Severity:
    if shown >= DECIDES:
        return Severity.EXPLICIT if best["explicit"] >= DECIDES else Severity.NUDITY
    return Severity.SUGGESTIVE if best["suggestive"] >= DECIDES else Severity.NONE


def _calibrated(score: float, settings: SecondStage) -> float:
    score = min(max(score, _FAINTEST), 1.0 - _FAINTEST)
    odds = settings.slope * math.log(score / (1.0 - score)) + settings.bias
    return round(1.0 / (1.0 + math.exp(-max(min(odds, 700.0), -700.0))), DIGITS)


class Memory:
    """Opinions by a keyed digest of the text, the key made anew in each process; never a text.

    size: how many; the one unused for longest is forgotten first.
    seconds: for how long each is remembered.
    """

    def __init__(self, size: int, seconds: float = math.inf) -> None:
        self._size = size
        self._seconds = seconds
        self._key = os.urandom(32)
        self._kept: OrderedDict[bytes, tuple[float, Opinion]] = OrderedDict()
        self._lock = Lock()

    def key(self, text: str) -> bytes:
        """What a text is remembered by."""
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=32).digest()

    def get(self, key: bytes) -> Opinion | None:
        """The opinion remembered, if any."""
        with self._lock:
            since, found = self._kept.get(key, (-math.inf, None))
            if time.monotonic() - since >= self._seconds:
                self._kept.pop(key, None)
                return None
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: bytes, found: Opinion) -> None:
        """Remember an opinion."""
        with self._lock:
            self._kept[key] = (time.monotonic(), found)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


class Budget:
    """Lets through `per_minute` texts a minute, as many at once at first; 0: any number."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60.0
        self._most = self._left = float(per_minute)
        self._at = time.monotonic()
        self._lock = Lock()

    def spend(self) -> None:
        """Count one text; OverBudget where none is left."""
        if not self._rate:
            return
        with self._lock:
            now = time.monotonic()
            self._left = min(self._most, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1.0:
                raise OverBudget
            self._left -= 1.0
