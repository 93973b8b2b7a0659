-- name: upkeep_of_tables
-- Tables and chunks of ours: name, live rows, dead rows, rows that changed since the last ANALYZE, whether it was ever
-- analyzed, whether it is a hypertable, and the hypertable that a chunk belongs to.
SELECT n.nspname, c.relname, coalesce(s.n_live_tup, 0), coalesce(s.n_dead_tup, 0), coalesce(s.n_mod_since_analyze, 0),
       c.reltuples >= 0, p.relname
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE c.relkind = 'r' AND (
    (c.relnamespace = current_schema()::regnamespace AND NOT EXISTS (
        SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e'))
    OR (p.oid IS NOT NULL AND n.nspname = '_timescaledb_internal')
)
ORDER BY n.nspname, c.relname;

-- name: indexes
-- Indexes of ours that are valid or not: schema, name, table, bytes, entries, and the width of a key as the statistics
-- of its columns tell.
SELECT n.nspname, x.relname, t.relname, i.indisvalid, pg_relation_size(x.oid), greatest(x.reltuples, 0)::float8,
       (SELECT sum(w.avg_width)::int FROM pg_attribute a
        JOIN pg_stats w ON w.schemaname = n.nspname AND w.tablename = t.relname AND w.attname = a.attname
        WHERE a.attrelid = t.oid AND a.attnum = ANY (i.indkey))
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace n ON n.oid = t.relnamespace
JOIN pg_am m ON m.oid = x.relam AND m.amname = 'btree'
WHERE x.relkind = 'i'
  AND (n.nspname = current_schema() OR (n.nspname = '_timescaledb_internal' AND EXISTS (
      SELECT FROM pg_inherits h WHERE h.inhrelid = t.oid)))
ORDER BY n.nspname, x.relname;

-- name: half_compressed
-- Compressed chunks that got rows since (bit 8 of their status), and whose time is over: schema, chunk, table, bytes
-- that lie uncompressed, and whether this role may compress it.
SELECT c.chunk_schema, c.chunk_name, coalesce(a.view_name, c.hypertable_name), pg_relation_size(r.relation),
       pg_has_role((SELECT k.relowner FROM pg_class k WHERE k.oid = r.relation), 'USAGE')
FROM timescaledb_information.chunks c
LEFT JOIN timescaledb_information.continuous_aggregates a
       ON a.materialization_hypertable_schema = c.hypertable_schema AND a.materialization_hypertable_name = c.hypertable_name
CROSS JOIN LATERAL (
    SELECT (quote_ident(c.chunk_schema) || '.' || quote_ident(c.chunk_name))::regclass AS relation
) AS r
WHERE c.is_compressed AND coalesce(a.view_schema, c.hypertable_schema) = current_schema()
  AND c.range_end < now() AND _timescaledb_functions.chunk_status(r.relation) & 8 > 0
ORDER BY c.range_start;
