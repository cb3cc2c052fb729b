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

CREATE TABLE encodings (                     -- vectors of the pieces of user messages
    tenant TEXT NOT NULL, entity TEXT NOT NULL, message INTEGER NOT NULL, piece INTEGER NOT NULL,
    sequence INTEGER NOT NULL,               -- of the entity, when they were made
    embedder TEXT NOT NULL, packed BLOB NOT NULL,
    PRIMARY KEY (tenant, entity, message, piece)
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
    process TEXT NOT NULL, session TEXT NOT NULL,                     -- scope: who may see it
    learnt_process TEXT NOT NULL, learnt_session TEXT NOT NULL,       -- where it came from
    kind TEXT NOT NULL, text TEXT NOT NULL,
    form BLOB NOT NULL,                      -- hash of the text as repetition is told
    subject TEXT, predicate TEXT, object TEXT,
    status TEXT NOT NULL, standing INTEGER NOT NULL,
    origin TEXT NOT NULL, trust REAL NOT NULL, confidence REAL NOT NULL,
    times_seen INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL,
    valid_from INTEGER NOT NULL, valid_to INTEGER, expires_at INTEGER, superseded_by TEXT,
    metadata TEXT NOT NULL,
    PRIMARY KEY (tenant, entity, id)
) WITHOUT ROWID;
CREATE INDEX memories_by_sequence ON memories (tenant, entity, sequence);
CREATE UNIQUE INDEX memories_by_form ON memories (tenant, entity, learnt_process, process, session, form);

CREATE TABLE mentions (                      -- which messages state a memory
    tenant TEXT NOT NULL, entity TEXT NOT NULL, message INTEGER NOT NULL, memory TEXT NOT NULL,
    PRIMARY KEY (tenant, entity, memory, message)
) WITHOUT ROWID;
