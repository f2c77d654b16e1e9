"""A guardrails-ai validator as one of our detectors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

from guardrail.adapters._findings import Meaning, span_in
from guardrail.adapters._guardrails_support import (
    FailResult,
    PassResult,
    Validator,
    get_validator_class,
)
from guardrail.errors import ConfigurationError
from guardrail.records import FactName, Finding

if TYPE_CHECKING:
    from guardrail.detect import Document


class GuardrailsValidatorDetector:
    """Reports what a validator fails, whatever its `on_fail` would do about it.

    validator: one made, or the id of a registered one that needs no arguments.
    label: what its failure means: `person`, `minor`, `sexual:nudity`, or a label of one's own such
        as `acme.toxic`.
    provides: the facts it bears on; default: that of the label.
    name: default: `guardrails.` and the validator's id. metadata: given to it with every text.
    Raises ConfigurationError for a validator, or a meaning, that nobody knows.
    """

    cost = 5_000.0
    inline = False

    def __init__(
        self,
        validator: Validator | str,
        *,
        label: str,
        provides: frozenset[FactName] | None = None,
        name: str = "",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self._validator = _named(validator) if isinstance(validator, str) else validator
        self._meaning = Meaning.read(label)
        self._metadata = dict(metadata or {})
        self.provides = frozenset({self._meaning.fact}) if provides is None else provides
        if self._meaning.fact not in self.provides:
            raise ConfigurationError(f"a detector of {label!r} provides {self._meaning.fact}")
        alias = self._validator.rail_alias.replace("/", ".")
        self.name = name or f"guardrails.{alias}"
        self.version = f"{type(self._validator).__name__}+{installed('guardrails-ai')}"

    def detect(self, document: Document) -> Iterator[Finding]:
        """Ask about each new text. Raises what the validator raises, and TypeError for no answer.

        Spans count in the text; a failure that names none is one of the whole text.
        """
        visual = document.operation.visual
        for index, part, _ in document.new_parts():
            if not part.text:
                continue
            result = self._validator.validate(part.text, dict(self._metadata))
            for start, end in _places(result):
                span = span_in(index, start, end, part.text)
                yield self._meaning.finding(self.name, self.version, span, 1.0, visual=visual)


def _places(result: object) -> list[tuple[object, object]]:
    if isinstance(result, FailResult):
        return [(span.start, span.end) for span in result.error_spans or ()] or [(None, None)]
    if isinstance(result, PassResult):
        return []
    raise TypeError(f"a validator gave a {type(result).__name__}")


def _named(identifier: str) -> Validator:
    validator: Validator = validator_class(identifier)()
    return validator


def validator_class(identifier: str) -> Any:
    """The class of a validator's id; ConfigurationError where none is registered.

    guardrails-ai itself leaves an unknown validator out, and whatever it would have stopped passes.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_validator_class(identifier)
    if found is None:
        raise ConfigurationError(
            f"no validator {identifier!r} is registered: import the package that has it"
        )
    return found
