"""Keys, signed notes and checkpoints: the published vectors, and whatever is not one of them."""

from __future__ import annotations

import pickle
import struct
import sys
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.chain.checkpoint import Checkpoint
from guardrail.chain.cosignature import ed25519_message, ml_dsa_message, read_time
from guardrail.chain.errors import (
    EvidenceError,
    EvidenceUnavailable,
    Malformed,
    SignatureRejected,
    SigningRefused,
)
from guardrail.chain.frontier import tree_root
from guardrail.chain.hashing import EMPTY_ROOT, leaf_hash
from guardrail.chain.keys import Algorithm, Signature, SigningKey, VerifierKey
from guardrail.chain.note import Note, Verified, read_signatures
from guardrail.chain.plain import write_base64
from guardrail.chain.signing import check_successor, sign_checkpoint
from guardrail.chain.tree import MemoryHashes, consistency_proof, root
from guardrail.chain.trust import Trust
from tests.chain.signers import (
    AT,
    LOG,
    ORIGIN,
    SECOND,
    STRANGER,
    TRUST,
    WITNESS,
    WITNESSED,
    flip,
    note_of,
    signed,
    tree_of,
)

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
TEXT = "This is an example message.\n"
VALUE = (
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
)
EXAMPLE = f"{TEXT}\n\u2014 example.com/foo {VALUE}\n".encode()
HEAD = tree_of([b"a", b"b", b"c"])

names = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="+"), min_size=1
)
lines = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


def test_the_published_note_verifies() -> None:
    key = VerifierKey.parse(VKEY)
    note = Note.parse(EXAMPLE)
    assert note.text == TEXT
    assert note.verify([key]) == (Verified(key),)
    assert note.encode() == EXAMPLE
    assert str(key) == VKEY
    assert key.id.hex() == "530d903a"


def test_the_specification_s_poem_parses() -> None:
    text = "Ognuno sta solo\nsul cuor della terra:\n\ned è subito sera.\n"
    line = "\u2014 quasimodo.example/salvatore " + write_base64(bytes(68)) + "\n"
    assert Note.parse(f"{text}\n{line}".encode()).text == text


def test_every_flipped_bit_of_a_note_is_caught() -> None:
    key = VerifierKey.parse(VKEY)
    for at, bit in product(range(len(EXAMPLE)), range(8)):
        with pytest.raises(EvidenceError):
            Note.parse(flip(EXAMPLE, at, bit)).verify([key])


@given(lines, names, st.binary(min_size=32, max_size=32))
def test_what_is_signed_reads_back_and_verifies(line: str, name: str, seed: bytes) -> None:
    key = SigningKey(name, Algorithm.ED25519, seed)
    note = Note(f"{line}\n", (key.sign(f"{line}\n"),))
    assert Note.parse(note.encode()) == note
    assert note.verify([key.verifier]) == (Verified(key.verifier),)
    assert VerifierKey.parse(str(key.verifier)) == key.verifier
    assert SigningKey.parse(key.secret) == key


@pytest.mark.parametrize("key", [LOG, WITNESS, SECOND], ids=lambda key: key.algorithm.name)
def test_a_signing_key_shows_no_secret(key: SigningKey) -> None:
    assert repr(key.seed) not in repr(key)
    assert SigningKey.parse(key.secret) == key
    assert VerifierKey.parse(str(key.verifier)) == key.verifier


