"""OpenAI's API, one module a route."""
