"""Anthropic's API, one module a route."""
