"""Guardrail stands between an application and a generative model."""

__version__ = "0.1.0"
