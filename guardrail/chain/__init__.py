"""Evidence that the attempt log was not rewritten: Merkle tree, signed checkpoints, receipts.

Pure: nothing here reads a file, a clock or a socket. Formats are those of RFC 6962, RFC 8785,
RFC 3161 and the C2SP specifications (signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles,
tlog-witness, tlog-proof); docs/evidence.md says what they prove. What only hashes needs no
`cryptography`; signatures import it when they are made or checked.
"""
