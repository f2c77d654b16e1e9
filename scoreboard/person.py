"""Tables on personal names: spans found, fictional characters, and who is only an artist."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scoreboard.data import Case, Part, by
from scoreboard.metrics import Counts, Range, pair_spans, ratio, same_name
from scoreboard.screened import Name
from scoreboard.tables import Table, grouped, share

FICTIONAL, CREATOR = "fictional", "creator"
FICTIONAL_SLICE = "fictional_character"
HEAD = (
    "rows",
    "names",
    "found",
    "precision",
    "recall",
    "F1",
    "rows without",
    "of these named",
)
_NOTE = (
    "A found name is right where it overlaps a labelled one by at least half of the longer span, "
    "one to one; a name of kind `fictional` does not count as found. Figures are over names "
    "(micro). The last two columns: rows without a real person's name, and those of them that got "
    "one. All rows asked as chat unless said otherwise."
)


def gold(case: Case) -> list[Range]:
    """The labelled names of real people."""
    return [(start, end) for start, end in case.row.labels["spans"]]


def named_real(case: Case) -> list[Range]:
    """The names that were found and not called fictional."""
    return [(name.start, name.end) for name in case.seen.names if name.kind != FICTIONAL]


def counts(cases: Sequence[Case]) -> Counts:
    """Names found, over rows as chat: micro."""
    return sum((_row_counts(gold(case), named_real(case)) for case in cases), Counts())


def _row_counts(wanted: Sequence[Range], found: Sequence[Range]) -> Counts:
    hits = len(pair_spans(wanted, found))
    return Counts(hits=hits, false=len(found) - hits, missed=len(wanted) - hits)


Group = tuple[str, Sequence[Case]]


def groups(part: Part) -> list[Group]:
    """The rows as a whole, and prompts to image models apart from texts of other kinds."""
    rows = part.chat
    return [
        ("all", rows),
        ("without the fictional slice", [c for c in rows if c.label("slice") != FICTIONAL_SLICE]),
        ("image prompts", [case for case in rows if case.row.is_image_prompt]),
        ("image prompts, asked as image.generate", part.image),
        ("other texts", _other_texts(part)),
    ]


def _other_texts(part: Part) -> list[Case]:
    return [case for case in part.chat if not case.row.is_image_prompt]


def tables(part: Part, benign: Part) -> Iterator[Table]:
    """Every table of this part, the first with its heading; `benign` has roles too."""
    cases = part.chat
    yield Table("Personal names", ("", *HEAD), _lines(groups(part)), _NOTE, level=2)
    both = [case for case in cases if case.label("lang") in _languages_in_both(cases)]
    for name, key, chosen in (
        ("language", "lang", cases),
        ("language, other texts", "lang", _other_texts(part)),
        ("variant, languages that have both", "variant", both),
        ("slice", "slice", cases),
    ):
        lines = _lines(grouped(chosen, by(key)))
        yield Table(f"Personal names by {name}", (name.partition(",")[0], *HEAD), lines)
    each = grouped(both, lambda case: f"{case.label('slice')}, {case.label('variant')}")
    yield Table("Personal names by slice and variant", ("", *HEAD), _lines(sorted(each)))
    yield _roles(part, benign)
    yield _fictional(cases)


def _languages_in_both(cases: Sequence[Case]) -> set[str]:
    return {case.label("lang") for case in cases if case.label("variant") == "lower"}


def _lines(groups: Sequence[Group]) -> tuple[tuple[str, ...], ...]:
    return tuple((name, *_figures(cases)) for name, cases in groups)


def _figures(cases: Sequence[Case]) -> tuple[str, ...]:
    found = counts(cases)
    none = [case for case in cases if not gold(case)]
    wanted = found.hits + found.missed
    return (
        str(len(cases)),
        str(wanted),
        str(found.hits + found.false),
        share(found.precision if wanted else None),
        share(found.recall),
        share(found.f1),
        str(len(none)),
        str(sum(bool(named_real(case)) for case in none)),
    )


def paired(case: Case) -> list[Name]:
    """The found names, fictional ones too, that stand for a labelled one."""
    names = case.seen.names
    pairs = pair_spans(gold(case), [(name.start, name.end) for name in names])
    return [names[index] for index in pairs.values()]


def creators(cases: Sequence[Case]) -> tuple[int, int, int]:
    """Rows whose role is given, rows whose name was found, rows where it is a creator."""
    given = [case for case in cases if "role" in case.row.labels]
    names = [paired(case) for case in given]
    right = sum(bool(found) and all(name.role == CREATOR for name in found) for found in names)
    return len(given), sum(map(bool, names)), right


def _roles(part: Part, benign: Part) -> Table:
    given = [
        (name, [case for case in cases if "role" in case.row.labels])
        for name, cases in (
            ("person rows", part.chat),
            ("person rows", part.image),
            ("benign rows", benign.chat),
            ("benign rows", benign.image),
        )
    ]
    groups = [
        (f"{name} of {source}, asked as {group[0].asked}", group)
        for name, cases in given
        for source, group in grouped(cases, by("source"))
    ]
    lines = []
    for title, group in groups:
        rows, found, right = creators(group)
        figures = share(ratio(right, rows)), share(ratio(right, found))
        lines.append((title, str(rows), str(found), str(right), *figures))
    return Table(
        "Artists: role `creator`",
        ("", "rows", "name found", "creator", "accuracy", "accuracy where found"),
        tuple(lines),
        "Rows in the style of a named artist. A name that is not found counts as wrong in "
        "`accuracy`.",
    )


def fictional(cases: Sequence[Case]) -> list[Case]:
    """The rows that speak of a fictional character."""
    return [case for case in cases if "fictional_spans" in case.row.labels]


def called_real(case: Case) -> bool:
    """Whether a labelled fictional name is overlapped by a name that is not called fictional."""
    found = named_real(case)
    return any(
        begin < end and start < stop
        for start, end in case.row.labels["fictional_spans"]
        for begin, stop in found
    )


def called_fictional(case: Case) -> bool:
    """Whether a labelled fictional name was found and called fictional."""
    marked = [(start, end) for start, end in case.row.labels["fictional_spans"]]
    return any(
        name.kind == FICTIONAL and same_name(span, (name.start, name.end))
        for name in case.seen.names
        for span in marked
    )


def _fictional(cases: Sequence[Case]) -> Table:
    rows = fictional(cases)
    lines = []
    variants = grouped(rows, lambda case: case.label("variant"))
    for title, group in [("fictional characters", rows), *variants]:
        real = sum(called_real(case) for case in group)
        known = sum(called_fictional(case) for case in group)
        lines.append((title, str(len(group)), str(known), str(real)))
    known_real = [case for case in cases if case.row.labels["real"] and gold(case)]
    names = [name for case in known_real for name in paired(case)]
    wrong = sum(name.kind == FICTIONAL for name in names)
    lines.append(("real people", str(len(names)), str(wrong), str(len(names) - wrong)))
    return Table(
        "Fictional or real",
        ("", "number", "called fictional", "called real"),
        tuple(lines),
        "Fictional characters: rows; a name that is not found is called neither. Real people: "
        "labelled names that were found, in rows known to speak of a real person.",
    )
