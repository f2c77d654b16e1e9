"""Longer rounds of every fault, and a table of what became of what was acknowledged.

python -m tests.faults [--rounds 20] [--folder DIR] [--only kill,power,...]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.faults import clocks, cuts, flips, injections, kills, outages
from tests.faults.figures import Absent, Figures, table

Fault = Callable[[Path, int], Figures]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="on the disk to be tried")
    parser.add_argument("--only", default=",".join(FAULTS), help=f"of: {', '.join(FAULTS)}")
    args = parser.parse_args()
    found = []
    for name in args.only.split(","):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            try:
                figures = FAULTS[name](Path(folder), args.rounds)
            except Absent as error:
                print(f"{name}: not tried: {error}", file=sys.stderr)  # noqa: T201
                continue
        print(f"{name}: {figures}", file=sys.stderr)  # noqa: T201
        found.append((name, figures))
    print(table(found))  # noqa: T201
    return 0 if all(figures.lost == figures.duplicated == 0 for _, figures in found) else 1


def _kill(folder: Path, rounds: int) -> Figures:
    return kills.run(f"sqlite:///{folder}/log/attempts.db", folder / "told", rounds)


def _inject(effects: Iterable[injections.Effect]) -> Fault:
    def run(folder: Path, rounds: int) -> Figures:
        """So many strikes on each kind of call, the last ones that are made."""
        points = injections.one_of_each(injections.points(folder), rounds)
        return injections.run(folder, [(p, e) for p in points for e in effects])

    return run


def _repeated(once: Callable[[Path], Figures]) -> Fault:
    def run(folder: Path, rounds: int) -> Figures:
        total = Figures()
        for number in range(rounds):
            place = folder / str(number)
            place.mkdir()
            total += once(place)
        return total

    return run


def _clock(folder: Path) -> Figures:
    checkpoint = folder / "log" / "attempts.db.checkpoint"
    return clocks.run(f"sqlite:///{folder}/log/attempts.db", folder, checkpoint)


def _flip(folder: Path, rounds: int) -> Figures:
    """Acknowledged: flips; lost: those that change what is read, unseen, or break a command."""
    log, seen = folder / "log", 0
    flips.make(log, 40)
    missed = 0
    for outcome in flips.outcomes(
        log, folder / "copy", flips.sample(log, flips.DATABASE, 20 * rounds)
    ):
        seen += 1
        missed += outcome.unseen or bool(outcome.surprises)
    return Figures(rounds, seen, missed)


FAULTS: dict[str, Fault] = {
    "kill": _kill,
    "power": cuts.run,
    "error": _inject(("EIO", "ENOSPC")),
    "kill-in-call": _inject(("kill",)),
    "full-tmpfs": _repeated(outages.full_tmpfs),
    "full-ext4": _repeated(outages.full_ext4),
    "readonly": _repeated(outages.readonly),
    "clock": _repeated(_clock),
    "flips": _flip,
}

if __name__ == "__main__":
    raise SystemExit(main())
