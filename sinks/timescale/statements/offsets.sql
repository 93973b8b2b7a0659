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
