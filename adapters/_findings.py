"""What another framework's finding means in Guardrail's vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

from guardrail.errors import ConfigurationError
from guardrail.records import FACT_NAMES, FactName, Finding, Kind, Role, Span

_NEEDED = {"sexual": "a severity, as in sexual:nudity", "edit": "what is done, as in edit:undress"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """A label and value of Guardrail's, such as `person:private`, or a label of one's own."""

    label: str
    value: str = ""

    @classmethod
    def read(cls, text: str) -> Meaning:
        """Read `label` or `label:value`; a person without a kind is a private one.

        Raises ConfigurationError for a value the label does not have.
        """
        label, _, value = text.partition(":")
        meaning = cls(label, value or (Kind.PRIVATE if label == "person" else ""))
        if not label or (label in _NEEDED and not value):
            raise ConfigurationError(f"{text!r} needs {_NEEDED.get(label, 'a label')}")
        try:
            meaning.finding("check", "", None, 1.0, visual=False)
        except ValueError as error:
            raise ConfigurationError(f"{text!r}: {error}") from None
        return meaning

    @property
    def fact(self) -> FactName:
        """The fact that findings of this label bear on."""
        names: dict[str, FactName] = {name: name for name in FACT_NAMES if name != "persons"}
        return names.get(self.label, "persons" if self.label == "person" else "labels")

    def finding(
        self, detector: str, version: str, span: Span | None, score: float, *, visual: bool
    ) -> Finding:
        """A finding of this meaning; what a picture is asked of is depicted, else mentioned."""
        person = self.label == "person"
        return Finding(
            detector=detector,
            version=version,
            label=self.label,
            value=self.value,
            span=span,
            score=score,
            role=(Role.DEPICTED if visual else Role.MENTIONED) if person else None,
            name=person,
        )


def span_in(part: int, start: object, end: object, text: str) -> Span:
    """A span as another framework gives it, kept inside its text; the whole text if it is none."""
    if isinstance(start, int) and isinstance(end, int):
        first, last = max(start, 0), min(end, len(text))
        if first < last:
            return Span(part, first, last)
    return Span(part, 0, len(text))
