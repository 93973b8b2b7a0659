-- name: sample_times
-- The way to a stretch of time over all series, for rollups and retention: small, and of no cost to what is stored.
CREATE INDEX metric_samples_time ON metric_samples USING brin (time) WITH (pages_per_range = 32, autosummarize = on);

-- name: rollups
-- The rollups of the samples, and who keeps them.
CREATE TABLE rollups (
    rollup text PRIMARY KEY,
    step interval NOT NULL,
    kept_by text NOT NULL,
    refreshed_at timestamptz
);

-- name: rollup_touched
-- Buckets whose samples changed since they were last computed; only where the sink keeps the rollups itself. Without
-- key: writers never wait for each other here.
CREATE TABLE rollup_touched (
    rollup text NOT NULL,
    bucket timestamptz NOT NULL
);

-- name: retention
-- How long rows are kept, and who deletes them.
CREATE TABLE retention (
    table_name text PRIMARY KEY,
    keep interval,
    kept_by text NOT NULL,
    applied_at timestamptz NOT NULL,
    deleted_before timestamptz
);

-- name: rollups_comments
-- What the columns mean.
COMMENT ON TABLE rollups IS 'The rollups of metric_samples, and who keeps them';
COMMENT ON COLUMN rollups.rollup IS 'Name of the table or view';
COMMENT ON COLUMN rollups.step IS 'Width of a bucket';
COMMENT ON COLUMN rollups.kept_by IS 'timescaledb (continuous aggregate) or sink (its own job)';
COMMENT ON COLUMN rollups.refreshed_at IS 'When the sink last computed buckets of it';
COMMENT ON TABLE rollup_touched IS 'Buckets whose samples changed since they were last computed';
COMMENT ON COLUMN rollup_touched.rollup IS 'Which rollup';
COMMENT ON COLUMN rollup_touched.bucket IS 'Begin of the bucket';
COMMENT ON TABLE retention IS 'How long rows are kept, as db retention apply said';
COMMENT ON COLUMN retention.table_name IS 'Table or rollup; gone: rows of things that vanished';
COMMENT ON COLUMN retention.keep IS 'How long; null: for good';
COMMENT ON COLUMN retention.kept_by IS 'timescaledb (a policy drops chunks) or sink (its own job deletes)';
COMMENT ON COLUMN retention.applied_at IS 'When it was last set';
COMMENT ON COLUMN retention.deleted_before IS 'The sink has deleted what is older: buckets before are not computed again';
