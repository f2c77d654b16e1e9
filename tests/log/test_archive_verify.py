"""Every way of tampering with an archive, and where it is seen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from guardrail.errors import ConfigurationError
from guardrail.log.archive import verify_archive
from guardrail.log.verify import Given
from tests.log.archived import MONTHS, Archived

FILE = "2026-02.parquet"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Archived:
    folder = tmp_path_factory.mktemp("archive")
    return Archived.of(f"sqlite:///{folder}/attempts.db", folder / "archive")


@pytest.fixture
def archived(made: Archived, tmp_path: Path) -> Archived:
    shutil.copytree(made.folder, tmp_path / "copy")
    return Archived(made.url, tmp_path / "copy", made.key)


def ranges(archived: Archived) -> list[tuple[int, int]]:
    found = [json.loads((archived.folder / f"{m}.manifest.json").read_text()) for m in MONTHS]
    return [(fields["first"], fields["last"]) for fields in found]


def test_an_archive_holds(archived: Archived) -> None:
    found = archived.verify()
    assert found.ok
    assert found.months == tuple(MONTHS)
    assert (found.first, found.last) == (1, ranges(archived)[-1][1])
    assert found.entries == found.last
    assert found.workers.started == 1


def test_a_part_of_an_archive_holds_from_where_it_begins(archived: Archived) -> None:
    _, last = ranges(archived)[0]
    for file in archived.folder.glob("2026-01*"):
        file.unlink()
    archived.folder.joinpath("archive.json").unlink()
    (fault,) = archived.told()
    assert fault == (
        f"missing: entries 1-{last}: no month holds what stands between the beginning and 2026-02"
    )


def test_months_that_are_gone(archived: Archived) -> None:
    first, last = ranges(archived)[1]
    (archived.folder / FILE).unlink()
    (fault,) = archived.told()
    assert fault.startswith(f"2026-02: missing: entries {first}-{last}: {FILE} cannot be read")
    for file in archived.folder.glob("2026-02*"):
        file.unlink()
    assert archived.told() == [
        "2026-02: missing: 2026-02.manifest.json is not there",
        f"missing: entries {first}-{last}: no month holds what stands between 2026-01 and 2026-03",
    ]


def test_the_last_month_is_missed_too(archived: Archived) -> None:
    for file in archived.folder.glob("2026-03*"):
        file.unlink()
    assert archived.told() == ["2026-03: missing: 2026-03.manifest.json is not there"]


def test_a_file_that_was_written_anew_is_another(archived: Archived) -> None:
    first, last = ranges(archived)[1]
    archived.rewrite(FILE, "FROM old")
    (fault,) = archived.told()
    told = f"2026-02: altered: entries {first}-{last}: {FILE} is not the file that was archived"
    assert fault.startswith(told)
    archived.forge("2026-02")
    assert archived.told() == []


EDIT = "SELECT * REPLACE (replace(body, 'real-person', 'nobody') AS body) FROM old"
WRONG = {
    "edited": (
        """SELECT * REPLACE (CASE WHEN seq = {n} THEN replace(body, 'billing', 'nowhere')
        ELSE body END AS body) FROM old""",
        "2026-02: edited: entry {n}: its bytes are not those that were signed",
    ),
    "missing": ("FROM old WHERE seq <> {n}", "2026-02: missing: entry {n}: not there"),
    "taken out": (
        """SELECT * REPLACE (CASE WHEN seq > {n} THEN seq - 1 ELSE seq END AS seq) FROM old
        WHERE seq <> {n}""",
        "2026-02: missing: entry {n}: the entry recorded here is gone, and its number went to",
    ),
    "truncated": (
        "FROM old WHERE seq < {n}",
        "2026-02: truncated: entries {n}-{last}: recorded and signed, but not there",
    ),
    "swapped": (
        """SELECT * REPLACE (CASE seq WHEN {n} THEN {n} + 1 WHEN {n} + 1 THEN {n} ELSE seq END
        AS seq) FROM old ORDER BY seq""",
        "2026-02: moved: entry {n}: stands 1 before where it was recorded",
    ),
    "out of order": (
        "FROM old ORDER BY CASE seq WHEN {n} THEN {n} + 1.5 ELSE seq END",
        "2026-02: out of order: entry {n}: stands after entry",
    ),
    "repeated": (
        "FROM old UNION ALL FROM old WHERE seq = {n}",
        "2026-02: repeated: entry {n}: stands again after entry {last}",
    ),
    "added": (
        "FROM old UNION ALL SELECT * REPLACE ({last} + 1 AS seq) FROM old WHERE seq = {n}",
        "2026-02: added: entry {next}: stands beyond the entries that the proof is of",
    ),
    "a column": (
        "SELECT * REPLACE (CASE WHEN seq = {n} THEN 'x' ELSE attempt END AS attempt) FROM old",
        "2026-02: index: entry {n}: what it is found by is not what it says (attempt)",
    ),
    "no body": (
        "SELECT * REPLACE (CASE WHEN seq = {n} THEN NULL ELSE body END AS body) FROM old",
        "2026-02: unreadable: entry {n}: not JSON",
    ),
    "no number": (
        "SELECT * REPLACE (CASE WHEN seq = {n} THEN NULL ELSE seq END AS seq) FROM old",
        "2026-02: missing: entry {n}: not there",
    ),
    "no columns": ("SELECT seq FROM old", "2026-02: unreadable: 2026-02.parquet cannot be read"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_that_was_rewritten(archived: Archived, case: str) -> None:
    first, last = ranges(archived)[1]
    select, told = WRONG[case]
    places = {"n": first + 40, "last": last, "next": last + 1}
    archived.rewrite(FILE, select.format(**places))
    assert any(line.startswith(told.format(**places)) for line in archived.told())
    archived.forge("2026-02")
    assert any(line.startswith(told.format(**places)) for line in archived.told())


def test_with_its_hashes_the_month_is_told(archived: Archived) -> None:
    first, last = ranges(archived)[1]
    archived.rewrite(FILE, EDIT)
    (archived.folder / "2026-02.leaves").write_bytes(b"")
    archived.forge("2026-02")
    (fault,) = archived.told()
    told = f"2026-02: altered: entries {first}-{last}: one or more of them are not what was signed"
    assert fault == told


def test_attempts_that_were_rewritten(archived: Archived) -> None:
    name = "2026-02.attempts.parquet"
    sql = "SELECT * REPLACE (CASE WHEN opened_seq = {} THEN 'allow' ELSE action END AS action)"
    number = ranges(archived)[1][0] + 40
    body = "SELECT * REPLACE ('x' AS rule) FROM old WHERE false UNION ALL "
    archived.rewrite(name, body + sql.format(number) + " FROM old")
    archived.forge("2026-02")
    found = archived.told()
    changed = [line for line in found if line.startswith(f"2026-02: index: {name} is not what")]
    assert changed == found
    archived.rewrite(name, "FROM old WHERE outcome <> 'gated'")
    archived.forge("2026-02")
    (fault,) = archived.told()
    assert fault.startswith(f"2026-02: index: {name} is not what the entries say of ")
    (archived.folder / name).write_bytes(b"PAR1")
    archived.forge("2026-02")
    (fault,) = archived.told()
    assert fault.startswith(f"2026-02: unreadable: {name} cannot be read")


def test_months_that_changed_places(archived: Archived) -> None:
    folder = archived.folder
    for suffix in ("parquet", "attempts.parquet", "counts.parquet", "leaves"):
        one, two = folder / f"2026-02.{suffix}", folder / f"2026-03.{suffix}"
        one.replace(folder / "draft")
        two.replace(one)
        (folder / "draft").replace(two)
    for month in MONTHS[1:]:
        archived.forge(month)
    (_, _), (first, last), _ = ranges(archived)
    assert f"2026-02: missing: entries {first}-{last}: not there" in archived.told()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda text: text.replace('"first": ', '"first": 1'), "unreadable: 2026-02.manifest.json"),
        (lambda text: text[:200], "unreadable: 2026-02.manifest.json"),
        (lambda text: text.replace("2026-02", "2026-05"), "unreadable: 2026-02.manifest.json"),
        (
            lambda text: text.replace("archive/1", "archive/2"),
            "of the format 'guardrail-archive/2'",
        ),
        (lambda text: text.replace('"origin": "guard', '"origin": "other'), "an archive of other"),
        (lambda text: text.replace("— ", "- "), "bad checkpoint: entries"),
    ],
)
def test_a_manifest_that_was_changed(
    archived: Archived, change: Callable[[str], str], told: str
) -> None:
    archived.forge("2026-02", change)
    found = archived.told()
    assert any(told in line for line in found), found


def test_every_flip_is_seen(archived: Archived) -> None:
    for path in sorted(archived.folder.iterdir()):
        whole = path.read_bytes()
        for part in (0.11, 0.5, 0.97):
            data = bytearray(whole)
            place = int(len(data) * part)
            data[place] ^= 1 << place % 8
            path.write_bytes(data)
            ok = archived.verify().ok
            path.write_bytes(whole)
            assert not ok or path.name == "archive.json", (path.name, place)
    assert archived.verify().ok


def test_flips_are_seen_without_the_hash_of_the_file(archived: Archived) -> None:
    path = archived.folder / FILE
    whole = path.read_bytes()
    manifest = (archived.folder / "2026-02.manifest.json").read_text()
    unseen, places = 0, range(40, len(whole), len(whole) // 30)
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        path.write_bytes(data)
        archived.forge("2026-02")
        unseen += archived.verify().ok  # what no entry is read from, such as statistics
        (archived.folder / "2026-02.manifest.json").write_text(manifest)
    assert unseen < len(places) / 2


def test_another_key(archived: Archived, tmp_path: Path) -> None:
    other = Archived.of(f"sqlite:///{tmp_path}/other.db", tmp_path / "other")
    found = verify_archive(archived.folder, Given(other.key))
    assert not found.ok
    assert found.months == ()
    assert {fault.fault.kind.value for fault in found.faults} == {
        "bad checkpoint",
        "bad signature",
    }


def test_a_key_is_needed(archived: Archived, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="give --key"):
        verify_archive(archived.folder, Given())
    with pytest.raises(ConfigurationError, match="no archive at"):
        verify_archive(tmp_path / "nothing", Given(archived.key))
