-- name: keepers_of_rollups
-- Which rollups there are, and whether they are continuous aggregates.
SELECT c.relname, CASE c.relkind WHEN 'v' THEN 'timescaledb' ELSE 'sink' END
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relname IN ('metric_samples_1m', 'metric_samples_1h', 'metric_samples_1d');

-- name: note_rollup
-- Note who keeps a rollup.
INSERT INTO rollups (rollup, step, kept_by) VALUES (%(rollup)s, %(step)s::interval, %(kept_by)s)
ON CONFLICT (rollup) DO UPDATE SET kept_by = excluded.kept_by, step = excluded.step;

-- name: touch_all
-- Everything that is stored has to be computed once.
INSERT INTO rollup_touched (rollup, bucket)
SELECT DISTINCT 'metric_samples_1m', date_bin('1 minute', m.time, TIMESTAMPTZ '2000-01-01 00:00Z') FROM metric_samples m;

-- name: touch_rollups
-- Note which minutes got samples, where the sink keeps the rollups itself. Tells of no row, for it stores no event.
WITH noted AS (
    INSERT INTO rollup_touched (rollup, bucket)
    SELECT k.rollup, r.bucket
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (bucket timestamptz)
    JOIN rollups k ON k.rollup = 'metric_samples_1m' AND k.kept_by = 'sink'
    RETURNING bucket
)
SELECT bucket FROM noted WHERE false;

-- name: take_touched
-- The newest buckets that have to be computed again, taken off the list; those before what was deleted are let go.
WITH taken AS (
    DELETE FROM rollup_touched t
    WHERE t.rollup = %(rollup)s AND t.bucket IN (
        SELECT DISTINCT n.bucket FROM rollup_touched n WHERE n.rollup = %(rollup)s ORDER BY n.bucket DESC LIMIT %(most)s
    )
    RETURNING t.bucket
)
SELECT DISTINCT taken.bucket FROM taken
WHERE taken.bucket >= coalesce(
    (SELECT r.deleted_before FROM retention r WHERE r.table_name = %(source)s), '-infinity'
)
ORDER BY taken.bucket;

-- name: hand_on
-- The buckets of the next rollup that follow from computed ones.
INSERT INTO rollup_touched (rollup, bucket)
SELECT DISTINCT k.rollup, date_bin(k.step, b.bucket, TIMESTAMPTZ '2000-01-01 00:00Z')
FROM unnest(%(buckets)s::timestamptz[]) AS b (bucket) JOIN rollups k ON k.rollup = %(rollup)s;

-- name: due_rollups
-- Rollups that the sink keeps, and whose turn it is: the coarser, the rarer.
SELECT k.rollup FROM rollups k
WHERE k.kept_by = 'sink'
  AND (k.refreshed_at IS NULL OR now() - k.refreshed_at >= least(k.step / 6, INTERVAL '1 hour'))
ORDER BY k.step;

-- name: note_refreshed
-- A rollup was computed just now.
UPDATE rollups SET refreshed_at = now() WHERE rollup = %(rollup)s;

-- name: try_upkeep
-- Whether nobody else keeps rollups and retention now; ours until the end of the transaction.
SELECT pg_try_advisory_xact_lock(4709231407);

-- name: continuous_1m
-- Samples by the minute, kept by TimescaleDB; what is not yet computed is computed as it is asked for.
CREATE MATERIALIZED VIEW metric_samples_1m
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT m.series_id, time_bucket(INTERVAL '1 minute', m.time) AS time,
       count(*) AS samples, sum(m.value) AS sum, min(m.value) AS min, max(m.value) AS max,
       last(m.value, m.time) AS last
FROM metric_samples m GROUP BY m.series_id, time_bucket(INTERVAL '1 minute', m.time)
WITH NO DATA;

-- name: policy_1m
-- Compute again what changed of late: less than its source keeps, so nothing is computed from what is gone.
SELECT add_continuous_aggregate_policy(
    'metric_samples_1m', start_offset => %(start)s::interval, end_offset => INTERVAL '2 minutes',
    schedule_interval => INTERVAL '1 minute', if_not_exists => true
);

-- name: ordinary_1m
-- Samples by the minute, kept by the sink.
CREATE TABLE metric_samples_1m (
    series_id bigint NOT NULL,
    time timestamptz NOT NULL,
    samples bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    last double precision NOT NULL,
    PRIMARY KEY (series_id, time)
);

-- name: index_1m
-- The way to a stretch of time over all series.
CREATE INDEX metric_samples_1m_time ON metric_samples_1m USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

