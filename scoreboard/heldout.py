"""Train again with whole sources left out, and measure on them: `python -m scoreboard.heldout`.

Works on a copy of the tree in a temporary folder: the shipped weights stay as they are.
"""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from guardrail.errors import GuardrailError
from scoreboard import person, sexual
from scoreboard.command import ROOT
from scoreboard.data import Case, Part, Row, asks_of, by, part_of, read_rows
from scoreboard.metrics import Counts
from scoreboard.review import origin
from scoreboard.screened import Ask, Seen, read_answer, screen
from scoreboard.tables import Table, as_markdown, grouped, percent, share

GROUPS = Path(__file__).with_name("heldout.tsv")
TREE = ("guardrail", "adapters", "configs", "training")
TRAINERS = ("training.sexual", "training.persons")
MEASURED = ("sexual", "person")
HEADER = """\
# Held-out sources

Made by `python -m scoreboard.heldout --write docs/heldout.md` from {origin}; do not edit. The
models are trained again without any row of a group of sources
([scoreboard/heldout.tsv](../scoreboard/heldout.tsv)) and measured on development rows of these
sources; beside it the shipped models on the same rows. Lexicons, rules and name lists stay as they
are, so what is measured is what the trained parts owe to having seen a source. Names in Japanese,
Korean and Chinese are not among them: their taggers take as long to train as all the others
together, and their [card](model-card-persons-cjk.md) says what was held out.
"""

Folds = Mapping[str, frozenset[str]]
Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Cases by part, from the shipped models and from those that had not seen the source."""

    shipped: Mapping[str, Sequence[Case]]
    left_out: Mapping[str, Sequence[Case]]

    def tables(self) -> list[Table]:
        """A table for each part."""
        return [
            self._table("sexual", "Sexual content", _SEXUAL),
            self._table("person", "Personal names", _PERSON),
        ]

    def _table(self, part: str, title: str, measures: Mapping[str, Measure]) -> Table:
        both = [self.shipped[part], self.left_out[part]]
        of = [dict(grouped(cases, by("source"))) for cases in both]
        groups: list[tuple[str, list[Sequence[Case]]]] = [("all", both)]
        groups += [(source, [one[source] for one in of]) for source in of[0]]
        lines = tuple(
            (
                name,
                str(len(pair[0])),
                *(measure(cases) for measure in measures.values() for cases in pair),
            )
            for name, pair in groups
        )
        head = [cell for name in measures for cell in (f"{name}, shipped", "left out")]
        return Table(title, ("source", "rows", *head), lines, level=2)


Measure = Callable[[Sequence[Case]], str]


def _counted(count: Callable[[Sequence[Case]], Counts], write: Callable[[Counts], str]) -> Measure:
    return lambda cases: write(count(cases))


_SEXUAL: Mapping[str, Measure] = {
    "AUPRC": lambda cases: share(sexual.ranking(cases)),
    "recall": _counted(sexual.counts, lambda c: share(c.recall)),
    "false stops %": _counted(sexual.counts, lambda c: percent(c.false_rate)),
}
_PERSON: Mapping[str, Measure] = {
    "precision": _counted(person.counts, lambda c: share(c.precision)),
    "recall": _counted(person.counts, lambda c: share(c.recall)),
    "F1": _counted(person.counts, lambda c: share(c.f1)),
}


def folds(path: Path = GROUPS) -> Folds:
    """The sources that are left out together, by group."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return {
        group: frozenset(row["source"] for row in mine)
        for group, mine in sorted(grouped(rows, lambda row: row["group"]))
    }


def without(data: Path, sources: frozenset[str], into: Path) -> None:
    """Copy a folder of data, its rows for training without those of `sources`."""
    into.mkdir()
    for path in data.iterdir():
        if path.name != "train":
            (into / path.name).symlink_to(path.resolve())
    (into / "train").mkdir()
    for path in sorted((data / "train").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines, (into / "train" / path.name).open("w") as kept:
            kept.writelines(line for line in lines if json.loads(line)["source"] not in sources)


def retrained(data: Path, sources: frozenset[str], asks: Sequence[Ask], workers: int) -> list[Seen]:
    """What a copy of the tree answers that was trained without `sources`."""
    with TemporaryDirectory(prefix="heldout-") as folder:
        tree = Path(folder) / "tree"
        for name in TREE:
            shutil.copytree(ROOT / name, tree / name, symlinks=True)
        without(data, sources, Path(folder) / "data")
        for trainer in TRAINERS:
            _run(tree, trainer, "--data", "../data")
        with (tree / "asks.jsonl").open("w") as lines:
            lines.writelines(json.dumps({"id": n, **ask}) + "\n" for n, ask in enumerate(asks, 1))
        files = "--input", "asks.jsonl", "--output", "answers.jsonl"
        _run(tree, "guardrail", "screen", *files, "--log", "none", "--workers", str(workers))
        answers = (tree / "answers.jsonl").read_text("utf-8").splitlines()
    return [read_answer(json.loads(line)) for line in answers]


def _run(tree: Path, module: str, *words: str) -> None:
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, cwd=tree, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
    if done.returncode:
        raise GuardrailError(f"python -m {module} ended with exit status {done.returncode}")


def _asks(rows: Rows) -> list[Ask]:
    return [ask for of_part in rows.values() for row in of_part for ask in asks_of(row)]


def _parts(rows: Rows, answers: Iterable[Seen]) -> dict[str, Part]:
    each = iter(answers)
    return {part: part_of(of_part, each) for part, of_part in rows.items()}


def _of(rows: Rows, sources: frozenset[str]) -> Rows:
    return {
        part: [row for row in of_part if row.labels["source"] in sources]
        for part, of_part in rows.items()
    }


def measure(data: Path, chosen: Folds, workers: int, tell: Callable[[str], None]) -> Outcome:
    """Train once for each group and measure; GuardrailError when training fails."""
    every = {part: read_rows(data / "dev", part) for part in MEASURED}
    shipped: dict[str, list[Case]] = {part: [] for part in MEASURED}
    left_out: dict[str, list[Case]] = {part: [] for part in MEASURED}
    for group, sources in chosen.items():
        tell(f"group {group}: {len(sources)} sources")
        rows = _of(every, sources)
        asks = _asks(rows)
        before = _parts(rows, screen(asks, workers, lambda: None))
        after = _parts(rows, retrained(data, sources, asks, workers))
        for part in MEASURED:
            shipped[part] += before[part].chat
            left_out[part] += after[part].chat
    return Outcome(shipped, left_out)


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option("--data", type=click.Path(path_type=Path), default=ROOT.parent / "shared" / "data")
@click.option("--group", multiple=True, type=click.Choice(sorted(folds())), help="Only this group.")
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--workers", type=click.IntRange(1, 256), default=2)
def main(*, data: Path, group: tuple[str, ...], write: Path | None, workers: int) -> None:
    """Train again with whole sources left out, and measure on them; takes many minutes."""
    chosen = {name: sources for name, sources in folds().items() if not group or name in group}
    try:
        outcome = measure(data, chosen, workers, lambda text: click.echo(text, err=True))
    except GuardrailError as error:
        raise click.ClickException(str(error)) from error
    made_from = origin(ROOT, ("docs/heldout.md",))
    page = f"{HEADER.format(origin=made_from)}\n{as_markdown(outcome.tables())}"
    if write is None:
        click.echo(page, nl=False)
    else:
        write.write_text(page, "utf-8")


if __name__ == "__main__":
    main(prog_name="python -m scoreboard.heldout")
