-- Schema 3, all of it in the database's schema `guardrail`. Text compares byte by byte, as SQLite's.
-- Its owner made it; what a writer and an auditor may do is granted by them (docs/log.md).
CREATE SCHEMA IF NOT EXISTS guardrail;

CREATE TABLE guardrail.meta (
  key text COLLATE "C" PRIMARY KEY,
  value text COLLATE "C" NOT NULL
);

-- The evidence: append-only, seq dense from 1, body canonical JSON (RFC 8785) without text or
-- user ids. leaf: RFC 6962 leaf hash of `guardrail-entry/1`, a newline and body. One partition a
-- month of `at`; no key spans them, so that seq is kept unique and dense by the triggers below.
CREATE TABLE guardrail.entries (
  seq bigint NOT NULL,
  attempt text COLLATE "C" NOT NULL,
  event text COLLATE "C" NOT NULL CHECK (length(event) > 0),
  at bigint NOT NULL,
  leaf bytea NOT NULL CHECK (octet_length(leaf) = 32),
  body text COLLATE "C" NOT NULL,
  PRIMARY KEY (seq, at)
) PARTITION BY RANGE (at);

-- Hash `place` (from 0) of tile level `level` (from 1): the root over 256**level leaves.
CREATE TABLE guardrail.nodes (
  level bigint NOT NULL,
  place bigint NOT NULL,
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (level, place)
);

-- The tree's right edge: its size (8 bytes, big-endian) and the roots of its complete subtrees.
CREATE TABLE guardrail.frontier (
  one bigint PRIMARY KEY CHECK (one = 1),
  state bytea NOT NULL CHECK (octet_length(state) >= 8)
);
INSERT INTO guardrail.frontier VALUES (1, '\x0000000000000000');

-- Signed notes (C2SP tlog-checkpoint), the last of each minute. at: ns since the epoch, UTC.
CREATE TABLE guardrail.checkpoints (
  size bigint PRIMARY KEY,
  at bigint NOT NULL,
  note bytea NOT NULL
);

-- Entries of no attempt, so that holds, policies and erasures are found without reading them all.
CREATE INDEX entries_events ON guardrail.entries (event, seq)
WHERE event NOT IN ('opened', 'closed');

-- A key for each subject and day (since the epoch, UTC), wrapped. subject: a caller's pseudonym, or
-- an attempt where no caller is known. wrapper: names the key it is wrapped under.
CREATE TABLE guardrail.data_keys (
  id text COLLATE "C" PRIMARY KEY,
  subject text COLLATE "C" NOT NULL,
  day bigint NOT NULL,
  wrapper text COLLATE "C" NOT NULL,
  wrapped bytea NOT NULL
);

CREATE INDEX data_keys_subject ON guardrail.data_keys (subject);

-- What may have to be erased: never part of an entry's body, which commits to it. sealed: salts and
-- values, AES-256-GCM. erased: number of the entry that erased it (the rest is empty then), or 0.
CREATE TABLE guardrail.private (
  seq bigint PRIMARY KEY,
  data_key text COLLATE "C" NOT NULL,
  nonce bytea NOT NULL,
  sealed bytea NOT NULL,
  erased bigint NOT NULL
);

-- What entries are found by without reading every body: made from them, and (user, conversation)
-- from what they commit to; those two are emptied with it.
CREATE TABLE guardrail.attempts (
  attempt text COLLATE "C" PRIMARY KEY,
  opened_seq bigint,
  closed_seq bigint,
  at bigint NOT NULL,
  operation text COLLATE "C" NOT NULL,
  jurisdiction text COLLATE "C" NOT NULL,
  tier text COLLATE "C" NOT NULL,
  policy text COLLATE "C" NOT NULL,
  "user" text COLLATE "C" NOT NULL,
  conversation text COLLATE "C" NOT NULL,
  stage text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  rule text COLLATE "C" NOT NULL,
  reason text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL
);

CREATE INDEX attempts_at ON guardrail.attempts (at);
CREATE INDEX attempts_user ON guardrail.attempts ("user", at) WHERE "user" <> '';

-- ANALYZE copies values of columns into the server's catalogue, where erasing does not reach.
ALTER TABLE guardrail.data_keys ALTER id SET STATISTICS 0, ALTER subject SET STATISTICS 0,
  ALTER wrapped SET STATISTICS 0;
ALTER TABLE guardrail.private ALTER data_key SET STATISTICS 0, ALTER nonce SET STATISTICS 0,
  ALTER sealed SET STATISTICS 0;
ALTER TABLE guardrail.attempts ALTER "user" SET STATISTICS 0,
  ALTER conversation SET STATISTICS 0;

-- Every attempt counts here, flagged or not: the denominator. hour: hours since the epoch, UTC.
CREATE TABLE guardrail.counts (
  hour bigint NOT NULL,
  operation text COLLATE "C" NOT NULL,
  jurisdiction text COLLATE "C" NOT NULL,
  tier text COLLATE "C" NOT NULL,
  policy text COLLATE "C" NOT NULL,
  opened bigint NOT NULL,
  released bigint NOT NULL,
  refused bigint NOT NULL,
  gated bigint NOT NULL,
  failed bigint NOT NULL,
  cancelled bigint NOT NULL,
  PRIMARY KEY (hour, operation, jurisdiction, tier, policy)
);

