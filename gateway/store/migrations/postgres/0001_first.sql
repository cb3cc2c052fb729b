-- The tables of the SQLite store, column for column (0001 to 0003 there), in the schema that the search path names.
-- Every key starts with the tenant and the entity: what belongs to one entity can be read, moved and erased alone, and
-- the tables can be partitioned or distributed by it.
-- Empty text stands for "none" in keys: no id is ever empty. Times are microseconds since 1970, UTC.

CREATE EXTENSION IF NOT EXISTS vector;

CREATE TABLE entities (
    tenant TEXT NOT NULL, entity TEXT NOT NULL,
    epoch BIGINT NOT NULL DEFAULT 0,         -- counts erasures
    sequence BIGINT NOT NULL DEFAULT 0,      -- rises with every change
    created_at BIGINT NOT NULL, last_seen BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity)
);

CREATE TABLE sessions (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    head BYTEA NOT NULL,                     -- chain of the newest reply
    replay_from BYTEA NOT NULL,              -- chain of the first message that is replayed to a client without history
    sends_history BOOLEAN NOT NULL DEFAULT FALSE,
    title TEXT, summary TEXT,
    created_at BIGINT NOT NULL, last_seen BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, process, session)
);

CREATE TABLE messages (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    chain BYTEA NOT NULL,                    -- stands for the whole history up to this message
    parent BYTEA NOT NULL,                   -- chain of the message before
    digest BYTEA NOT NULL, link BYTEA NOT NULL,
    key BIGINT NOT NULL,                     -- the entity's sequence number when it was recorded, or learnt from
    turn TEXT NOT NULL,
    role TEXT NOT NULL, raw TEXT NOT NULL, text TEXT NOT NULL,
    tool BOOLEAN NOT NULL, learnt BOOLEAN NOT NULL,
    encoded TEXT NOT NULL DEFAULT '',        -- the embedder whose encodings it has; empty = none yet
    said_at BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, process, session, chain)
);
CREATE INDEX messages_by_chain ON messages (tenant, entity, process, chain);
CREATE INDEX messages_by_link ON messages (tenant, entity, process, link);
CREATE INDEX messages_by_key ON messages (tenant, entity, key);
CREATE INDEX messages_to_encode ON messages (recorded_at) WHERE role = 'user' AND learnt AND encoded = '';

CREATE TABLE encodings (                     -- vectors of the pieces of user messages and of memories
    tenant TEXT NOT NULL, entity TEXT NOT NULL, key BIGINT NOT NULL, piece BIGINT NOT NULL,
    sequence BIGINT NOT NULL,                -- of the entity, when they were made
    embedder TEXT NOT NULL, packed BYTEA NOT NULL,
    embedding halfvec,                       -- the pooled vector of `packed`, to be compared by the database
    PRIMARY KEY (tenant, entity, key, piece) INCLUDE (embedding)  -- read from there: side by side, without `packed`
) WITH (toast_tuple_target = 8160);          -- 2 KB are read with the row, not beside it
ALTER TABLE encodings ALTER COLUMN packed SET STORAGE EXTERNAL,  -- nothing in it can be compressed
    ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE TABLE embedders (id TEXT PRIMARY KEY);  -- that any encoding is of
CREATE INDEX encodings_by_sequence ON encodings (tenant, entity, sequence);

CREATE TABLE turns (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, turn TEXT NOT NULL,
    process TEXT NOT NULL, session TEXT NOT NULL,
    request BYTEA NOT NULL,                  -- stands for session, messages and model: tells a retry
    anchor BYTEA NOT NULL, reply BYTEA,      -- chains of the message before and of the answer
    state TEXT NOT NULL, attempt BIGINT NOT NULL,
    model TEXT, upstream_id TEXT, finish_reason TEXT, usage TEXT, timings TEXT NOT NULL,
    started_at BIGINT NOT NULL, said_at BIGINT NOT NULL, recorded_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, turn)
);
CREATE INDEX turns_by_request ON turns (tenant, entity, process, request, recorded_at);
CREATE INDEX turns_by_session ON turns (tenant, entity, process, session, recorded_at);

CREATE TABLE blocks (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    chain BYTEA NOT NULL,                    -- of the user message that it stands before
    text TEXT NOT NULL, memories TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, process, session, chain)
);

