"""The curve of the headline over commits: `python -m scoreboard.history --write docs/detection.md`.

Reads the versions of the scoreboard that git keeps: its JSON, or the tables of the page before
there was one. Writes a table of the figures that have a target between two marks of a page.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from scoreboard.command import ROOT
from scoreboard.headline import PERCENT, Figure, goals
from scoreboard.review import Kept, git, read_json
from scoreboard.tables import UNDEFINED

PAGE, FIGURES = "docs/scoreboard.md", "docs/scoreboard.json"
BEGIN, END = "<!-- history: made by python -m scoreboard.history -->", "<!-- /history -->"
FORMER = {
    f"decisions right: {which}, %": f"decisions right: first, {which}, %"
    for which in ("all", "must refuse", "must gate", "must allow")
}
"""What figures were called before there were several suites."""

_LINE = re.compile(r"\| (?P<name>[^|]+?) \| (?P<value>[-\d.]+) \|(?:.*\|)? (?P<rows>\d+) \|$")
_LANGUAGES = "### Sexual content by language\n"


@dataclass(frozen=True, slots=True)
class Version:
    """The figures as one commit has them. day: of the commit, as MM-DD HH:MM."""

    commit: str
    day: str
    figures: Kept


def versions(root: Path) -> list[Version]:
    """Every committed version of the scoreboard in `root`, the oldest first; none without git."""
    told = git(root, "log", "--reverse", "--format=%h %cd", "--date=format:%m-%d %H:%M", "--", PAGE)
    found = []
    for line in (told or "").splitlines():
        commit, _, day = line.partition(" ")
        written = git(root, "show", f"{commit}:{FIGURES}")
        page = git(root, "show", f"{commit}:{PAGE}")
        if written or page:
            figures = read_json(written) if written else read_page(page or "")
            found.append(Version(commit, day, figures))
    return found


def read_page(page: str) -> Kept:
    """The figures of a page from before they were kept as JSON, by their names of today."""
    head, _, rest = page.partition("## Headline\n")[2].partition("\n## ")
    found: dict[str, tuple[float, int]] = {}
    for line in head.splitlines():
        if read := _LINE.match(line):
            name = FORMER.get(read["name"], read["name"])
            scale = 100.0 if name.endswith(PERCENT) else 1.0
            found[name] = float(read["value"]) / scale, int(read["rows"])
    languages = rest.partition(_LANGUAGES)[2].partition("\n#")[0]
    for line in languages.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = f"sexual content: AUPRC, {cells[0]}"
        if name in goals() and name not in found:
            found[name] = float(cells[3]), int(cells[1])
    return found


def curve(found: Sequence[Version]) -> str:
    """A Markdown table: figures that have a target, and what each version came to."""
    head = ["figure", "target", *(f"{v.commit}, {v.day}" for v in found), "gap"]
    rows = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for name, goal in goals().items():
        if goal.target is None:
            continue
        shown = [_shown(name, version.figures) for version in found]
        target = f"{'≥' if goal.more else '≤'} {Figure(name, None, 0).text(goal.target)}"
        cells = [name, target, *shown, _gap(name, found[-1].figures) if found else ""]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def _shown(name: str, figures: Kept) -> str:
    return Figure(name, None, 0).text(figures[name][0]) if name in figures else UNDEFINED


def _gap(name: str, figures: Kept) -> str:
    """How far the last version is from the target; empty where it is met."""
    goal = goals()[name]
    if goal.target is None or name not in figures or goal.met(figures[name][0]):
        return ""
    return Figure(name, None, 0).text(abs(figures[name][0] - goal.target))


def placed(page: str, table: str) -> str:
    """The page with the table between its marks; ValueError where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no marks for the history")
    return f"{before}{BEGIN}\n\n{table}\n{END}{after}"


@click.command()
@click.option("--write", type=click.Path(path_type=Path), help="The page to write it into.")
def main(write: Path | None) -> None:
    """Print the curve of the headline over commits, or write it into a page."""
    table = curve(versions(ROOT))
    if write is None:
        click.echo(table, nl=False)
        return
    try:
        write.write_text(placed(write.read_text("utf-8"), table), "utf-8")
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{write}: {error}") from None


if __name__ == "__main__":
    main()
