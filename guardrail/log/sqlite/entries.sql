-- The evidence: append-only, seq dense from 1, body canonical JSON (RFC 8785) without text, ids or
-- pseudonyms (of schema 1 and 2: with pseudonyms). leaf: RFC 6962 leaf hash of `guardrail-entry/1`, a newline and body.
CREATE TABLE entries (
  seq INTEGER PRIMARY KEY,
  attempt TEXT NOT NULL,
  event TEXT NOT NULL CHECK (length(event) > 0),
  at INTEGER NOT NULL,
  leaf BLOB NOT NULL CHECK (length(leaf) = 32),
  body TEXT NOT NULL
) STRICT;

CREATE TRIGGER entries_keep_rows BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TRIGGER entries_keep_values BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are append-only'); END;

CREATE TRIGGER entries_keep_order BEFORE INSERT ON entries
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM entries)
BEGIN SELECT RAISE(ABORT, 'entries are append-only, without gaps'); END;

-- Hash `place` (from 0) of tile level `level` (from 1): the root over 256**level leaves.
CREATE TABLE nodes (
  level INTEGER NOT NULL,
  place INTEGER NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32),
  PRIMARY KEY (level, place)
) STRICT, WITHOUT ROWID;

-- The tree's right edge: its size (8 bytes, big-endian) and the roots of its complete subtrees.
CREATE TABLE frontier (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  state BLOB NOT NULL
) STRICT;
INSERT INTO frontier VALUES (1, x'0000000000000000');

-- Signed notes (C2SP tlog-checkpoint), the last of each minute. at: ns since the epoch, UTC.
CREATE TABLE checkpoints (
  size INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  note BLOB NOT NULL
) STRICT;