CREATE TABLE memories (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL,
    sequence BIGINT NOT NULL,                -- of the entity, at the last change
    key BIGINT NOT NULL,                     -- of the entity, when its text was set, if it is found by that; else 0
    encoded TEXT NOT NULL DEFAULT '',        -- the embedder whose encodings it has; empty = none yet
    process TEXT NOT NULL, session TEXT NOT NULL,  -- scope: who may see it
    learnt_process TEXT NOT NULL, learnt_session TEXT NOT NULL,  -- where it came from
    closed TEXT NOT NULL,                    -- the closed process that it stays within
    kind TEXT NOT NULL, text TEXT NOT NULL,
    form BYTEA NOT NULL,                     -- hash of the text as repetition is told
    status TEXT NOT NULL, standing BOOLEAN NOT NULL,
    origin TEXT NOT NULL, trust DOUBLE PRECISION NOT NULL, confidence DOUBLE PRECISION NOT NULL,
    times_seen BIGINT NOT NULL, first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL,
    valid_from BIGINT NOT NULL, valid_to BIGINT, expires_at BIGINT, superseded_by TEXT,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, id)
);
CREATE INDEX memories_by_sequence ON memories (tenant, entity, sequence);
CREATE INDEX memories_by_key ON memories (tenant, entity, key) WHERE key > 0;
CREATE INDEX memories_to_encode ON memories (created_at) WHERE key > 0 AND encoded = '';
CREATE UNIQUE INDEX memories_by_form ON memories (tenant, entity, closed, process, session, form)
    WHERE status IN ('active', 'proposed', 'quarantined');

CREATE TABLE mentions (                      -- which messages state a memory
    tenant TEXT NOT NULL, entity TEXT NOT NULL, message BIGINT NOT NULL, memory TEXT NOT NULL,
    former BOOLEAN NOT NULL DEFAULT FALSE,   -- the message stated what the memory said before it was edited
    PRIMARY KEY (tenant, entity, memory, message)
);

CREATE TABLE triples (                       -- edges of the knowledge graph; validity and counts are the memory's
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL, place BIGINT NOT NULL,
    subject TEXT NOT NULL, predicate TEXT NOT NULL, object TEXT NOT NULL,
    slot BYTEA NOT NULL, value BYTEA NOT NULL,  -- hashes of subject and predicate, and of the object, folded
    PRIMARY KEY (tenant, entity, memory, place)
);
CREATE INDEX triples_by_slot ON triples (tenant, entity, slot);
CREATE INDEX triples_by_value ON triples (tenant, entity, value);

CREATE TABLE endings (                       -- what is over since a memory holds
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL,
    slot BYTEA NOT NULL,                     -- of no predicate: of any
    value BYTEA NOT NULL,                    -- the object that is over; empty = every one ...
    kept BYTEA NOT NULL,                     -- ... but this
    since BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, slot, memory, value)
);

CREATE TABLE history (                       -- what happened to a memory after it was made
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL,
    sequence BIGINT NOT NULL,                -- of the entity
    at BIGINT NOT NULL, event TEXT NOT NULL,
    before TEXT,                             -- the text until then, where it was changed
    by TEXT,                                 -- the memory that took its place
    PRIMARY KEY (tenant, entity, memory, sequence)
);

-- What a language model is still to read: one row for each process of an entity, however many turns wait.

CREATE TABLE jobs (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL,
    cursor BIGINT NOT NULL,                  -- key of the last message that was read, or is not to be
    upto BIGINT NOT NULL,                    -- key of the newest message that is to be read
    again BIGINT NOT NULL DEFAULT 0,         -- how many parked batches are to be read once more
    model TEXT,                              -- that the newest turn asked for
    closed BOOLEAN NOT NULL,                 -- what is learnt stays in the process
    since BIGINT NOT NULL,                   -- when the oldest message that waits was recorded
    touched BIGINT NOT NULL,                 -- when the newest was
    due BIGINT NOT NULL DEFAULT 0,           -- not to be tried before
    attempts BIGINT NOT NULL DEFAULT 0,      -- of the first batch that waits
    fence BIGINT NOT NULL DEFAULT 0,         -- counts claims: results of an earlier one are void
    lease BIGINT NOT NULL DEFAULT 0,         -- until when the claim holds; 0 = nobody has it
    holder TEXT,                             -- the replica that claimed it last
    error TEXT,                              -- of the last attempt
    PRIMARY KEY (tenant, entity, process)
);
CREATE INDEX jobs_waiting ON jobs (touched) WHERE upto > cursor OR again > 0;

CREATE TABLE parked (                        -- batches that could not be read: keys after `cursor` up to `upto`
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL,
    cursor BIGINT NOT NULL, upto BIGINT NOT NULL,
    again BOOLEAN NOT NULL DEFAULT FALSE,    -- to be read once more
    error TEXT NOT NULL, attempts BIGINT NOT NULL, parked_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, process, upto)
);

CREATE TABLE calls (                         -- of the extractor's model on one day; entity '' = the whole tenant
    tenant TEXT NOT NULL, entity TEXT NOT NULL,
    day BIGINT NOT NULL,                     -- days since 1970, UTC
    calls BIGINT NOT NULL,
    PRIMARY KEY (tenant, entity, day)
);

-- Access to what is remembered: traces of requests, tombstones of erased entities.

