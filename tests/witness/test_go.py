"""An outside verifier: Go's golang.org/x/mod/sumdb/note accepts what our witnesses cosign."""

from __future__ import annotations

from pathlib import Path

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.keys import Algorithm, VerifierKey
from guardrail.chain.note import Note
from guardrail.chain.plain import write_base64
from guardrail.chain.tiles import encode_tile, tiles_of
from guardrail.chain.tree import MemoryHashes
from guardrail.log import locate
from guardrail.log.submit import submit
from tests.chain.signers import AT, LOG, WITNESS
from tests.chain.test_go import Json, ask, crosscheck, signed_note
from tests.log.support import rows
from tests.witness.support import asked, fill, serving
from tests.witness.test_submit import log_key

__all__ = ["crosscheck"]


def test_go_accepts_what_our_witnesses_cosign(
    crosscheck: Path, url: str, path: Path, tmp_path: Path
) -> None:
    fill(url)
    key = log_key(url)
    with (
        serving(tmp_path / "a", key, name="a.example/w") as one,
        serving(tmp_path / "b", key, name="b.example/w") as two,
        serving(
            tmp_path / "c", key, name="c/w", algorithm=Algorithm.COSIGNATURE_ML_DSA_44
        ) as third,
    ):
        found = submit(locate(url), asked(one, two, third))
    assert len(found.cosigned) == 3
    note = Note.parse(found.note)
    other = Checkpoint(key.name, found.tree.size, bytes(32))
    forged = note.with_signatures([WITNESS.sign(other.body, AT)])
    notes = [
        signed_note(found.note, 3),
        signed_note(note.with_signatures([WITNESS.sign(note.text, AT)]).encode(), 4),
        signed_note(forged.encode(), 4, bad=True),
        signed_note(found.note.replace(b"a.example/w", b"b.example/w"), 2),
    ]
    keys = [*asked(one, two).keys, WITNESS.verifier]
    answer = ask(crosscheck, question(path, key, keys, notes))
    assert answer["Failures"] is None
    assert answer["Checked"] == 4 + 1


def question(path: Path, key: VerifierKey, witnesses: list[VerifierKey], notes: list[Json]) -> Json:
    """The log's entries, and notes to be held against them."""
    found = rows(path, "SELECT body FROM entries ORDER BY seq")
    entries = [b"guardrail-entry/1\n" + body.encode() for (body,) in found]
    reader = MemoryHashes(map(leaf_hash, entries))
    tiles = {tile.path: encode_tile(tile, reader) for tile in tiles_of(len(entries))}
    return {
        "vkey": str(key),
        "witnesses": [*map(str, witnesses)],
        "skey": LOG.secret,
        "text": "signed by Go\n",
        "entries": [*map(write_base64, entries)],
        "notes": notes,
        "tiles": {name: write_base64(data) for name, data in tiles.items()},
    }
