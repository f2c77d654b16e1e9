"""Builds an inquiry pack: reads the log once, writes a folder, signs it, and zips it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from guardrail.audit import figures, proofs
from guardrail.audit.data import (
    as_csv,
    as_json,
    as_workbook,
    csv_line,
    cubes,
    statement_lines,
)
from guardrail.audit.dsa import FIELDS
from guardrail.audit.extra import PACKAGES, needed
from guardrail.audit.gather import Asked, Evidence, gather
from guardrail.audit.html import html
from guardrail.audit.inquiry import InquiryModel, read_inquiry
from guardrail.audit.letters import render
from guardrail.audit.pack import MANIFEST, Statement, sha256, sign, signed, zip_folder
from guardrail.audit.parts.closing import LIMITS
from guardrail.audit.parts.statements import FIRST
from guardrail.audit.pdf import check_fonts, pdf
from guardrail.audit.pin import lock_path, pin
from guardrail.audit.report import report
from guardrail.audit.template import Template, find_template
from guardrail.audit.words import Words
from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from guardrail.audit.document import Document
    from guardrail.audit.localized import Language
    from guardrail.audit.records import Sampled
    from guardrail.audit.source import Source
    from guardrail.chain.keys import SigningKey
    from guardrail.log.session import Session

Watch: TypeAlias = Callable[[str], None]
Excerpts: TypeAlias = Callable[[Sequence[str]], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Built:
    """A pack that was written. whole: whether the log is in it."""

    folder: Path
    zip: Path
    note: Path
    statement: Statement
    files: int
    whole: bool


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be built. path: of the inquiry; out: the folder the pack goes into.

    decrypt: show the beginnings of texts; why: the reason, written into the log.
    """

    path: Path
    out: Path
    decrypt: bool = False
    why: str = ""


def build(order: Order, source: Source, watch: Watch = lambda _: None) -> Built:
    """Build a pack; the same bytes from the same log. watch: told what is done next.

    1. Read the inquiry, and check that it can be built. 2. Write into the log who looks, and why.
    3. Pin the log, or take the pin there is. 4. Read everything. 5. Write. 6. Sign, zip.

    Raises ConfigurationError, LogUnavailable.
    """
    path, out = order.path, order.out
    inquiry = read_inquiry(path)  # 1
    template = find_template(inquiry.template, path.parent)
    _check(inquiry, template)
    key = source.signing_key()
    told = inquiry.reference or path.stem
    source.record_access({"command": "inquiry build", "inquiry": told}, order.why)  # 2
    work = _work(out, path.stem)
    draft = work / "pack"
    try:
        with source.reading() as session:
            watch("reading the log")
            pinned = pin(lock_path(path), inquiry.scope, session, source.key)  # 3
            excerpts = _excerpts(source, told, order.why) if order.decrypt else None
            asked = Asked(inquiry, template, pinned, source.key)
            evidence = gather(session, asked, excerpts)  # 4
            _write(draft, session, evidence, watch)  # 5
        watch("signing")
        statement = sign(draft, pinned.checkpoint, key)  # 6
        return _finish(draft, out / path.stem, evidence, statement, key)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {error.filename or out}: {error.strerror}"
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _work(out: Path, name: str) -> Path:
    """A folder to work in, inside `out`, where no other than an earlier pack is in the way."""
    folder = out / name
    if folder.exists() and not (folder / MANIFEST).exists():
        raise ConfigurationError(f"{folder} is there already and is no pack; move it away")
    try:
        out.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{name}.", dir=out))
    except OSError as error:
        raise ConfigurationError(f"cannot write to {out}: {error.strerror}") from None


def _excerpts(source: Source, told: str, why: str) -> Excerpts:
    """What decrypts excerpts, once the log has an entry that says whose and why."""

    def decrypt(attempts: Sequence[str]) -> Mapping[str, str | None]:
        what = {"command": "inquiry excerpts", "inquiry": told, "attempts": [*attempts]}
        source.record_access(what, why)
        return source.excerpts(attempts)

    return decrypt


def _check(inquiry: InquiryModel, template: Template) -> None:
    for package in PACKAGES:
        needed(package)
    for language in inquiry.languages:
        template.letter(language)
        check_fonts(language)


