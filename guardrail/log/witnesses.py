"""Which witnesses cosign a log: a small YAML file, checked with the place of every problem."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from guardrail.chain.errors import EvidenceError
from guardrail.chain.keys import Algorithm, VerifierKey
from guardrail.errors import ConfigurationError
from guardrail.log.beside import beside, read_file
from guardrail.policy.reading import read_model
from guardrail.policy.schema_base import Model, Text, expected

if TYPE_CHECKING:
    from guardrail.log.location import Location

VARIABLE = "GUARDRAIL_LOG_WITNESSES"
SUFFIX = ".witnesses.yaml"
SECONDS = 10.0
_MAX_BYTES = 1_000_000
_MAX_WITNESSES = 64


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who cosigns. url: its submission prefix; `/add-checkpoint` is added."""

    url: str
    key: VerifierKey


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Those that are asked. quorum: how many must cosign; timeout: seconds for each request."""

    witnesses: tuple[Witness, ...]
    quorum: int
    timeout: float = SECONDS

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """Their public keys."""
        return tuple(found.key for found in self.witnesses)


def submission_url(url: str) -> str:
    """Check an address that bytes are sent to: http or https, without a password."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        good = False
        parts = urlsplit("")
    if not good or parts.query or parts.fragment or parts.username or parts.password:
        raise expected("an address such as https://witness.example/w1")
    return url


def _witness_key(text: str) -> str:
    try:
        key = VerifierKey.parse(text)
    except EvidenceError as error:
        raise expected(f"a witness's public key, name+hash+base64 ({error})") from None
    if key.algorithm is Algorithm.ED25519:
        raise expected("the key of a witness; this is that of a log")
    return text


class _WitnessModel(Model):
    """One witness."""

    url: Annotated[Text, AfterValidator(submission_url)]
    """Its submission prefix."""
    key: Annotated[str, Field(min_length=1, max_length=5000), AfterValidator(_witness_key)]
    """What `guardrail witness key` prints."""


class _WitnessesModel(Model):
    """The file."""

    witnesses: Annotated[tuple[_WitnessModel, ...], Field(min_length=1, strict=False)]
    """Everybody who is asked."""
    quorum: Annotated[int, Field(ge=1)] | None = None
    """How many must cosign. Default: all."""
    timeout: Annotated[float, Field(gt=0, le=600)] = SECONDS
    """Seconds for each request."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        keys = [VerifierKey.parse(found.key) for found in self.witnesses]
        if len(keys) > _MAX_WITNESSES:
            raise expected(f"at most {_MAX_WITNESSES} witnesses")
        if len({key.name for key in keys}) < len(keys) or len({k.public for k in keys}) < len(keys):
            raise expected("each witness once: a name or a key stands there twice")
        if self.quorum is not None and self.quorum > len(keys):
            raise expected(f"a quorum of at most {len(keys)}, the number of witnesses")
        return self

    def value(self) -> Witnesses:
        found = tuple(
            Witness(item.url.rstrip("/"), VerifierKey.parse(item.key)) for item in self.witnesses
        )
        return Witnesses(found, self.quorum or len(found), float(self.timeout))


def witnesses_file(location: Location, given: Path | None = None) -> Path:
    """The file that counts: `given`, `$GUARDRAIL_LOG_WITNESSES`, or the one beside the log."""
    named = os.environ.get(VARIABLE)
    return given or (Path(named) if named else beside(location, SUFFIX))


def read_witnesses(path: Path) -> Witnesses:
    """Read a file of witnesses; raises ConfigurationError with every problem and its place."""
    if not path.exists():
        raise ConfigurationError(
            f"no witnesses are set up: {path} is not there; write it, or name another with "
            f"--witnesses or ${VARIABLE}"
        )
    model, source = read_model(_WitnessesModel, read_file(path, _MAX_BYTES), str(path))
    if model is None or source.problems:
        raise ConfigurationError("\n".join(map(str, source.problems)))
    return model.value()
