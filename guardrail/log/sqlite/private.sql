-- A key for each subject and day (since the epoch, UTC), wrapped. subject: a caller's pseudonym, or
-- an attempt where no caller is known. wrapper: names the key it is wrapped under.
CREATE TABLE data_keys (
  id TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  day INTEGER NOT NULL,
  wrapper TEXT NOT NULL,
  wrapped BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX data_keys_subject ON data_keys (subject);

-- What may have to be erased: never part of an entry's body, which commits to it. sealed: salts and
-- values, AES-256-GCM. erased: number of the entry that erased it (the rest is empty then), or 0.
CREATE TABLE private (
  seq INTEGER PRIMARY KEY REFERENCES entries (seq),
  data_key TEXT NOT NULL,
  nonce BLOB NOT NULL,
  sealed BLOB NOT NULL,
  erased INTEGER NOT NULL
) STRICT;

-- Entries of no attempt, so that holds, policies and erasures are found without reading them all.
CREATE INDEX entries_events ON entries (event, seq) WHERE event NOT IN ('opened', 'closed');
