-- name: lift_decompression_limit
-- Late rows may meet compressed chunks, of which one transaction unpacks 100,000 tuples at most: no limit for this
-- session only, and only where the extension is there.
SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false)
FROM pg_extension WHERE extname = 'timescaledb';

-- name: stored_offsets
-- How far the live sink has stored each partition: what comes after is its own to do.
SELECT o.topic, o.partition, o.next_offset FROM sink_offsets o WHERE o.sink = %(sink)s;

-- name: restore_dead_letters
-- As upsert_dead_letters, but a letter that is there is not counted once more for being read again.
INSERT INTO dead_letters AS d (
    consumer, topic, partition, kafka_offset, reason, field, message, attempts, appended_at, failed_at, key, value,
    value_bytes, headers, letter_partition, letter_offset, times
)
SELECT DISTINCT ON (r.consumer, r.topic, r.partition, r.kafka_offset)
    r.consumer, r.topic, r.partition, r.kafka_offset, r.reason, r.field, r.message, r.attempts, r.appended_at,
    r.failed_at, decode(r.key, 'base64'), decode(r.value, 'base64'), r.value_bytes, r.headers, r.letter_partition,
    r.letter_offset, count(*) OVER (PARTITION BY r.consumer, r.topic, r.partition, r.kafka_offset)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    consumer text, topic text, partition integer, kafka_offset bigint, reason text, field text, message text,
    attempts integer, appended_at timestamptz, failed_at timestamptz, key text, value text, value_bytes bigint,
    headers jsonb, letter_partition integer, letter_offset bigint
)
ORDER BY r.consumer, r.topic, r.partition, r.kafka_offset, r.letter_offset
ON CONFLICT (consumer, topic, partition, kafka_offset) DO UPDATE SET times = excluded.times
WHERE d.times < excluded.times;

-- name: extension_rollups
-- The rollups that TimescaleDB keeps, from fine to coarse, and the width of their buckets.
SELECT r.rollup, r.step FROM rollups r WHERE r.kept_by = 'timescaledb' ORDER BY r.step;

-- name: refresh_stretch
-- Compute again what is not valid any more between two times.
CALL refresh_continuous_aggregate(%(rollup)s::regclass, %(begin)s::timestamptz, %(end)s::timestamptz);
