-- name: read_offsets
-- The stored offsets of some partitions of one sink.
SELECT o.topic, o.partition, o.next_offset, o.first_offset
FROM sink_offsets o
JOIN unnest(%(topics)s::text[], %(partitions)s::int[]) AS w (topic, partition) USING (topic, partition)
WHERE o.sink = %(sink)s;

-- name: begin_offsets
-- Make the rows of partitions that were never stored, at where their log begins; those that are there stay as they are.
INSERT INTO sink_offsets (sink, topic, partition, first_offset, next_offset)
SELECT %(sink)s, n.topic, n.partition, n.begin, n.begin
FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(begins)s::bigint[]) AS n (topic, partition, begin)
ORDER BY n.topic, n.partition
ON CONFLICT DO NOTHING;

-- name: claim_offsets
-- Compare and set: move each partition on if its stored offset is the one this writer last read or wrote. What is
-- missing in the answer is owned by another. Rows are locked in one order, so that two writers never wait crosswise.
WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest(%(topics)s::text[], %(partitions)s::int[], %(known)s::bigint[], %(next)s::bigint[])
        AS n (topic, partition, known, next)
), locked AS MATERIALIZED (
    SELECT o.topic, o.partition
    FROM sink_offsets o JOIN wanted w USING (topic, partition)
    WHERE o.sink = %(sink)s
    ORDER BY o.topic, o.partition
    FOR UPDATE OF o
)
UPDATE sink_offsets o SET next_offset = w.next, updated_at = now()
FROM wanted w JOIN locked l USING (topic, partition)
WHERE o.sink = %(sink)s AND o.topic = w.topic AND o.partition = w.partition AND o.next_offset = w.known
RETURNING o.topic, o.partition;

-- name: read_revision
-- The revision of the schema.
SELECT version_num FROM schema_version;

-- name: limit_lock_waits
-- No statement of this session waits for a lock any longer.
SELECT set_config('lock_timeout', %(milliseconds)s::text, false);

-- name: end_stopped_writers
-- End sessions of our kind that have left a transaction open for too long while the server waits for their next word.
-- A writer that is stopped in the middle of COPY is not "idle in transaction", no timeout of the server reaches it, and
-- it would lock its partitions for ever. Ending one that is merely slow does no harm: it is fenced, or tries again.
-- Materialized, for the order in which conditions are tried is not given, and this one kills.
WITH stopped AS MATERIALIZED (
    SELECT a.pid FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.usename = current_user
      AND a.application_name = current_setting('application_name')
      AND a.pid <> pg_backend_pid() AND a.wait_event = 'ClientRead'
      AND a.xact_start < clock_timestamp() - make_interval(secs => %(seconds)s::float8)
)
SELECT pid, pg_terminate_backend(pid) FROM stopped;