-- name: compute_1m
-- Compute the buckets between two times from what is stored.
INSERT INTO metric_samples_1m AS k (series_id, time, samples, sum, min, max, last)
SELECT m.series_id, date_bin('1 minute', m.time, TIMESTAMPTZ '2000-01-01 00:00Z') AS time,
       count(*) AS samples, sum(m.value) AS sum, min(m.value) AS min, max(m.value) AS max,
       (array_agg(m.value ORDER BY m.time DESC))[1] AS last
FROM metric_samples m WHERE m.time >= %(begin)s AND m.time < %(end)s
GROUP BY 1, 2
ON CONFLICT (series_id, time) DO UPDATE SET
    samples = excluded.samples, sum = excluded.sum, min = excluded.min, max = excluded.max, last = excluded.last
WHERE (k.samples, k.sum, k.min, k.max, k.last)
      IS DISTINCT FROM (excluded.samples, excluded.sum, excluded.min, excluded.max, excluded.last);

-- name: comment_continuous_1m
-- What it is.
COMMENT ON VIEW metric_samples_1m IS 'Samples by the minute';
COMMENT ON COLUMN metric_samples_1m.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1m.time IS 'Begin of the minute, UTC';
COMMENT ON COLUMN metric_samples_1m.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1m.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1m.min IS 'The least';
COMMENT ON COLUMN metric_samples_1m.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1m.last IS 'The newest';

-- name: comment_ordinary_1m
-- What it is.
COMMENT ON TABLE metric_samples_1m IS 'Samples by the minute';
COMMENT ON COLUMN metric_samples_1m.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1m.time IS 'Begin of the minute, UTC';
COMMENT ON COLUMN metric_samples_1m.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1m.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1m.min IS 'The least';
COMMENT ON COLUMN metric_samples_1m.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1m.last IS 'The newest';

-- name: continuous_1h
-- Samples by the hour, kept by TimescaleDB; what is not yet computed is computed as it is asked for.
CREATE MATERIALIZED VIEW metric_samples_1h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT m.series_id, time_bucket(INTERVAL '1 hour', m.time) AS time,
       sum(m.samples)::bigint AS samples, sum(m.sum) AS sum, min(m.min) AS min, max(m.max) AS max,
       last(m.last, m.time) AS last
FROM metric_samples_1m m GROUP BY m.series_id, time_bucket(INTERVAL '1 hour', m.time)
WITH NO DATA;

-- name: policy_1h
-- Compute again what changed of late: less than its source keeps, so nothing is computed from what is gone.
SELECT add_continuous_aggregate_policy(
    'metric_samples_1h', start_offset => %(start)s::interval, end_offset => INTERVAL '1 hour',
    schedule_interval => INTERVAL '10 minutes', if_not_exists => true
);

-- name: ordinary_1h
-- Samples by the hour, kept by the sink.
CREATE TABLE metric_samples_1h (
    series_id bigint NOT NULL,
    time timestamptz NOT NULL,
    samples bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    last double precision NOT NULL,
    PRIMARY KEY (series_id, time)
);

-- name: index_1h
-- The way to a stretch of time over all series.
CREATE INDEX metric_samples_1h_time ON metric_samples_1h USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

-- name: compute_1h
-- Compute the buckets between two times from what is stored.
INSERT INTO metric_samples_1h AS k (series_id, time, samples, sum, min, max, last)
SELECT m.series_id, date_bin('1 hour', m.time, TIMESTAMPTZ '2000-01-01 00:00Z') AS time,
       sum(m.samples)::bigint AS samples, sum(m.sum) AS sum, min(m.min) AS min, max(m.max) AS max,
       (array_agg(m.last ORDER BY m.time DESC))[1] AS last
FROM metric_samples_1m m WHERE m.time >= %(begin)s AND m.time < %(end)s
GROUP BY 1, 2
ON CONFLICT (series_id, time) DO UPDATE SET
    samples = excluded.samples, sum = excluded.sum, min = excluded.min, max = excluded.max, last = excluded.last
WHERE (k.samples, k.sum, k.min, k.max, k.last)
      IS DISTINCT FROM (excluded.samples, excluded.sum, excluded.min, excluded.max, excluded.last);

-- name: comment_continuous_1h
-- What it is.
COMMENT ON VIEW metric_samples_1h IS 'Samples by the hour';
COMMENT ON COLUMN metric_samples_1h.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1h.time IS 'Begin of the hour, UTC';
COMMENT ON COLUMN metric_samples_1h.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1h.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1h.min IS 'The least';
COMMENT ON COLUMN metric_samples_1h.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1h.last IS 'The newest';

