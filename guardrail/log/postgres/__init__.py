"""The attempt log in PostgreSQL, for many machines."""
