-- What a CRM keeps of firstclaim's topics `assignments` and `lead-exceptions`. Every example uses these tables.

CREATE TABLE IF NOT EXISTS assignment (
  lead_id TEXT PRIMARY KEY,
  rep_id  TEXT,              -- NULL: nobody owns the lead
  how     TEXT NOT NULL,
  via     TEXT,
  version INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS lead_exception (
  lead_id TEXT PRIMARY KEY,
  status  TEXT NOT NULL,     -- open, ignored or resolved
  reason  TEXT,
  version INTEGER NOT NULL
);

-- Where to read on. It is written in the transaction of the rows, so that a crash repeats nothing and skips nothing.
CREATE TABLE IF NOT EXISTS position (
  topic     TEXT NOT NULL,
  partition INTEGER NOT NULL,
  next      INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)
);
