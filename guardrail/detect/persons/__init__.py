"""Finds the people a request speaks of: names, relations, accounts and descriptions."""

from guardrail.detect.persons.detector import PersonNames

__all__ = ["PersonNames"]