-- The last transaction of each writing process, written in that transaction: whether a COMMIT whose
-- answer was lost has happened. at: ns since the epoch, UTC.
CREATE TABLE guardrail.writers (
  id text COLLATE "C" PRIMARY KEY,
  number bigint NOT NULL,
  at bigint NOT NULL
) WITH (fillfactor = 50);

CREATE FUNCTION guardrail.tree_size(state bytea) RETURNS bigint
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT ('x' || encode(substring(state FROM 1 FOR 8), 'hex'))::bit(64)::bigint $$;

CREATE FUNCTION guardrail.keep_rows() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% are append-only', TG_ARGV[0];
END $$;

-- What one statement adds begins where the tree ends, without gaps; of two that add at once without
-- the sequencer, the second waits here for the first, and is refused.
CREATE FUNCTION guardrail.keep_order() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  first bigint; last bigint; rows bigint; numbers bigint; size bigint;
BEGIN
  SELECT min(seq), max(seq), count(*), count(DISTINCT seq)
  INTO first, last, rows, numbers FROM added;
  SELECT guardrail.tree_size(state) INTO size FROM guardrail.frontier FOR UPDATE;
  IF rows > 0 AND (first <> size + 1 OR last <> size + rows OR numbers <> rows) THEN
    RAISE EXCEPTION 'entries are append-only, without gaps';
  END IF;
  RETURN NULL;
END $$;

-- The tree grows by exactly the entries that are new.
CREATE FUNCTION guardrail.keep_tree() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
  before bigint := guardrail.tree_size(OLD.state);
  after bigint := guardrail.tree_size(NEW.state);
  rows bigint; last bigint;
BEGIN
  SELECT count(*), coalesce(max(seq), before) INTO rows, last
  FROM guardrail.entries WHERE seq > before;
  IF after < before OR last <> after OR rows <> after - before THEN
    RAISE EXCEPTION 'the tree of % entries cannot become one of %: entries are numbered to %',
      before, after, last;
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER entries_keep_values BEFORE UPDATE OR DELETE ON guardrail.entries
FOR EACH ROW EXECUTE FUNCTION guardrail.keep_rows('entries');
CREATE TRIGGER entries_keep_rows BEFORE TRUNCATE ON guardrail.entries
FOR EACH STATEMENT EXECUTE FUNCTION guardrail.keep_rows('entries');
CREATE TRIGGER entries_keep_order AFTER INSERT ON guardrail.entries
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION guardrail.keep_order();
CREATE TRIGGER nodes_keep_values BEFORE UPDATE OR DELETE ON guardrail.nodes
FOR EACH ROW EXECUTE FUNCTION guardrail.keep_rows('nodes');
CREATE TRIGGER nodes_keep_rows BEFORE TRUNCATE ON guardrail.nodes
FOR EACH STATEMENT EXECUTE FUNCTION guardrail.keep_rows('nodes');
CREATE TRIGGER frontier_keep_tree BEFORE UPDATE ON guardrail.frontier
FOR EACH ROW EXECUTE FUNCTION guardrail.keep_tree();
CREATE TRIGGER frontier_keep_row BEFORE DELETE ON guardrail.frontier
FOR EACH ROW EXECUTE FUNCTION guardrail.keep_rows('trees');
CREATE TRIGGER frontier_keep_rows BEFORE TRUNCATE ON guardrail.frontier
FOR EACH STATEMENT EXECUTE FUNCTION guardrail.keep_rows('trees');

-- Makes the partition of the month of `moment` (ns), and the next one ahead of need. A writer needs
-- no right to make tables: this runs as the owner. Attaching blocks neither readers nor writers.
CREATE FUNCTION guardrail.make_month(moment bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  second constant bigint := 1000000000;
  past bigint := mod(mod(moment, second) + second, second);
  month timestamp := date_trunc(
    'month', to_timestamp((moment - past) / second) AT TIME ZONE 'UTC');
  ahead integer;
  low bigint; high bigint; part text;
BEGIN
  FOR ahead IN 0..1 LOOP
    part := 'entries_' || to_char(month, 'YYYY_MM');
    low := extract(epoch FROM month)::bigint * second;
    month := month + interval '1 month';
    high := extract(epoch FROM month)::bigint * second;
    IF to_regclass('guardrail.' || part) IS NULL THEN
      EXECUTE format('CREATE TABLE guardrail.%I (LIKE guardrail.entries INCLUDING ALL)', part);
      EXECUTE format('CREATE TRIGGER entries_keep_rows BEFORE TRUNCATE ON guardrail.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION guardrail.keep_rows(''entries'')', part);
      EXECUTE format('CREATE TRIGGER entries_keep_order AFTER INSERT ON guardrail.%I '
        'REFERENCING NEW TABLE AS added FOR EACH STATEMENT '
        'EXECUTE FUNCTION guardrail.keep_order()', part);
      EXECUTE format('ALTER TABLE guardrail.entries ATTACH PARTITION guardrail.%I '
        'FOR VALUES FROM (%s) TO (%s)', part, low, high);
    END IF;
  END LOOP;
END $$;
REVOKE ALL ON FUNCTION guardrail.make_month(bigint) FROM PUBLIC;
