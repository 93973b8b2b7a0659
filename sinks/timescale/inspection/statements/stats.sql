-- name: database_size
-- Bytes of the database, and how many of the blocks that were asked for were in the cache.
SELECT pg_database_size(d.datname), d.blks_hit, d.blks_read, d.stats_reset
FROM pg_stat_database d WHERE d.datname = current_database();

-- name: table_sizes
-- Ordinary tables of the schema in use: bytes of rows, of indexes and of what is kept aside, and rows as estimated.
SELECT c.relname, pg_relation_size(c.oid) + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0),
       pg_indexes_size(c.oid), pg_total_relation_size(c.oid),
       coalesce(nullif(greatest(c.reltuples, 0), 0)::bigint, s.n_live_tup, 0)
FROM pg_class c LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
  AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid)
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e');

-- name: hypertable_sizes
-- Hypertables and continuous aggregates: bytes of rows with what is kept aside, of indexes, of all, rows as estimated,
-- how many chunks, and of how many nobody has estimated the rows (compressed, and not analyzed since).
SELECT h.name, coalesce(z.table_bytes, 0) + coalesce(z.toast_bytes, 0), coalesce(z.index_bytes, 0),
       coalesce(z.total_bytes, 0), coalesce(r.rows, 0), h.num_chunks, coalesce(r.unknown, 0)
FROM (
    SELECT coalesce(a.view_name, t.hypertable_name) AS name,
           (quote_ident(t.hypertable_schema) || '.' || quote_ident(t.hypertable_name))::regclass AS relation, t.num_chunks
    FROM timescaledb_information.hypertables t
    LEFT JOIN timescaledb_information.continuous_aggregates a
           ON a.materialization_hypertable_schema = t.hypertable_schema
          AND a.materialization_hypertable_name = t.hypertable_name
    WHERE coalesce(a.view_schema, t.hypertable_schema) = current_schema()
) AS h
LEFT JOIN LATERAL (
    SELECT sum(d.table_bytes)::bigint AS table_bytes, sum(d.index_bytes)::bigint AS index_bytes,
           sum(d.toast_bytes)::bigint AS toast_bytes, sum(d.total_bytes)::bigint AS total_bytes
    FROM hypertable_detailed_size(h.relation) d
) AS z ON true
LEFT JOIN LATERAL (
    SELECT sum(coalesce(nullif(approximate_row_count(c.oid), 0), s.n_live_tup, 0))::bigint AS rows,
           count(*) FILTER (WHERE c.reltuples < 0 AND coalesce(s.n_live_tup, 0) = 0) AS unknown
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    LEFT JOIN pg_stat_all_tables s ON s.relid = c.oid
    WHERE i.inhparent = h.relation
) AS r ON true;

-- name: compression
-- What compression made of the chunks that are compressed: chunks, bytes before, bytes after.
SELECT h.name, z.compressed, z.before, z.after
FROM (
    SELECT coalesce(a.view_name, t.hypertable_name) AS name,
           (quote_ident(t.hypertable_schema) || '.' || quote_ident(t.hypertable_name))::regclass AS relation
    FROM timescaledb_information.hypertables t
    LEFT JOIN timescaledb_information.continuous_aggregates a
           ON a.materialization_hypertable_schema = t.hypertable_schema
          AND a.materialization_hypertable_name = t.hypertable_name
    WHERE coalesce(a.view_schema, t.hypertable_schema) = current_schema() AND t.compression_enabled
) AS h
CROSS JOIN LATERAL (
    SELECT sum(s.number_compressed_chunks)::bigint AS compressed, sum(s.before_compression_total_bytes)::bigint AS before,
           sum(s.after_compression_total_bytes)::bigint AS after
    FROM hypertable_compression_stats(h.relation) s
) AS z
WHERE z.compressed > 0;

-- name: exact_count
-- How many samples there are, counted one by one.
SELECT count(*) FROM metric_samples;

-- name: written_rows
-- Rows written since the statistics began, by table; those of a chunk count for its hypertable.
SELECT coalesce(p.relname, c.relname), sum(s.n_tup_ins)::bigint, sum(s.n_tup_upd)::bigint, sum(s.n_tup_del)::bigint
FROM pg_stat_all_tables s
JOIN pg_class c ON c.oid = s.relid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE coalesce(p.relnamespace, c.relnamespace) = current_schema()::regnamespace
GROUP BY 1;

