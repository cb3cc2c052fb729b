-- What a language model is still to read: one row for each process of an entity, however many turns wait.

CREATE TABLE jobs (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL,
    cursor INTEGER NOT NULL,                 -- key of the last message that was read, or is not to be
    upto INTEGER NOT NULL,                   -- key of the newest message that is to be read
    again INTEGER NOT NULL DEFAULT 0,        -- how many parked batches are to be read once more
    model TEXT,                              -- that the newest turn asked for
    closed INTEGER NOT NULL,                 -- what is learnt stays in the process
    since INTEGER NOT NULL,                  -- when the oldest message that waits was recorded
    touched INTEGER NOT NULL,                -- when the newest was
    due INTEGER NOT NULL DEFAULT 0,          -- not to be tried before
    attempts INTEGER NOT NULL DEFAULT 0,     -- of the first batch that waits
    fence INTEGER NOT NULL DEFAULT 0,        -- counts claims: results of an earlier one are void
    lease INTEGER NOT NULL DEFAULT 0,        -- until when the claim holds; 0 = nobody has it
    error TEXT,                              -- of the last attempt
    PRIMARY KEY (tenant, entity, process)
) WITHOUT ROWID;
CREATE INDEX jobs_waiting ON jobs (touched) WHERE upto > cursor OR again > 0;

CREATE TABLE parked (                        -- batches that could not be read: keys after `cursor` up to `upto`
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL,
    cursor INTEGER NOT NULL, upto INTEGER NOT NULL,
    again INTEGER NOT NULL DEFAULT 0,        -- to be read once more
    error TEXT NOT NULL, attempts INTEGER NOT NULL, parked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, process, upto)
) WITHOUT ROWID;

CREATE TABLE calls (                         -- of the extractor's model on one day; entity '' = the whole tenant
    tenant TEXT NOT NULL, entity TEXT NOT NULL,
    day INTEGER NOT NULL,                    -- days since 1970, UTC
    calls INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, day)
) WITHOUT ROWID;
