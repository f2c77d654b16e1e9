"""The attempt log in one SQLite file, for threads and processes of one machine."""