-- name: stored_recently
-- Events that were appended in the last five minutes and are stored, by topic: how many, and how long ago the newest was.
SELECT e.topic, count(*), extract(epoch FROM now() - max(e.appended_at))::float8
FROM events e
WHERE e.appended_at > now() - INTERVAL '5 minutes' AND e.time > now() - INTERVAL '1 day'
GROUP BY e.topic ORDER BY e.topic;

-- name: cache_by_table
-- Blocks that were in the cache and blocks that were not, by table, indexes included; those of chunks for their table.
SELECT coalesce(p.relname, c.relname),
       sum(coalesce(s.heap_blks_hit, 0) + coalesce(s.idx_blks_hit, 0))::bigint,
       sum(coalesce(s.heap_blks_read, 0) + coalesce(s.idx_blks_read, 0))::bigint
FROM pg_statio_all_tables s
JOIN pg_class c ON c.oid = s.relid
LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
LEFT JOIN pg_class p ON p.oid = i.inhparent
WHERE coalesce(p.relnamespace, c.relnamespace) = current_schema()::regnamespace
GROUP BY 1;

-- name: statement_statistics
-- The schema of pg_stat_statements, where this database has it.
SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements';

-- name: slowest
-- The statements that took most of the time: calls, milliseconds in all, on average and at most, rows, text.
SELECT s.calls, s.total_exec_time, s.mean_exec_time, s.max_exec_time, s.rows, left(s.query, 500)
FROM pg_stat_statements s
WHERE s.dbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
ORDER BY s.total_exec_time DESC LIMIT %(most)s;

-- name: relation_known
-- Whether there is a table or view of this name in the schema in use.
SELECT to_regclass(quote_ident(current_schema()) || '.' || quote_ident(%(table)s)) IS NOT NULL;

-- name: chunks
-- The chunks: hypertable or continuous aggregate, chunk, from, up to, whether compressed, bytes, rows as estimated.
SELECT coalesce(a.view_name, c.hypertable_name), c.chunk_schema, c.chunk_name, c.range_start, c.range_end,
       c.is_compressed, coalesce(z.total_bytes, 0),
       coalesce(nullif(approximate_row_count(r.relation), 0), s.n_live_tup, 0)
FROM timescaledb_information.chunks c
LEFT JOIN timescaledb_information.continuous_aggregates a
       ON a.materialization_hypertable_schema = c.hypertable_schema AND a.materialization_hypertable_name = c.hypertable_name
CROSS JOIN LATERAL (
    SELECT (quote_ident(c.chunk_schema) || '.' || quote_ident(c.chunk_name))::regclass AS relation,
           (quote_ident(c.hypertable_schema) || '.' || quote_ident(c.hypertable_name))::regclass AS hypertable
) AS r
LEFT JOIN LATERAL (
    SELECT d.total_bytes FROM chunks_detailed_size(r.hypertable) d
    WHERE d.chunk_schema = c.chunk_schema AND d.chunk_name = c.chunk_name
) AS z ON true
LEFT JOIN pg_stat_all_tables s ON s.relid = r.relation
WHERE coalesce(a.view_schema, c.hypertable_schema) = current_schema()
  AND (%(table)s::text IS NULL OR coalesce(a.view_name, c.hypertable_name) = %(table)s)
ORDER BY 1, c.range_start;

-- name: server_facts
-- The server: version in full, since when it runs, its address, encoding, this session's role, database and process.
SELECT version(), pg_postmaster_start_time(), host(inet_server_addr()), inet_server_port(),
       current_setting('server_encoding'), session_user, current_database(), pg_backend_pid(), current_schema(),
       pg_is_in_recovery();

-- name: session_facts
-- What every session of ours has set.
SELECT s.name, current_setting(s.name) FROM pg_settings s
WHERE s.name IN ('TimeZone', 'jit', 'statement_timeout', 'idle_in_transaction_session_timeout', 'application_name',
                 'search_path');

-- name: may
-- What the role of this session may do: superuser, create roles, create databases, member of.
SELECT r.rolsuper, r.rolcreaterole, r.rolcreatedb, ARRAY(
    SELECT g.rolname::text FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid ORDER BY 1
)
FROM pg_roles r WHERE r.rolname = session_user;
