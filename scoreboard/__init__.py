"""How well the default policy and detectors do on development data; `python -m scoreboard`."""
