"""What may break while the attempt log is written, and what must hold then.

`python -m tests.faults --rounds 20` runs longer rounds of each and prints their figures.
"""
