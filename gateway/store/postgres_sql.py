"""What PostgreSQL says differently: the store's SQL is SQLite's, put into its words here and nowhere else.

What is not here is the same in both, or a function that the schema defines for PostgreSQL (`max` of two, `instr`, …).
"""

from __future__ import annotations

import re
from functools import lru_cache

_PHRASES = (
    ("IN (?*)", "= ANY(?)"),
    ("IN (SELECT value FROM json_each(?))", "= ANY(ARRAY(SELECT jsonb_array_elements_text(?::jsonb)))"),
    (
        "IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
        "= ANY(ARRAY(SELECT jsonb_array_elements_text(?::jsonb)::BIGINT))",
    ),
    ("FROM json_each(memories) WHERE value", "FROM jsonb_array_elements_text(memories::jsonb) AS told WHERE told"),
    (
        "EXISTS (SELECT 1 FROM json_each(metadata) AS j WHERE j.key = ? AND j.value = json_extract(?, '$'))",
        "holds(metadata, ?, ?)",
    ),
    (
        "json_group_array(json_array(subject, predicate, object))",
        "coalesce(json_agg(json_build_array(subject, predicate, object)), '[]')::TEXT",
    ),
    (
        "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'"
        " AND c.name IN ('tenant', 'entity') GROUP BY m.name HAVING count(*) = 2 ORDER BY m.name",
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE relkind IN ('r', 'p')"
        " AND NOT relispartition AND relnamespace = current_schema()::regnamespace"
        " AND attname IN ('tenant', 'entity') GROUP BY relname HAVING count(*) = 2 ORDER BY relname",
    ),
    ("CROSS JOIN", "JOIN"),
    ("x''", "''::BYTEA"),
)
_INDEXED = re.compile(r" INDEXED BY \w+")
_PLACE = re.compile(r"'[^']*'|\?(\d*)")


@lru_cache(4096)
def translated(sql: str) -> str:
    """The statement as PostgreSQL understands it, its values called $1, $2 and so on."""
    for ours, theirs in _PHRASES:
        sql = sql.replace(ours, theirs)
    places = iter(range(1, sql.count("?") + 1))

    def numbered(place: re.Match[str]) -> str:
        return place[0] if place[0][0] == "'" else f"${place[1] or next(places)}"

    return _PLACE.sub(numbered, _INDEXED.sub("", sql))
