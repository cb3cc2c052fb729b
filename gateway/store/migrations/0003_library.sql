-- Access to what is remembered: traces of requests, tombstones of erased entities, orders that lists come in.

CREATE TABLE erased (                        -- entities that were erased; nobody can read from it who they were
    owner BLOB PRIMARY KEY,                  -- hash of tenant and entity
    epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,  -- that the entity goes on with if it comes back
    erased_at INTEGER NOT NULL,
    wiped INTEGER NOT NULL DEFAULT 0         -- the file was written anew since, without leftovers of it
) WITHOUT ROWID;

CREATE TABLE requests (                      -- the trace of a chat
    tenant TEXT NOT NULL, entity TEXT NOT NULL, started_at INTEGER NOT NULL, request TEXT NOT NULL,
    process TEXT NOT NULL, session TEXT NOT NULL,
    mode TEXT NOT NULL, status TEXT NOT NULL, outcome TEXT NOT NULL, injected INTEGER NOT NULL,
    model TEXT,
    recalled TEXT NOT NULL,                  -- ids, scores and signals
    block TEXT NOT NULL,                     -- as it was put into the prompt, or would have been
    timings TEXT NOT NULL,
    PRIMARY KEY (tenant, entity, started_at, request)
) WITHOUT ROWID;
CREATE INDEX requests_by_id ON requests (tenant, request);
CREATE INDEX requests_by_age ON requests (started_at);

-- The message stated what the memory said before it was edited.
ALTER TABLE mentions ADD COLUMN former INTEGER NOT NULL DEFAULT 0;

CREATE INDEX memories_by_id ON memories (tenant, id);
CREATE INDEX memories_by_age ON memories (tenant, entity, created_at, id);
-- A request to the Responses API names the answer that it follows.
CREATE INDEX turns_by_answer ON turns (tenant, entity, process, upstream_id) WHERE upstream_id IS NOT NULL;
