"""The shipped policies, each with a test file beside it."""