@given(st.binary(max_size=300))
def test_noise_is_no_note(noise: bytes) -> None:
    for data in (noise, noise + EXAMPLE[-60:], EXAMPLE[:28] + noise):
        try:
            note = Note.parse(data)
        except Malformed:
            continue
        assert note.encode() == data


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no empty line"),
        (b"text\n", "no empty line"),
        (b"text\n\n", "0 signatures"),
        (b"text\r\n\n\xe2\x80\x94 a AAAAAAA=\n", "line 1: a control character"),
        (b"text\n\xff\n\n\xe2\x80\x94 a AAAAAAA=\n", "line 2: not UTF-8"),
        ("t\n\n\u2014 a AAAAAAA=".encode(), "line 3: the last line"),
        ("t\n\n\u2014 a AAAAAA==\n".encode(), "line 3: a signature shorter"),
        ("t\n\n\u2014 a AAAAAAB=\n".encode(), "line 3: not canonical base64"),
        ("t\n\n\u2014 a AAAA AAA=\n".encode(), "line 3: not base64"),
        ("t\n\n\u2014 a+b AAAAAAA=\n".encode(), "line 3: not a signature"),
        ("t\n\n\u2014 a AAAAAAA=\n- b AAAAAAA=\n".encode(), "line 4: not a signature"),
        (b"t\n\n" + "\u2014 a AAAAAAA=\n".encode() * 101, "101 signatures"),
        (b"t" * 1_000_001, "1000001 bytes"),
    ],
)  # fmt: skip
def test_a_malformed_note_says_where(data: bytes, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Note.parse(data)


def test_a_stranger_s_signature_is_ignored_and_does_not_help() -> None:
    both = note_of(HEAD, STRANGER, LOG)
    assert both.verify([LOG.verifier]) == (Verified(LOG.verifier),)
    with pytest.raises(SignatureRejected, match="no signature of a key that is trusted"):
        note_of(HEAD, STRANGER).verify([LOG.verifier])
    with pytest.raises(SignatureRejected, match="nobody"):
        both.verify([])


def test_a_wrong_signature_of_a_known_key_rejects_the_note() -> None:
    good = note_of(HEAD, LOG)
    wrong = replace(good.signatures[0], data=bytes(64))
    for signatures in ((good.signatures[0], wrong), (wrong, good.signatures[0])):
        with pytest.raises(SignatureRejected, match="is wrong"):
            Note(HEAD.body, signatures).verify([LOG.verifier])


def test_keys_of_one_name_are_told_apart_by_id() -> None:
    with pytest.raises(SignatureRejected, match="not of"):
        LOG.verifier.verify(HEAD.body, STRANGER.sign(HEAD.body))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+hash",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY[:-4],
        VKEY.replace("+Ae", "+Ag"),
        VKEY.replace("example.com", "exam ple"),
        "a+00000000+",
        "a+00000000+\u00e4",
    ],
)
def test_a_damaged_verifier_key_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        VerifierKey.parse(text)
    with pytest.raises(Malformed):
        SigningKey.parse("PRIVATE+KEY+" + text)
    with pytest.raises(Malformed):
        SigningKey.parse(text)


@given(st.text(max_size=60))
def test_noise_is_no_key(noise: str) -> None:
    for text in (noise, VKEY[:25] + noise):
        with pytest.raises(Malformed):
            VerifierKey.parse(text)


def test_values_are_valid_by_construction() -> None:
    with pytest.raises(Malformed):
        VerifierKey("a b", Algorithm.ED25519, bytes(32))
    with pytest.raises(Malformed):
        VerifierKey("a", Algorithm.ED25519, bytes(31))
    with pytest.raises(Malformed):
        SigningKey("a", Algorithm.ED25519, bytes(31))
    with pytest.raises(Malformed):
        Signature("a", bytes(3), bytes(1))
    with pytest.raises(Malformed):
        Note("no newline", (LOG.sign("no newline"),))


# ML-DSA-44 and times


def test_cosignatures_tell_their_time() -> None:
    note = note_of(HEAD, LOG, WITNESS, SECOND)
    verified = note.verify([LOG.verifier, WITNESS.verifier, SECOND.verifier])
    assert [found.at for found in verified] == [None, AT, AT]
    opened = WITNESSED.open(note.encode())
    assert opened.checkpoint == HEAD
    assert opened.seen_at == AT
    assert TRUST.open(note.encode()).seen_at is None


@pytest.mark.parametrize("key", [WITNESS, SECOND])
@given(data=st.data())
def test_a_flipped_bit_of_a_cosignature_is_caught(key: SigningKey, data: st.DataObject) -> None:
    good = key.sign(HEAD.body, AT)
    at, bit = data.draw(st.integers(0, len(good.data) - 1)), data.draw(st.integers(0, 7))
    with pytest.raises(SignatureRejected):
        key.verifier.verify(HEAD.body, replace(good, data=flip(good.data, at, bit)))
    with pytest.raises(SignatureRejected):
        key.verifier.verify(HEAD.body, replace(good, data=good.data[:at] or b"."))
    with pytest.raises(SignatureRejected):
        key.verifier.verify(replace(HEAD, size=4).body, good)


