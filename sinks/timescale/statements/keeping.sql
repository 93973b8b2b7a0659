-- name: delete_metric_samples
-- Rows before a time, at most so many.
DELETE FROM metric_samples WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM metric_samples t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_metric_samples_1m
-- Rows before a time, at most so many.
DELETE FROM metric_samples_1m WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM metric_samples_1m t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_metric_samples_1h
-- Rows before a time, at most so many.
DELETE FROM metric_samples_1h WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM metric_samples_1h t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_metric_samples_1d
-- Rows before a time, at most so many.
DELETE FROM metric_samples_1d WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM metric_samples_1d t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_events
-- Rows before a time, at most so many.
DELETE FROM events WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM events t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_collections
-- Rows before a time, at most so many.
DELETE FROM collections WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM collections t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: delete_entity_changes
-- Rows before a time, at most so many.
DELETE FROM entity_changes WHERE ctid = ANY (ARRAY(
    SELECT t.ctid FROM entity_changes t WHERE t.time < %(before)s LIMIT %(most)s
));

-- name: sink_retention
-- What the sink deletes itself, from when on it is kept, and whether its chunks can be dropped. Whole days, so that no
-- bucket of a rollup loses half of its samples.
SELECT r.table_name, date_trunc('day', now() - r.keep, 'UTC'), k.chunked
FROM retention r
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = to_regclass(r.table_name)) AS chunked
) AS k
WHERE r.kept_by = 'sink' AND r.keep IS NOT NULL
ORDER BY r.table_name;

-- name: rollup_waits
-- Whether a rollup has still to be computed from what is older than a time.
SELECT EXISTS (SELECT FROM rollup_touched t WHERE t.rollup = %(rollup)s AND t.bucket < %(before)s);

-- name: note_deleted
-- From here on nothing older is computed again.
UPDATE retention SET deleted_before = greatest(deleted_before, %(before)s) WHERE table_name = %(table)s;

-- name: drop_old_chunks
-- Drop the chunks of a hypertable that are older than a time.
SELECT drop_kept_chunks(%(table)s::regclass, %(before)s::timestamptz);

-- name: read_retention
-- What was set.
SELECT r.table_name, r.keep, r.kept_by FROM retention r;

-- name: set_retention
-- Note how long rows are kept, and who deletes them.
INSERT INTO retention AS r (table_name, keep, kept_by, applied_at)
VALUES (%(table)s, %(keep)s::interval, %(kept_by)s, now())
ON CONFLICT (table_name) DO UPDATE SET keep = excluded.keep, kept_by = excluded.kept_by, applied_at = now();

-- name: policies
-- Policies of TimescaleDB: table or continuous aggregate, what it does, after how long, and whether it recompresses.
SELECT coalesce(a.view_name, j.hypertable_name), j.proc_name,
       coalesce(j.config ->> 'drop_after', j.config ->> 'compress_after')::interval,
       j.config ->> 'recompress', j.job_id
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.continuous_aggregates a
       ON a.materialization_hypertable_name = j.hypertable_name OR a.view_name = j.hypertable_name
WHERE j.proc_name IN ('policy_retention', 'policy_compression')
  AND coalesce(a.view_schema, j.hypertable_schema) = current_schema();

-- name: add_retention_policy
-- Drop chunks that are older, from now on, once a day.
SELECT add_retention_policy(%(table)s::regclass, drop_after => %(keep)s::interval);

-- name: remove_retention_policy
-- Drop chunks no more.
SELECT remove_retention_policy(%(table)s::regclass, if_exists => true);

-- name: refresh_rollup
-- Compute a continuous aggregate whole, so that nothing is dropped that is not yet in it.
CALL refresh_continuous_aggregate(%(rollup)s::regclass, NULL, NULL);

-- name: columnstore_metric_samples
-- One series lies together, in time: that is how it is asked for.
ALTER TABLE metric_samples SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'series_id', timescaledb.compress_orderby = 'time DESC'
);

-- name: columnstore_metric_samples_1m
-- As the samples.
ALTER MATERIALIZED VIEW metric_samples_1m SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'series_id', timescaledb.compress_orderby = 'time DESC'
);

-- name: columnstore_metric_samples_1h
-- As the samples.
ALTER MATERIALIZED VIEW metric_samples_1h SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'series_id', timescaledb.compress_orderby = 'time DESC'
);

-- name: columnstore_events
-- The log of one device lies together.
ALTER TABLE events SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'subject', timescaledb.compress_orderby = 'time DESC, id'
);

-- name: columnstore_collections
-- The looks at one device lie together.
ALTER TABLE collections SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = 'time DESC, event_id'
);

-- name: columnstore_entity_changes
-- The changes of one device lie together.
ALTER TABLE entity_changes SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'device_id',
    timescaledb.compress_orderby = 'time DESC, event_id'
);

-- name: columnstores
-- Tables and continuous aggregates whose chunks may be compressed.
SELECT h.hypertable_name FROM timescaledb_information.hypertables h
WHERE h.compression_enabled AND h.hypertable_schema = current_schema()
UNION ALL
SELECT a.view_name FROM timescaledb_information.continuous_aggregates a
WHERE a.compression_enabled AND a.view_schema = current_schema();

-- name: add_compression_policy
-- Compress chunks once they are full, from now on.
SELECT add_compression_policy(%(table)s::regclass, compress_after => %(after)s::interval);

-- name: remove_compression_policy
-- Compress chunks no more.
SELECT remove_compression_policy(%(table)s::regclass, if_exists => true);

-- name: compress_once
-- Leave chunks alone that are compressed and got late rows: compressing again deadlocks with readers.
SELECT alter_job(j.job_id, config => j.config || '{"recompress": false}')
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.continuous_aggregates a
       ON a.materialization_hypertable_name = j.hypertable_name OR a.view_name = j.hypertable_name
WHERE j.proc_name = 'policy_compression' AND coalesce(a.view_name, j.hypertable_name) = %(table)s;

-- name: move_into_hypertable
-- A table with rows becomes a hypertable: rewritten, under a lock.
SELECT create_hypertable(
    %(table)s::regclass, by_range('time', %(chunk)s::interval), create_default_indexes => false, migrate_data => true
);

-- name: connected_database
-- The name of the database that is connected.
SELECT current_database();

-- name: no_time_limit
-- Statements of this session take as long as they take.
SET statement_timeout = 0;
