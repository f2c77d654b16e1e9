-- Schema 3: the evidence is in entries.sql, what may be erased in private.sql, the rest here.
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What entries are found by without reading every body: made from them, and (user, conversation)
-- from what they commit to; those two are emptied with it.
CREATE TABLE attempts (
  attempt TEXT PRIMARY KEY,
  opened_seq INTEGER REFERENCES entries (seq),
  closed_seq INTEGER REFERENCES entries (seq),
  at INTEGER NOT NULL,
  operation TEXT NOT NULL,
  jurisdiction TEXT NOT NULL,
  tier TEXT NOT NULL,
  policy TEXT NOT NULL,
  user TEXT NOT NULL,
  conversation TEXT NOT NULL,
  stage TEXT NOT NULL,
  action TEXT NOT NULL,
  rule TEXT NOT NULL,
  reason TEXT NOT NULL,
  outcome TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_at ON attempts (at);
CREATE INDEX attempts_user ON attempts (user, at) WHERE user <> '';

-- Every attempt counts here, flagged or not: the denominator. hour: hours since the epoch, UTC.
CREATE TABLE counts (
  hour INTEGER NOT NULL,
  operation TEXT NOT NULL,
  jurisdiction TEXT NOT NULL,
  tier TEXT NOT NULL,
  policy TEXT NOT NULL,
  opened INTEGER NOT NULL,
  released INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  gated INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  cancelled INTEGER NOT NULL,
  PRIMARY KEY (hour, operation, jurisdiction, tier, policy)
) STRICT, WITHOUT ROWID;
