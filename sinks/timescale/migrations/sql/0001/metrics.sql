-- name: metric_series
-- What is measured: a device's metric with its labels. The key is a hash, for labels may be longer than an index row.
CREATE TABLE metric_series (
    series_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity uuid NOT NULL UNIQUE,
    device_id text NOT NULL,
    name text NOT NULL,
    unit text NOT NULL,
    labels jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- name: metric_samples
-- The samples. Its key refuses a repeated batch; without foreign key, which would cost half the rate.
CREATE TABLE metric_samples (
    time timestamptz NOT NULL,
    series_id bigint NOT NULL,
    value double precision NOT NULL,
    PRIMARY KEY (series_id, time)
);

-- name: metric_conflicts
-- Samples that could not be stored because another event had claimed their series and time.
CREATE TABLE metric_conflicts (
    event_id uuid NOT NULL,
    series_id bigint NOT NULL,
    time timestamptz NOT NULL,
    value double precision NOT NULL,
    found_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, series_id, time)
);

-- name: metric_indexes
-- The way from a device and a metric's name to its series.
CREATE INDEX metric_series_device ON metric_series (device_id, name);
CREATE INDEX metric_series_name ON metric_series (name);

-- name: metric_comments
-- What the columns mean.
COMMENT ON TABLE metric_series IS 'One row a series: device, metric, unit and labels';
COMMENT ON COLUMN metric_series.series_id IS 'Key of the samples';
COMMENT ON COLUMN metric_series.identity IS 'BLAKE2b-128 of device, name, unit and sorted labels';
COMMENT ON COLUMN metric_series.device_id IS 'The device';
COMMENT ON COLUMN metric_series.name IS 'OpenTelemetry name, such as system.cpu.utilization';
COMMENT ON COLUMN metric_series.unit IS 'UCUM code: 1 for a ratio, By, s';
COMMENT ON COLUMN metric_series.labels IS 'Labels as an object of texts';
COMMENT ON COLUMN metric_series.created_at IS 'When the series was first stored';
COMMENT ON TABLE metric_samples IS 'One row a sample';
COMMENT ON COLUMN metric_samples.time IS 'Event time of the look';
COMMENT ON COLUMN metric_samples.series_id IS 'Which series';
COMMENT ON COLUMN metric_samples.value IS 'In the unit of the series; always finite';
COMMENT ON TABLE metric_conflicts IS 'Samples of an event whose series and time another event had claimed';
COMMENT ON COLUMN metric_conflicts.event_id IS 'The event that came second';
COMMENT ON COLUMN metric_conflicts.series_id IS 'Which series';
COMMENT ON COLUMN metric_conflicts.time IS 'Event time of the look';
COMMENT ON COLUMN metric_conflicts.value IS 'What it would have stored';
COMMENT ON COLUMN metric_conflicts.found_at IS 'When it was found';
