-- Every key starts with the tenant and the entity: what belongs to one entity can be read, moved and erased alone.
-- Empty text stands for "none" in keys: no id is ever empty. Times are microseconds since 1970, UTC.

CREATE TABLE entities (
    tenant TEXT NOT NULL, entity TEXT NOT NULL,
    epoch INTEGER NOT NULL DEFAULT 0,        -- counts erasures
    sequence INTEGER NOT NULL DEFAULT 0,     -- rises with every change
    created_at INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity)
) WITHOUT ROWID;

CREATE TABLE sessions (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    head BLOB NOT NULL,                      -- chain of the newest reply
    replay_from BLOB NOT NULL,               -- chain of the first message that is replayed to a client without history
    sends_history INTEGER NOT NULL DEFAULT 0,
    title TEXT, summary TEXT,
    created_at INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, process, session)
) WITHOUT ROWID;

CREATE TABLE messages (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    chain BLOB NOT NULL,                     -- stands for the whole history up to this message
    parent BLOB NOT NULL,                    -- chain of the message before
    digest BLOB NOT NULL, link BLOB NOT NULL,
    key INTEGER NOT NULL,                    -- the entity's sequence number when it was recorded, or learnt from
    turn TEXT NOT NULL,
    role TEXT NOT NULL, raw TEXT NOT NULL, text TEXT NOT NULL,
    tool INTEGER NOT NULL, learnt INTEGER NOT NULL,
    encoded TEXT NOT NULL DEFAULT '',        -- the embedder whose encodings it has; empty = none yet
    said_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, process, session, chain)
) WITHOUT ROWID;
CREATE INDEX messages_by_chain ON messages (tenant, entity, process, chain);
CREATE INDEX messages_by_link ON messages (tenant, entity, process, link);
CREATE INDEX messages_by_key ON messages (tenant, entity, key);
CREATE INDEX messages_to_encode ON messages (recorded_at) WHERE role = 'user' AND learnt AND encoded = '';

CREATE TABLE encodings (                     -- vectors of the pieces of user messages and of memories
    tenant TEXT NOT NULL, entity TEXT NOT NULL, key INTEGER NOT NULL, piece INTEGER NOT NULL,
    sequence INTEGER NOT NULL,               -- of the entity, when they were made
    embedder TEXT NOT NULL, packed BLOB NOT NULL,
    PRIMARY KEY (tenant, entity, key, piece)
);
CREATE TABLE embedders (id TEXT PRIMARY KEY) WITHOUT ROWID;  -- that any encoding is of
CREATE INDEX encodings_by_sequence ON encodings (tenant, entity, sequence);

CREATE TABLE turns (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, turn TEXT NOT NULL,
    process TEXT NOT NULL, session TEXT NOT NULL,
    request BLOB NOT NULL,                   -- stands for session, messages and model: tells a retry
    anchor BLOB NOT NULL, reply BLOB,        -- chains of the message before and of the answer
    state TEXT NOT NULL, attempt INTEGER NOT NULL,
    model TEXT, upstream_id TEXT, finish_reason TEXT, usage TEXT, timings TEXT NOT NULL,
    started_at INTEGER NOT NULL, said_at INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, turn)
) WITHOUT ROWID;
CREATE INDEX turns_by_request ON turns (tenant, entity, process, request, recorded_at);
CREATE INDEX turns_by_session ON turns (tenant, entity, process, session, recorded_at);

CREATE TABLE blocks (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, process TEXT NOT NULL, session TEXT NOT NULL,
    chain BLOB NOT NULL,                     -- of the user message that it stands before
    text TEXT NOT NULL, memories TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, process, session, chain)
) WITHOUT ROWID;

CREATE TABLE memories (
    tenant TEXT NOT NULL, entity TEXT NOT NULL, id TEXT NOT NULL,
    sequence INTEGER NOT NULL,               -- of the entity, at the last change
    key INTEGER NOT NULL,                    -- of the entity, when its text was set, if it is found by that; else 0
    encoded TEXT NOT NULL DEFAULT '',        -- the embedder whose encodings it has; empty = none yet
    process TEXT NOT NULL, session TEXT NOT NULL,                     -- scope: who may see it
    learnt_process TEXT NOT NULL, learnt_session TEXT NOT NULL,       -- where it came from
    closed TEXT NOT NULL,                    -- the closed process that it stays within
    kind TEXT NOT NULL, text TEXT NOT NULL,
    form BLOB NOT NULL,                      -- hash of the text as repetition is told
    status TEXT NOT NULL, standing INTEGER NOT NULL,
    origin TEXT NOT NULL, trust REAL NOT NULL, confidence REAL NOT NULL,
    times_seen INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    valid_from INTEGER NOT NULL, valid_to INTEGER, expires_at INTEGER, superseded_by TEXT,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, id)
) WITHOUT ROWID;
CREATE INDEX memories_by_sequence ON memories (tenant, entity, sequence);
CREATE INDEX memories_by_key ON memories (tenant, entity, key) WHERE key > 0;
CREATE INDEX memories_to_encode ON memories (created_at) WHERE key > 0 AND encoded = '';
CREATE UNIQUE INDEX memories_by_form ON memories (tenant, entity, closed, process, session, form)
    WHERE status IN ('active', 'proposed', 'quarantined');

CREATE TABLE mentions (                      -- which messages state a memory
    tenant TEXT NOT NULL, entity TEXT NOT NULL, message INTEGER NOT NULL, memory TEXT NOT NULL,
    PRIMARY KEY (tenant, entity, memory, message)
) WITHOUT ROWID;

CREATE TABLE triples (                       -- edges of the knowledge graph; validity and counts are the memory's
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL, place INTEGER NOT NULL,
    subject TEXT NOT NULL, predicate TEXT NOT NULL, object TEXT NOT NULL,
    slot BLOB NOT NULL, value BLOB NOT NULL, -- hashes of subject and predicate, and of the object, folded
    PRIMARY KEY (tenant, entity, memory, place)
) WITHOUT ROWID;
CREATE INDEX triples_by_slot ON triples (tenant, entity, slot);
CREATE INDEX triples_by_value ON triples (tenant, entity, value);

CREATE TABLE endings (                       -- what is over since a memory holds
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL,
    slot BLOB NOT NULL,                      -- of no predicate: of any
    value BLOB NOT NULL,                     -- the object that is over; empty = every one ...
    kept BLOB NOT NULL,                      -- ... but this
    since INTEGER NOT NULL,
    PRIMARY KEY (tenant, entity, slot, memory, value)
) WITHOUT ROWID;

CREATE TABLE history (                       -- what happened to a memory after it was made
    tenant TEXT NOT NULL, entity TEXT NOT NULL, memory TEXT NOT NULL,
    sequence INTEGER NOT NULL,               -- of the entity
    at INTEGER NOT NULL, event TEXT NOT NULL,
    before TEXT,                             -- the text until then, where it was changed
    by TEXT,                                 -- the memory that took its place
    PRIMARY KEY (tenant, entity, memory, sequence)
) WITHOUT ROWID;