-- name: comment_ordinary_1h
-- What it is.
COMMENT ON TABLE metric_samples_1h IS 'Samples by the hour';
COMMENT ON COLUMN metric_samples_1h.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1h.time IS 'Begin of the hour, UTC';
COMMENT ON COLUMN metric_samples_1h.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1h.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1h.min IS 'The least';
COMMENT ON COLUMN metric_samples_1h.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1h.last IS 'The newest';

-- name: continuous_1d
-- Samples by the day, kept by TimescaleDB; what is not yet computed is computed as it is asked for.
CREATE MATERIALIZED VIEW metric_samples_1d
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT m.series_id, time_bucket(INTERVAL '1 day', m.time) AS time,
       sum(m.samples)::bigint AS samples, sum(m.sum) AS sum, min(m.min) AS min, max(m.max) AS max,
       last(m.last, m.time) AS last
FROM metric_samples_1h m GROUP BY m.series_id, time_bucket(INTERVAL '1 day', m.time)
WITH NO DATA;

-- name: policy_1d
-- Compute again what changed of late: less than its source keeps, so nothing is computed from what is gone.
SELECT add_continuous_aggregate_policy(
    'metric_samples_1d', start_offset => %(start)s::interval, end_offset => INTERVAL '1 day',
    schedule_interval => INTERVAL '1 hour', if_not_exists => true
);

-- name: ordinary_1d
-- Samples by the day, kept by the sink.
CREATE TABLE metric_samples_1d (
    series_id bigint NOT NULL,
    time timestamptz NOT NULL,
    samples bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision NOT NULL,
    max double precision NOT NULL,
    last double precision NOT NULL,
    PRIMARY KEY (series_id, time)
);

-- name: index_1d
-- The way to a stretch of time over all series.
CREATE INDEX metric_samples_1d_time ON metric_samples_1d USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

-- name: compute_1d
-- Compute the buckets between two times from what is stored.
INSERT INTO metric_samples_1d AS k (series_id, time, samples, sum, min, max, last)
SELECT m.series_id, date_bin('1 day', m.time, TIMESTAMPTZ '2000-01-01 00:00Z') AS time,
       sum(m.samples)::bigint AS samples, sum(m.sum) AS sum, min(m.min) AS min, max(m.max) AS max,
       (array_agg(m.last ORDER BY m.time DESC))[1] AS last
FROM metric_samples_1h m WHERE m.time >= %(begin)s AND m.time < %(end)s
GROUP BY 1, 2
ON CONFLICT (series_id, time) DO UPDATE SET
    samples = excluded.samples, sum = excluded.sum, min = excluded.min, max = excluded.max, last = excluded.last
WHERE (k.samples, k.sum, k.min, k.max, k.last)
      IS DISTINCT FROM (excluded.samples, excluded.sum, excluded.min, excluded.max, excluded.last);

-- name: comment_continuous_1d
-- What it is.
COMMENT ON VIEW metric_samples_1d IS 'Samples by the day';
COMMENT ON COLUMN metric_samples_1d.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1d.time IS 'Begin of the day, UTC';
COMMENT ON COLUMN metric_samples_1d.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1d.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1d.min IS 'The least';
COMMENT ON COLUMN metric_samples_1d.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1d.last IS 'The newest';

-- name: comment_ordinary_1d
-- What it is.
COMMENT ON TABLE metric_samples_1d IS 'Samples by the day';
COMMENT ON COLUMN metric_samples_1d.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples_1d.time IS 'Begin of the day, UTC';
COMMENT ON COLUMN metric_samples_1d.samples IS 'How many samples';
COMMENT ON COLUMN metric_samples_1d.sum IS 'Their sum: the average is sum / samples, of several buckets sum(sum) / sum(samples)';
COMMENT ON COLUMN metric_samples_1d.min IS 'The least';
COMMENT ON COLUMN metric_samples_1d.max IS 'The greatest';
COMMENT ON COLUMN metric_samples_1d.last IS 'The newest';

-- name: refresh_policies
-- The policies of the rollups, and from when on they compute again.
SELECT a.view_name, (j.config ->> 'start_offset')::interval
FROM timescaledb_information.jobs j
JOIN timescaledb_information.continuous_aggregates a
  ON a.materialization_hypertable_name = j.hypertable_name OR a.view_name = j.hypertable_name
WHERE j.proc_name = 'policy_refresh_continuous_aggregate' AND a.view_schema = current_schema();

-- name: remove_refresh_policy
-- Compute again no more.
SELECT remove_continuous_aggregate_policy(%(rollup)s::regclass, if_exists => true);
