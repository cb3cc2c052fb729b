-- Traces name the upstream.

ALTER TABLE requests ADD COLUMN upstream TEXT NOT NULL DEFAULT '';  -- that answered, or was asked last
