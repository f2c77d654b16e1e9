"""Google's Gemini API and its twin on Vertex AI, one module a route."""
