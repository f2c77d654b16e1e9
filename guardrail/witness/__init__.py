"""A small witness: it cosigns the checkpoints of logs it knows, and never one that takes back.

Speaks C2SP tlog-witness over HTTP. One folder holds its key and what it cosigned last.
"""
