"""An outside verifier: Go's golang.org/x/mod/sumdb accepts what we make, and we what it makes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from guardrail.chain.entry import canonical, entry_bytes
from guardrail.chain.hashing import leaf_hash
from guardrail.chain.note import Note
from guardrail.chain.plain import read_hash, write_base64
from guardrail.chain.proofs import verify_inclusion
from guardrail.chain.receipt import Receipt
from guardrail.chain.tiles import bundles_of, decode_bundle, encode_tile, tiles_of
from guardrail.chain.tree import MemoryHashes, consistency_proof, inclusion_proof, root
from guardrail.log import locate, open_log
from guardrail.log.export import write_tiles
from guardrail.log.receipts import write_receipt
from guardrail.log.signing import load_signing_key
from tests.chain.signers import (
    AT,
    LOG,
    SECOND,
    STRANGER,
    TRUST,
    WITNESS,
    flip,
    note_of,
    signed,
    tree_of,
)
from tests.log.support import REFUSE, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCES = Path("/usr/share/gocode")
PACKAGES = "golang-go golang-golang-x-mod-dev"
ENTRIES = [entry_bytes(canonical({"id": f"a{number}"})) for number in range(600)]
READER = MemoryHashes(map(leaf_hash, ENTRIES))
SIZES = [1, 2, 3, 7, 8, 255, 256, 257, 511, 512, 600]
TEXT = "signed by Go\n"

Json = dict[str, Any]


@pytest.fixture(scope="module")
def crosscheck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    there = (SOURCES / "src/golang.org/x/mod/sumdb/tlog").is_dir()
    if shutil.which("go") is None or not there:
        message = f"no outside verifier: apt-get install {PACKAGES}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    program = tmp_path_factory.mktemp("go") / "crosscheck"
    environment = os.environ | {
        "GO111MODULE": "off",
        "GOPATH": str(SOURCES),
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    source = Path(__file__).parent / "go" / "main.go"
    command = ["go", "build", "-o", str(program), str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def ask(program: Path, question: Json) -> Json:
    done = subprocess.run(
        [program], input=json.dumps(question), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


def proof(hashes: Sequence[bytes], *, bad: bool = False, **place: int) -> Json:
    return {"hashes": [*map(write_base64, hashes)], "bad": bad, **place}


def signed_note(note: bytes, signatures: int, *, bad: bool = False) -> Json:
    return {"note": note.decode(), "signatures": signatures, "bad": bad}


def damaged(hashes: Sequence[bytes]) -> list[bytes]:
    return [flip(hashes[0], 3), *hashes[1:]] if hashes else [leaf_hash(b"")]


def test_go_accepts_what_we_make_and_we_what_go_makes(crosscheck: Path) -> None:
    notes = [signed_note(signed(tree_of(ENTRIES[:size])), 1) for size in SIZES]
    head = tree_of(ENTRIES[:9])
    other = tree_of([b"x", *ENTRIES[1:9]])
    mixed = note_of(head).with_signatures([WITNESS.sign(other.body, AT)])
    notes += [
        signed_note(signed(head, LOG, WITNESS, SECOND), 2),
        signed_note(signed(head, STRANGER), 1, bad=True),
        signed_note(signed(other), 1, bad=True),
        signed_note(mixed.encode(), 2, bad=True),
    ]
    inclusion, consistency = [], []
    for size in SIZES:
        for index in {0, size // 2, size - 1}:
            hashes = inclusion_proof(READER, index, size)
            inclusion += [
                proof(hashes, index=index, new=size),
                proof(damaged(hashes), index=index, new=size, bad=True),
            ]
    for old, new in [*pairwise(SIZES), (1, 600), (300, 301)]:
        hashes = consistency_proof(READER, old, new)
        consistency += [
            proof(hashes, old=old, new=new),
            proof(damaged(hashes), old=old, new=new, bad=True),
        ]
    answer = ask(
        crosscheck,
        {
            "vkey": str(LOG.verifier),
            "witness": str(WITNESS.verifier),
            "skey": LOG.secret,
            "text": TEXT,
            "entries": [*map(write_base64, ENTRIES)],
            "notes": notes,
            "inclusion": inclusion,
            "consistency": consistency,
            "tiles": {tile.path: write_base64(encode_tile(tile, READER)) for tile in tiles_of(600)},
        },
    )
    assert answer["Failures"] is None
    assert answer["Checked"] == len(notes) + len(inclusion) + len(consistency) + 7
    ours = Note.parse(answer["Note"].encode())
    assert ours.text == TEXT
    assert ours.verify(TRUST.log)
    assert ours.encode() == Note(TEXT, (LOG.sign(TEXT),)).encode()
    for found in answer["Proofs"]:
        path = [read_hash(text, "proof") for text in found["Hashes"]]
        leaf = leaf_hash(ENTRIES[found["Index"]])
        verify_inclusion(leaf, found["Index"], 600, path, root(READER, 600))


def test_what_go_refuses_is_told(crosscheck: Path) -> None:
    """The check itself would notice: a good proof that claims to be bad is a failure."""
    good = proof(inclusion_proof(READER, 0, 600), index=0, new=600, bad=True)
    answer = ask(
        crosscheck,
        {
            "vkey": str(LOG.verifier),
            "witness": str(WITNESS.verifier),
            "skey": LOG.secret,
            "text": TEXT,
            "entries": [*map(write_base64, ENTRIES)],
            "inclusion": [good],
            "tiles": {tile.path: write_base64(encode_tile(tile, READER)) for tile in tiles_of(600)},
        },
    )
    assert answer["Failures"] == ["inclusion 1: bad=true err=<nil>"]


def test_go_accepts_an_attempt_log_and_its_receipts(crosscheck: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/attempts.db"
    with open_log(url) as log:
        for number in range(300):
            log.open(opened(REFUSE, id=f"{number:03d}"))
    folder = tmp_path / "archive"
    head = write_tiles(locate(url), folder)
    entries = [
        entry
        for tile in bundles_of(head.size)
        for entry in decode_bundle(tile, (folder / tile.path).read_bytes())
    ]
    written = [write_receipt(locate(url), name) for name in ("000", "123", "299")]
    receipts = [Receipt.parse(found.data) for found in written]
    tiles = {tile.path: (folder / tile.path).read_bytes() for tile in tiles_of(head.size)}
    answer = ask(
        crosscheck,
        {
            "vkey": str(load_signing_key(locate(url).signing_key).verifier),
            "witness": str(WITNESS.verifier),
            "skey": LOG.secret,
            "text": TEXT,
            "entries": [*map(write_base64, entries)],
            "notes": [
                signed_note((folder / "checkpoint").read_bytes(), 1),
                *(signed_note(receipt.checkpoint, 1) for receipt in receipts),
            ],
            "inclusion": [
                proof(receipt.proof, index=receipt.index, new=head.size) for receipt in receipts
            ],
            "consistency": [],
            "tiles": {path: write_base64(data) for path, data in tiles.items()},
        },
    )
    assert answer["Failures"] is None
    assert answer["Checked"] == 4 + 3 + 4
    assert [receipt.extra for receipt in receipts] == [entries[found.seq - 1] for found in written]
