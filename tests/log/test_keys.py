from __future__ import annotations

import base64
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrail.errors import ConfigurationError
from guardrail.log.keyring import HEADER, HEADER_2, add_epoch, create_key, load_keys, retire
from guardrail.log.keys import Keys
from guardrail.log.location import Location
from guardrail.log.opening import open_for_writing

KEYS = Keys.derive(bytes(range(32)))


def test_a_new_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    create_key(key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["a.key"]


def test_a_key_that_is_there_stays(tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    create_key(key)
    before = key.read_bytes()
    create_key(key)
    assert key.read_bytes() == before


def test_all_who_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    def first_use(_: int) -> str:
        found = open_for_writing(Location(tmp_path / "a.db"))
        found.store.close()
        return found.vault.keys.id + found.signer.key.secret

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(first_use, range(16)))) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_an_exposed_key_is_refused(tmp_path: Path, mode: int) -> None:
    key = tmp_path / "a.key"
    create_key(key)
    key.chmod(mode)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_keys(key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        f"{HEADER}\n",
        f"{HEADER}\nAAAA\n",
        f"{HEADER}\n!!\n",
        "é\nAAAA",
        f"{HEADER_2}\n",
        f"{HEADER_2}\nepoch 00 {'A' * 43}=\n",
    ],
)
def test_a_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    key = tmp_path / "a.key"
    key.touch(0o600)
    key.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match="damaged"):
        load_keys(key)


def test_a_folder_is_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="key file"):
        load_keys(tmp_path)


@given(st.text(min_size=1), st.text(min_size=1))
def test_pseudonyms_tell_ids_apart_and_fields_too(one: str, other: str) -> None:
    assert (KEYS.user(one) == KEYS.user(other)) == (one == other)
    assert KEYS.user(one) != KEYS.conversation(one)
    assert KEYS.user(one) != Keys.derive(bytes(32)).user(one)


def test_no_id_has_no_pseudonym() -> None:
    assert KEYS.user("") == KEYS.conversation("") == ""


@given(st.lists(st.text(), max_size=3), st.lists(st.text(), max_size=3))
def test_prompt_hashes_tell_parts_apart(one: list[str], other: list[str]) -> None:
    assert (KEYS.prompt(one) == KEYS.prompt(other)) == (one == other)


def test_half_a_character_can_be_hashed() -> None:
    assert KEYS.prompt(["\ud800"]) != KEYS.prompt(["?"])


def test_a_ring_of_epochs_is_read_back(tmp_path: Path) -> None:
    key = tmp_path / "a.key"
    create_key(key)
    first = load_keys(key)
    grown = add_epoch(key, first)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    ring = load_keys(key)
    assert [keys.id for keys in ring.epochs] == [keys.id for keys in grown.epochs]
    assert ring.current is ring.epochs[1]
    assert ring.users("u1") == [ring.epochs[1].user("u1"), first.current.user("u1")]
    assert retire(key, ring) == [first.current.id]
    after = load_keys(key)
    assert after.users("u1") == ring.users("u1")
    assert after.conversations("c1") == ring.conversations("c1")
    assert (after.epochs[0].secret, after.epochs[0].wrapping) == (b"", b"")
    assert first.current.secret not in base64.b64decode(key.read_text().split()[7])
    assert after.at(first.current.id) is None
    assert retire(key, after) == []
    assert [file.name for file in tmp_path.iterdir()] == ["a.key"]


def test_a_key_behind_a_link_is_rotated_where_it_is(tmp_path: Path) -> None:
    real, link = tmp_path / "real.key", tmp_path / "a.key"
    create_key(real)
    link.symlink_to(real)
    add_epoch(link, load_keys(link))
    assert link.is_symlink()
    assert real.read_text().startswith(HEADER_2)


def test_keys_do_not_show_themselves() -> None:
    assert "bytes" not in repr(KEYS)
    assert repr(KEYS._user) not in repr(KEYS)
