"""Public keys on the command line: as they are printed, or files that hold them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from guardrail.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from guardrail.chain.keys import VerifierKey

_MAX_BYTES = 100_000


def read_keys(given: Iterable[str], option: str) -> tuple[VerifierKey, ...]:
    """The keys that `given` names: each is a key, or a file with one on each line.

    option: such as `--witness`, for messages. Raises ConfigurationError.
    """
    found = [key for text in given for key in _keys(text, option)]
    return tuple(dict.fromkeys(found))


def _keys(text: str, option: str) -> list[VerifierKey]:
    from guardrail.chain.errors import EvidenceError
    from guardrail.chain.keys import VerifierKey

    lines = _lines(text, option)
    try:
        return [VerifierKey.parse(line) for line in lines]
    except EvidenceError as error:
        raise ConfigurationError(f"{option} {text[:60]}: not a public key ({error})") from None


def _lines(text: str, option: str) -> list[str]:
    if "+" in text and not _is_file(text):
        return [text.strip()]
    try:
        with Path(text).open(encoding="utf-8") as file:
            data = file.read(_MAX_BYTES)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{option} is neither a key nor a file ({error})") from None
    lines = [line.strip() for line in data.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ConfigurationError(f"{option} {text}: no key in this file")
    return found


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # a key can be longer than a file's name