CREATE TABLE erased (                        -- entities that were erased; nobody can read from it who they were
    owner BYTEA PRIMARY KEY,                 -- hash of tenant and entity
    epoch BIGINT NOT NULL, sequence BIGINT NOT NULL,  -- that the entity goes on with if it comes back
    erased_at BIGINT NOT NULL,
    wiped BOOLEAN NOT NULL DEFAULT FALSE     -- of SQLite: the file was written anew since
);

CREATE TABLE requests (                      -- the trace of a chat
    tenant TEXT NOT NULL, entity TEXT NOT NULL, started_at BIGINT NOT NULL, request TEXT NOT NULL,
    process TEXT NOT NULL, session TEXT NOT NULL,
    mode TEXT NOT NULL, status TEXT NOT NULL, outcome TEXT NOT NULL, injected BOOLEAN NOT NULL,
    model TEXT,
    recalled TEXT NOT NULL,                  -- ids, scores and signals
    block TEXT NOT NULL,                     -- as it was put into the prompt, or would have been
    timings TEXT NOT NULL,
    upstream TEXT NOT NULL DEFAULT '',       -- that answered, or was asked last
    PRIMARY KEY (tenant, entity, started_at, request)
);
CREATE INDEX requests_by_id ON requests (tenant, request);
CREATE INDEX requests_by_age ON requests (started_at);

CREATE INDEX memories_by_id ON memories (tenant, id);
CREATE INDEX memories_by_age ON memories (tenant, entity, created_at, id);
-- A request to the Responses API names the answer that it follows.
CREATE INDEX turns_by_answer ON turns (tenant, entity, process, upstream_id) WHERE upstream_id IS NOT NULL;

-- The words of SQLite that the SQL of both stores uses.

CREATE FUNCTION max(BIGINT, BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN greatest($1, $2);
CREATE FUNCTION min(BIGINT, BIGINT) RETURNS BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN least($1, $2);
CREATE FUNCTION instr(TEXT, TEXT) RETURNS INTEGER LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN strpos($1, $2);
CREATE FUNCTION holds(metadata TEXT, name TEXT, value TEXT) RETURNS BOOLEAN LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN metadata::jsonb -> name = value::jsonb;
EXCEPTION WHEN untranslatable_character THEN  -- a NUL, which text cannot hold
    RETURN FALSE;
END $$;
DO $$
DECLARE
    folded TEXT := CASE
        WHEN current_setting('server_version_num')::int >= 180000 THEN 'casefold($1 COLLATE pg_unicode_fast)'
        WHEN EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN 'lower($1 COLLATE "und-x-icu")'
        ELSE 'lower($1)' END;
BEGIN
    EXECUTE 'CREATE FUNCTION folded(TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ' || folded;
END $$;

-- Text is compared byte by byte, as SQLite does, whatever the database's language.

DO $$
DECLARE
    change RECORD;
BEGIN
    FOR change IN
        SELECT attrelid::regclass AS changed,
            string_agg(format('ALTER COLUMN %I TYPE TEXT COLLATE "C"', attname), ', ') AS columns
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND atttypid = 'text'::regtype
        GROUP BY attrelid
    LOOP
        EXECUTE format('ALTER TABLE %s %s', change.changed, change.columns);
    END LOOP;
END $$;

-- Two roles that own nothing: one for what is done for a tenant, which sees no other tenant's rows, and one for the
-- work in the background, which finds what waits for it in all of them and changes little. Nobody can log in as either.

DO $$
DECLARE
    name TEXT;
    may TEXT := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH name IN ARRAY ARRAY['memory_gateway', 'memory_gateway_background'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', name);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- somebody else made it meanwhile, for another database of this server
        END;
        IF NOT pg_has_role(current_user, name, may) THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', name);
        END IF;
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), name);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA memory_gateway TO memory_gateway;
GRANT SELECT ON ALL TABLES IN SCHEMA memory_gateway TO memory_gateway_background;
GRANT UPDATE ON jobs TO memory_gateway_background;
GRANT UPDATE (last_seen) ON entities TO memory_gateway_background;  -- which is what it takes to lock a row
GRANT UPDATE (encoded) ON messages, memories TO memory_gateway_background;
GRANT DELETE ON encodings, embedders, requests TO memory_gateway_background;

DO $$
DECLARE
    guarded REGCLASS;
BEGIN
    FOR guarded IN
        SELECT attrelid FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND attname = 'tenant'
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', guarded);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', guarded);
        EXECUTE format('CREATE POLICY of_the_tenant ON %s TO memory_gateway'
            ' USING (tenant = current_setting(''memory_gateway.tenant'', TRUE))', guarded);
        EXECUTE format('CREATE POLICY of_all ON %s TO memory_gateway_background USING (TRUE)', guarded);
    END LOOP;
END $$;
