"""Rows of the suites in disguise: the same request, written so that filters may not read it."""
