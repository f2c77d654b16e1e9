"""Time to screen a prompt of 20 to 60 words, side by side with LiteLLM's content filter.

Run `python benchmarks/screen.py [--seconds 60] [--together]`. Each way to screen is measured in a
process of its own, each prompt once, so that most words of a prompt are met for the first time or
for the first time in a while; `--together` has all ways take turns in one process, in which the
words that one has met cost the others less. Prompts are read from ../shared/data/dev and never
printed. The peer needs `litellm` and `fastapi`; without them its rows are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from guardrail.guard import Guard, UnsafeNoLog
from guardrail.records import Operation, Request

DATA = Path(__file__).parents[1] / "../shared/data/dev"
DETECT = Path(__file__).parents[1] / "guardrail/detect"
CODE, TABLES = {".py", ".pyc", ".md"}, {".bin", ".words", ".trie", ".flags", ".heads", ".jsonl"}
FILES = ("benign.jsonl", "sexual.jsonl")
WORDS = range(20, 61)
WARM_UP = 20
PEER = "LiteLLM content filter"

COLD = """
import resource, time
start = time.perf_counter()
from guardrail.guard import Guard, UnsafeNoLog
from guardrail.records import Operation, Request
guard = Guard("default", log=UnsafeNoLog())
guard.screen(Request.of("A watercolor of Mount Fuji.", Operation.IMAGE_GENERATE), facts="all")
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
private = int(fields["RssAnon"].split()[0]) / 1024
print(f"{seconds:.2f} {peak:.0f} {private:.0f}")
"""


def prompts() -> list[str]:
    found = []
    for name in FILES:
        with (DATA / name).open(encoding="utf-8") as lines:
            found += [json.loads(line)["text"] for line in lines]
    chosen = [text for text in found if len(text.split()) in WORDS]
    random.Random(7).shuffle(chosen)  # noqa: S311 (a sample, not a secret)
    return chosen


def ours() -> dict[str, Callable[[str], object]]:
    guard = Guard("default", log=UnsafeNoLog())
    return {
        f"guardrail {operation.value}, facts {facts}": _screen(guard, operation, facts)
        for operation in (Operation.CHAT, Operation.IMAGE_GENERATE)
        for facts in ("needed", "all")
    }


def _screen(guard: Guard, operation: Operation, facts: Any) -> Callable[[str], object]:
    return lambda text: guard.screen(Request.of(text, operation), facts=facts)


def peer() -> Callable[[str], object] | None:
    """LiteLLM's offline guardrail, with the categories nearest to ours; None where missing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    try:
        from fastapi import HTTPException
        from litellm.proxy.guardrails.guardrail_hooks.litellm_content_filter import content_filter
    except ImportError as error:
        print(f"{PEER}: left out, {error.name} is not installed")
        return None
    logging.disable(logging.WARNING)  # it logs what it blocks
    names = ("harm_toxic_abuse", "harmful_child_safety")
    categories: Any = [
        {"category": name, "enabled": True, "action": "BLOCK", "severity_threshold": "medium"}
        for name in names
    ]
    guardrail = content_filter.ContentFilterGuardrail(guardrail_name="peer", categories=categories)
    loop = asyncio.new_event_loop()

    def screen(text: str) -> object:
        try:
            call = guardrail.apply_guardrail({"texts": [text]}, {"metadata": {}}, "request")
            return loop.run_until_complete(call)
        except HTTPException as blocked:
            return blocked

    return screen


def measure(
    runs: dict[str, Callable[[str], object]], texts: list[str], seconds: float
) -> dict[str, list[float]]:
    """Milliseconds a prompt for each run, every prompt going through all of them in turn."""
    for text in texts[:WARM_UP]:
        for run in runs.values():
            run(text)
    taken: dict[str, list[float]] = defaultdict(list)
    order = list(runs)
    until = time.perf_counter() + seconds
    for text in texts[WARM_UP:]:
        random.shuffle(order)
        for name in order:
            start = time.perf_counter()
            runs[name](text)
            taken[name].append((time.perf_counter() - start) * 1e3)
        if time.perf_counter() > until:
            break
    return taken


def report(taken: dict[str, list[float]]) -> None:
    medians = {name: statistics.median(times) for name, times in taken.items()}
    against = medians.get(PEER)
    print(f"{'':44}{'prompts':>8}{'median ms':>11}{'p99 ms':>9}{'peer/ours':>11}")
    for name in sorted(taken):
        times = sorted(taken[name])
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        ratio = f"{against / medians[name]:>10.1f}x" if against else f"{'':>11}"
        print(f"{name:44}{len(times):>8}{medians[name]:>11.3f}{p99:>9.2f}{ratio}")


def shipped() -> None:
    """What of the package is data, not code."""
    files = [path for path in DETECT.rglob("*") if path.is_file() and path.suffix not in CODE]
    tables = sum(path.stat().st_size for path in files if path.suffix in TABLES)
    total = sum(path.stat().st_size for path in files)
    print(f"shipped with the detectors: {total / 1e6:.1f} MB, of it tables {tables / 1e6:.1f} MB")


def apart(seconds: float) -> dict[str, list[float]]:
    """Milliseconds a prompt for each way to screen, each in a fresh process beside the peer."""
    taken: dict[str, list[float]] = defaultdict(list)
    for operation in (Operation.CHAT, Operation.IMAGE_GENERATE):
        for facts in ("needed", "all"):
            name = f"guardrail {operation.value}, facts {facts}"
            command = [sys.executable, __file__, "--only", name, "--seconds", str(seconds / 4)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
            for each, times in json.loads(done.stdout.splitlines()[-1]).items():
                taken[each] += times
    return taken


def cold() -> None:
    done = subprocess.run(  # noqa: S603 (this interpreter, a fixed script)
        [sys.executable, "-c", COLD], check=True, capture_output=True, text=True
    )
    seconds, peak, private = done.stdout.split()
    print(f"from cold to the first decision: {seconds} s, peak {peak} MB, private {private} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=60, help="bound on the measured part")
    parser.add_argument("--together", action="store_true", help="all ways in one process")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not DATA.is_dir():
        sys.exit(f"no prompts: {DATA} is not there")
    if not asked.only:
        cold()
        shipped()
    if not (asked.only or asked.together):
        report(apart(asked.seconds))
        return
    runs = {name: run for name, run in ours().items() if asked.only in (None, name)}
    found = peer()
    taken = measure(runs | ({PEER: found} if found else {}), prompts(), asked.seconds)
    if asked.only:
        print(json.dumps(taken))
    else:
        report(taken)


if __name__ == "__main__":
    main()