def test_the_specification_s_cosignature() -> None:
    """Its key is not published: what can be held against it is the framing and the message."""
    line = (
        "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9"
        "dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
    )
    (signature,) = read_signatures(line)
    assert signature.line == line
    assert read_time(signature.data) == 1679315147
    assert len(signature.data) == 8 + 64
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert ed25519_message(1679315147, text) == f"cosignature/v1\ntime 1679315147\n{text}".encode()
    checkpoint = Checkpoint.parse(text)
    assert ml_dsa_message("w1", 1679315147, checkpoint) == (
        b"subtree/v1\n\0\x02w1\x00\x00\x00\x00\x64\x18\x50\xcb\x1bexample.com/behind-the-sofa"
        + struct.pack(">QQ", 0, 20852163)
        + checkpoint.root
    )


def test_a_cosigner_of_type_06_signs_its_name() -> None:
    other = replace(SECOND, name="witness.example/w3")
    moved = replace(SECOND.sign(HEAD.body, AT), name=other.name, key_id=other.verifier.id)
    with pytest.raises(SignatureRejected):
        other.verifier.verify(HEAD.body, moved)


def test_only_cosignatures_tell_a_time() -> None:
    with pytest.raises(Malformed):
        LOG.sign(HEAD.body, AT)
    with pytest.raises(Malformed):
        WITNESS.sign(HEAD.body)
    with pytest.raises(Malformed):
        WITNESS.sign("no checkpoint\n", AT)
    with pytest.raises(Malformed, match="out of range"):
        WITNESS.sign(HEAD.body, 1 << 63)
    long = replace(SECOND, name="w" * 256)
    with pytest.raises(Malformed, match="256 bytes"):
        long.sign(HEAD.body, AT)


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    good = SECOND.sign(HEAD.body, AT)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    with pytest.raises(EvidenceUnavailable, match="cryptography>=50"):
        SECOND.verifier.verify(HEAD.body, good)
    with pytest.raises(EvidenceUnavailable, match="cryptography>=50"):
        SigningKey("a", Algorithm.COSIGNATURE_ML_DSA_44, bytes(32))
    assert LOG.verifier.verify(HEAD.body, LOG.sign(HEAD.body)) is None


# Checkpoints


@given(
    st.builds(
        Checkpoint,
        lines.filter(bool),
        st.integers(0, (1 << 63) - 1),
        st.binary(min_size=32, max_size=32),
        st.lists(lines.filter(bool), max_size=3).map(tuple),
    )
)
def test_a_checkpoint_reads_back(checkpoint: Checkpoint) -> None:
    assert Checkpoint.parse(checkpoint.body) == checkpoint


def test_the_format_of_a_checkpoint() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.body == text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "needs an origin"),
        ("a\n1\n", "needs an origin"),
        ("a\n01\n" + write_base64(bytes(32)) + "\n", "line 2"),
        ("a\n+1\n" + write_base64(bytes(32)) + "\n", "line 2"),
        ("a\n9223372036854775808\n" + write_base64(bytes(32)) + "\n", "line 2"),
        ("a\n\u0661\n" + write_base64(bytes(32)) + "\n", "line 2"),
        ("a\n1\n" + write_base64(bytes(31)) + "\n", "line 3: a hash of 31 bytes"),
        ("\n1\n" + write_base64(bytes(32)) + "\n", "line 1: an empty line"),
        ("a\n1\n" + write_base64(bytes(32)) + "\n\n", "line 4: an empty line"),
        ("a\n1\n" + write_base64(bytes(32)), "line 3: the last line"),
    ],
)
def test_a_malformed_checkpoint_says_where(text: str, problem: str) -> None:
    with pytest.raises(Malformed, match=problem):
        Checkpoint.parse(text)


