"""A Guardrail detector for a company's own figures and for people it must protect."""

from acme_figures.detector import Figures
from acme_figures.register import Entry, read_register

__all__ = ["Entry", "Figures", "read_register"]
