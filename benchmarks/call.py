"""A guarded LiteLLM call against the bare one: same prompts, same process, taking turns.

    python benchmarks/call.py [--seconds 20]

Measured twice: with LiteLLM's own mock reply, so that nothing but the call's own cost counts, and
over HTTP to a server on this machine that answers at once. The log is a real SQLite file with
durable writes. Prints medians in milliseconds, the ratio, and what screening the prompt (the reply
is screened too) and the log each take.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guardrail.adapters.litellm import GuardedLiteLLM
from guardrail.guard import Guard
from guardrail.log import open_log
from guardrail.records import AttemptClosed, AttemptLog, AttemptOpened, Caller, Request
from guardrail.testing import StandInServer

REPLY = "Here is a short and friendly answer to what you asked about."
PROMPTS = """
Write a polite email to my landlord asking when the heating in the living room will be repaired, \
because it has been cold for two weeks and my parents are visiting soon.
Explain to a beginner how a sourdough starter works, how often it needs to be fed, and what to do \
when it smells of acetone or a grey liquid has gathered on top of it overnight.
Draft an itinerary for three rainy days in Kyoto with a toddler, with indoor activities, short \
walks between stations, places to eat early, and one evening free for the parents.
Compare PostgreSQL and SQLite for a small web shop with about two hundred orders a day, one \
server, nightly backups, and a single developer who would rather not administer a database.
A watercolour of a lighthouse on a cliff at dawn, with seagulls, a small red boat in the \
distance, heavy clouds breaking up over the sea, and warm light in the upper window.
""".strip().splitlines()
WARM_UP = 10
FEWEST = 20


class TimedLog:
    """Passes entries on and adds up how long that took."""

    def __init__(self, log: AttemptLog) -> None:
        self.log = log
        self.spent = 0.0

    def open(self, entry: AttemptOpened) -> None:
        """Pass the entry on."""
        self._timed(lambda: self.log.open(entry))

    def close(self, entry: AttemptClosed) -> None:
        """Pass the entry on."""
        self._timed(lambda: self.log.close(entry))

    def _timed(self, write: Callable[[], None]) -> None:
        started = time.perf_counter()
        write()
        self.spent += time.perf_counter() - started


def timed(call: Callable[..., Any], *args: Any, **kwargs: Any) -> float:
    """How long the call takes, milliseconds."""
    started = time.perf_counter()
    call(*args, **kwargs)
    return (time.perf_counter() - started) * 1e3


def measure(seconds: float, folder: Path, **answered_by: Any) -> dict[str, float | int]:
    """Both kinds of call in turn for about `seconds`; medians in milliseconds."""
    with open_log(f"sqlite:///{folder}/attempts.db") as kept:
        log = TimedLog(kept)
        guard = Guard(log=log)
        client = GuardedLiteLLM(guard=guard, caller=Caller("bench"))
        from litellm import completion

        bare: list[float] = []
        guarded: list[float] = []
        logged: list[float] = []
        screened: list[float] = []
        stop = time.perf_counter() + seconds
        number = -WARM_UP
        while number < FEWEST or time.perf_counter() < stop:
            prompt = f"{PROMPTS[number % len(PROMPTS)]} ({number})"
            asked = {"messages": [{"role": "user", "content": prompt}], **answered_by}
            log.spent = 0.0
            turns = [(bare, completion), (guarded, client.completion)]
            for times, call in turns if number % 2 else reversed(turns):
                times.append(timed(call, **asked))
            logged.append(log.spent * 1e3)
            screened.append(timed(guard.screen, Request.of(prompt)))
            number += 1
            if number == 0:  # warm by now
                for times in (bare, guarded, logged, screened):
                    times.clear()
    middle = [statistics.median(times) for times in (bare, guarded, screened, logged)]
    named = zip(("bare", "guarded", "screening_the_prompt", "log"), middle, strict=True)
    return {
        "calls": len(bare),
        **{f"{name}_ms": round(value, 3) for name, value in named},
        "ratio_of_medians": round(middle[1] / middle[0], 3),
        "added_ms": round(statistics.median(map(float.__sub__, guarded, bare)), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="about how long to measure")
    seconds = parser.parse_args().seconds
    warnings.simplefilter("ignore")
    words = [len(prompt.split()) for prompt in PROMPTS]
    print(f"prompts of {min(words)} to {max(words)} words, one thread, durable SQLite log")
    half = min(seconds, 30.0) / 2
    mock = {"model": "gpt-4o", "mock_response": REPLY}
    with tempfile.TemporaryDirectory() as folder, StandInServer() as server:
        print("LiteLLM's mock reply, no network:")
        print(json.dumps(measure(half, Path(folder), **mock), indent=2))
        print("an HTTP server on this machine that answers at once:")
        http = {"model": "openai/m", "api_base": server.url, "api_key": "k"}
        print(json.dumps(measure(half, Path(folder), **http), indent=2))


if __name__ == "__main__":
    main()
