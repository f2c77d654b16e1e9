"""Conditions as bits, so that judging a rule is integer arithmetic."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import product

from guardrail.policy.rule import When
from guardrail.records import FACT_NAMES, FactName, Facts, Kind, Person, Role, Severity

Atom = tuple[FactName, str]
"""One condition on one fact: `("sexual", "nudity")`, `("persons", "real")`, `("labels", "a.*")`."""

_PersonKey = tuple[Kind, Role, bool, bool]
_FINDING_LABELS: dict[FactName, str] = {
    "sexual": "sexual",
    "minor": "minor",
    "persons": "person",
    "edit": "edit",
    "obfuscated": "obfuscated",
}
_REPORTED_WITH: dict[str, FactName] = {"sexual.picture": "sexual"}
"""Labels of this package's own, and the fact whose detectors report them."""


def atoms_of(when: When) -> tuple[Atom, ...]:
    """The conditions on facts that must all hold; alternatives stand in one atom."""
    atoms: list[Atom] = []
    if when.sexual:
        atoms.append(("sexual", when.sexual.label))
    if when.minor:
        atoms.append(("minor", ""))
    if when.person:
        atoms.append(("persons", " ".join(sorted(when.person))))
    if when.protected:
        atoms.append(("persons", "protected"))
    if when.edit_of_photo:
        atoms.append(("edit", "photo"))
    if when.undress:
        atoms.append(("edit", "undress"))
    if when.obfuscated:
        atoms.append(("obfuscated", ""))
    if when.label:
        atoms.append(("labels", " ".join(sorted(when.label))))
    return tuple(atoms)


def facts_read(atom: Atom) -> frozenset[FactName]:
    """The facts an atom depends on: a register may know a depicted person as a minor."""
    fact, value = atom
    if fact == "labels":
        return frozenset(_REPORTED_WITH.get(label, fact) for label in value.split())
    return frozenset({"minor", "persons"}) if fact == "minor" else frozenset({fact})


def selects(selector: str, kind: Kind, role: Role) -> bool:
    """Whether a `person` selector means a person of this kind in this role."""
    if selector == "any":
        return True
    if role is not Role.DEPICTED:
        return False
    return kind is not Kind.FICTIONAL if selector == "real" else kind == selector


class FindingLabels:
    """The finding labels that bear on a rule; supports `in`."""

    __slots__ = ("_exact", "_patterns")

    def __init__(self, atoms: Iterable[Atom]) -> None:
        atoms = tuple(atoms)
        read = frozenset[FactName]().union(*map(facts_read, atoms))
        self._exact = frozenset(_FINDING_LABELS[fact] for fact in read if fact != "labels")
        self._patterns = tuple(
            p for fact, value in atoms if fact == "labels" for p in value.split()
        )

    def __contains__(self, label: str) -> bool:
        return label in self._exact or any(fnmatchcase(label, p) for p in self._patterns)


class Conditions:
    """The atoms of a set of rules, each with a bit."""

    __slots__ = (
        "_bits",
        "_edit",
        "_facts",
        "_labels",
        "_memo",
        "_minor",
        "_obfuscated",
        "_persons",
        "_sexual",
    )

    def __init__(self, atoms: Iterable[Atom]) -> None:
        bits = {atom: 1 << index for index, atom in enumerate(sorted(set(atoms)))}
        self._bits = bits
        self._facts = tuple((bit, facts_read(atom)) for atom, bit in bits.items())
        self._memo: dict[frozenset[FactName], int] = {}
        self._minor = bits.get(("minor", ""), 0)
        self._obfuscated = bits.get(("obfuscated", ""), 0)
        self._edit = bits.get(("edit", "photo"), 0), bits.get(("edit", "undress"), 0)
        self._sexual = tuple(
            sum(bits.get(("sexual", Severity(level).label), 0) for level in range(severity + 1))
            for severity in Severity
        )
        self._labels = tuple(
            (tuple(value.split()), bit) for (fact, value), bit in bits.items() if fact == "labels"
        )
        self._persons = self._person_table(bits)

    def mask(self, atoms: Iterable[Atom]) -> int:
        """The bits of some atoms."""
        return sum(self._bits[atom] for atom in set(atoms))

    def _person_table(self, bits: dict[Atom, int]) -> dict[_PersonKey, int]:
        table: dict[_PersonKey, int] = {}
        for kind, role, minor, protected in product(Kind, Role, (False, True), (False, True)):
            mask = 0
            for (fact, value), bit in bits.items():
                if fact != "persons":
                    continue
                if value == "protected":
                    mask |= bit if protected and role is Role.DEPICTED else 0
                elif any(selects(selector, kind, role) for selector in value.split()):
                    mask |= bit
            if minor and role is Role.DEPICTED:
                mask |= self._minor
            table[kind, role, minor, protected] = mask
        return table

    def holding(self, facts: Facts) -> int:
        """The atoms that hold by what is known so far."""
        mask = self._sexual[facts.sexual.severity]
        if facts.minor.present:
            mask |= self._minor
        for person in facts.persons:
            mask |= self._persons[_key(person)]
        if facts.edit_of_photo:
            mask |= self._edit[0]
        if facts.undress:
            mask |= self._edit[1]
        if facts.obfuscated:
            mask |= self._obfuscated
        for patterns, bit in self._labels if facts.labels else ():
            if any(fnmatchcase(label, p) for label in facts.labels for p in patterns):
                mask |= bit
        return mask

    def reading(self, facts: frozenset[FactName]) -> int:
        """The atoms that depend on any of these facts."""
        mask = self._memo.get(facts)
        if mask is None:
            mask = sum(bit for bit, read in self._facts if read & facts)
            self._memo[facts] = mask
        return mask

    def facts_of(self, mask: int, complete: frozenset[FactName]) -> tuple[FactName, ...]:
        """The facts, complete ones left out, that these atoms depend on."""
        wanted = frozenset[FactName]().union(*(read for bit, read in self._facts if bit & mask))
        return tuple(fact for fact in FACT_NAMES if fact in wanted and fact not in complete)


def _key(person: Person) -> _PersonKey:
    return person.kind, person.role, person.minor, person.protected