def _finish(
    draft: Path, folder: Path, evidence: Evidence, statement: Statement, key: SigningKey
) -> Built:
    target, note = (folder.with_name(f"{folder.name}.{end}") for end in ("zip", "zip.note"))
    new = draft.with_name("zip")
    zip_folder(draft, new, folder.name, evidence.pinned.at)
    whole = replace(statement, zip=sha256(new))
    if folder.exists():
        folder.rename(draft.with_name("old"))
    draft.rename(folder)
    new.replace(target)
    note.write_bytes(signed(whole, key))
    number = sum(found.is_file() for found in folder.rglob("*"))
    return Built(folder, target, note, whole, number, proofs.is_whole(evidence))


def _write(folder: Path, session: Session, evidence: Evidence, watch: Watch) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    stated: tuple[int, list[Sampled]] = (0, [])
    if "dsa" in evidence.template.model.sections:
        watch("writing statements of reasons")
        stated = _statements(data, session, evidence)
    whole = proofs.is_whole(evidence)
    documents: list[Document] = []
    for language in evidence.inquiry.languages:
        watch(f"writing the report ({language})")
        made = report(evidence, language, whole=whole, stated=stated)
        (folder / f"report.{language}.html").write_bytes(html(made))
        (folder / f"report.{language}.pdf").write_bytes(pdf(made))
        documents.append(made)
    watch("writing data")
    _data(data, evidence, documents[0])
    watch("writing evidence")
    first = _evidence(folder / "evidence", session, evidence, whole=whole)
    _inquiry(folder, evidence)
    for language in evidence.inquiry.languages:
        text = _readme(evidence, language, first, whole=whole)
        (folder / f"README.{language}.txt").write_text(text, "utf-8")


def _statements(data: Path, session: Session, evidence: Evidence) -> tuple[int, list[Sampled]]:
    number, first = 0, list[Any]()
    with (
        (data / "dsa_statements.csv").open("w", encoding="utf-8-sig", newline="") as table,
        (data / "dsa_statements.jsonl").open("w", encoding="utf-8", newline="") as lines,
    ):
        table.write(csv_line(FIELDS))
        for attempts in _pages(session, evidence):
            first += attempts[: FIRST - len(first)]
            number += len(attempts)
            for row, line in statement_lines(attempts):
                table.write(row)
                lines.write(line)
    return number, first


def _pages(session: Session, evidence: Evidence) -> Iterator[list[Sampled]]:
    wanted = evidence.wanted
    for ids in figures.read_ids(session, wanted):
        yield figures.read_sampled(session, ids, wanted.size)


def _data(data: Path, evidence: Evidence, document: Document) -> None:
    tables = [*document.tables, *cubes(evidence)]
    for table in tables:
        (data / f"{table.id}.csv").write_bytes(as_csv(table))
    (data / "tables.json").write_bytes(as_json(tables))
    author = evidence.inquiry.contact.organisation
    (data / "data.xlsx").write_bytes(as_workbook(tables, evidence.pinned.at, author))
    charts = data / "charts"
    charts.mkdir()
    for chart in document.charts:
        (charts / f"{chart.id}.svg").write_text(chart.svg, "utf-8")


def _evidence(folder: Path, session: Session, evidence: Evidence, *, whole: bool) -> str:
    """Write checkpoint, keys, receipts and, if asked for, the log; the first receipt's name."""
    (folder / "proofs").mkdir(parents=True)
    (folder / "checkpoint").write_bytes(evidence.pinned.note)
    (folder / "log.vkey").write_text(f"{evidence.key}\n", "utf-8")
    (folder / "log.pem").write_bytes(proofs.pem(evidence.key))
    names: list[str] = []
    for name, receipt in proofs.receipts(session, evidence):
        (folder / "proofs" / name).write_bytes(receipt)
        names.append(name)
    for path, tile in proofs.tiles(session, evidence.pinned) if whole else ():
        target = folder / "log" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(tile)
    return names[0] if names else "FILE"


def _inquiry(folder: Path, evidence: Evidence) -> None:
    """The inquiry as it was answered, for machines."""
    told = evidence.inquiry.model_dump(mode="json")
    (folder / "inquiry.json").write_text(
        json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8"
    )


def _readme(evidence: Evidence, language: Language, first: str, *, whole: bool) -> str:
    words, head = Words(language), evidence.pinned.checkpoint
    text = files("guardrail.audit").joinpath("assets", f"README.{language}.txt.j2")
    values = {
        "title": evidence.template.model.name.text(language),
        "key": str(evidence.key),
        "dsa": "dsa" in evidence.template.model.sections,
        "whole": whole,
        "first": first,
        "limits": [words(f"limits.{name}") for name in LIMITS],
        "origin": head.origin,
        "size": head.size,
        "root": head.root.hex(),
    }
    return render(text.read_text("utf-8"), values, text.name)