def test_a_checkpoint_is_valid_by_construction() -> None:
    for changed in ({"origin": "a\nb"}, {"size": -1}, {"root": b""}, {"extensions": ("",)}):
        with pytest.raises(Malformed):
            replace(HEAD, **changed)


# Trust


@given(st.data())
def test_a_flipped_bit_of_a_signed_checkpoint_is_caught(data: st.DataObject) -> None:
    good = signed(HEAD)
    at, bit = data.draw(st.integers(0, len(good) - 1)), data.draw(st.integers(0, 7))
    with pytest.raises(EvidenceError):
        TRUST.open(flip(good, at, bit))


def test_another_origin_is_not_this_log() -> None:
    with pytest.raises(SignatureRejected, match="a checkpoint of 'log"):
        TRUST.open(signed(replace(HEAD, origin="log.example/other")))


def test_a_quorum_counts_witnesses_not_signatures() -> None:
    with pytest.raises(SignatureRejected, match="1 of the 2 witnesses"):
        WITNESSED.open(signed(HEAD, LOG, WITNESS, WITNESS))
    with pytest.raises(SignatureRejected, match="0 of the 2 witnesses"):
        WITNESSED.open(signed(HEAD, LOG))
    with pytest.raises(SignatureRejected, match="no signature of a key that is trusted"):
        WITNESSED.open(signed(HEAD, WITNESS, SECOND))


def test_extension_lines_must_be_signed_by_the_log() -> None:
    post_quantum = SigningKey(ORIGIN, Algorithm.COSIGNATURE_ML_DSA_44, bytes(32))
    trust = Trust(ORIGIN, (LOG.verifier, post_quantum.verifier))
    extended = replace(HEAD, extensions=("more",))
    assert trust.open(signed(extended, LOG)).checkpoint == extended
    assert trust.open(signed(HEAD, post_quantum)).checkpoint == HEAD
    with pytest.raises(SignatureRejected, match="does not cover"):
        trust.open(signed(extended, post_quantum))


def test_trust_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(Malformed):
        Trust(ORIGIN, ())
    with pytest.raises(Malformed):
        Trust(ORIGIN, (LOG.verifier,), (WITNESS.verifier,), 2)
    with pytest.raises(Malformed):
        Trust(ORIGIN, (LOG.verifier,), (STRANGER.verifier,), 1)
    with pytest.raises(Malformed):
        Trust(ORIGIN, (WITNESS.verifier,), (WITNESS.verifier,), 1)


# The rule a log signs by

LEAVES = [leaf_hash(bytes([number])) for number in range(20)]
READER = MemoryHashes(LEAVES)


def head(size: int) -> Checkpoint:
    return Checkpoint(ORIGIN, size, root(READER, size))


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_log_signs_only_what_follows(first: int, second: int) -> None:
    old, new = sorted((first, second))
    note = sign_checkpoint(
        head(new), [LOG], last=head(old), proof=consistency_proof(READER, old, new), at=AT
    )
    assert TRUST.open(note.encode()).checkpoint == head(new)
    if old < new:
        with pytest.raises(SigningRefused, match="rolled back"):
            check_successor(head(new), head(old), consistency_proof(READER, old, new))


def test_the_first_checkpoint_follows_nothing() -> None:
    keys = [LOG, replace(SECOND, name=ORIGIN)]
    note = sign_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT), keys, last=None, proof=(), at=AT)
    assert len(note.signatures) == 2


def test_a_log_does_not_sign_a_changed_past_or_another_s_name() -> None:
    changed = Checkpoint(ORIGIN, 20, tree_root([leaf_hash(b"other"), *LEAVES[1:]]))
    with pytest.raises(SigningRefused, match="changed after size 8"):
        check_successor(head(8), changed, consistency_proof(READER, 8, 20))
    with pytest.raises(SigningRefused, match="cannot sign as"):
        check_successor(head(8), replace(head(9), origin="b"), consistency_proof(READER, 8, 9))


def test_errors_can_be_pickled() -> None:
    error = Malformed("note", "bad", 3)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert str(again) == str(error) == "note, line 3: bad"
    assert again.line == 3
