-- name: add_series
-- A series.
INSERT INTO metric_series (identity, device_id, name, unit, labels) VALUES (%s, %s, %s, %s, %s);

-- name: add_device
-- A device.
INSERT INTO devices (device_id, observed_at, event_id, hostname)
VALUES (%(device)s, now(), gen_random_uuid(), %(device)s);

-- name: add_samples
-- An hour of looks: counters rise, temperatures are whole degrees, sizes are pages, shares have all their digits.
INSERT INTO metric_samples (time, series_id, value)
SELECT t, s.series_id,
    CASE
        WHEN s.name IN ('system.disk.io', 'system.network.io', 'system.disk.operations')
            THEN floor(extract(epoch FROM t) * (100 + s.series_id %% 977)) + floor(random() * 500)
        WHEN s.unit = 'Cel' THEN 41 + floor(random() * 3)
        WHEN s.unit = 'By' THEN 4096 * (500000 + s.series_id %% 1000 + floor(random() * 100))
        ELSE 0.3 + 0.2 * sin(extract(epoch FROM t) / 3600 + s.series_id) + 0.05 * random()
    END
FROM generate_series(%(begin)s::timestamptz, %(end)s::timestamptz - %(step)s::interval, %(step)s::interval) AS t
CROSS JOIN metric_series s
ORDER BY t, s.series_id;

-- name: add_events
-- The events of these looks.
INSERT INTO events (time, id, type, subject, source, epoch, sequence, topic, partition, kafka_offset, appended_at)
SELECT t, gen_random_uuid(), 'infrastructor.metric.collected.v1', d.device_id, '/agents/a/b/system',
    '0192f3a1-6c00-7a10-9f2e-5b1c3d4e5f60'::uuid, extract(epoch FROM t)::bigint, 'infra.metrics', 1,
    extract(epoch FROM t)::bigint, t + random() * interval '1 second'
FROM generate_series(%(begin)s::timestamptz, %(end)s::timestamptz - %(step)s::interval, %(step)s::interval) AS t
CROSS JOIN devices d;

-- name: add_collections
-- The accounts of these looks; one in two hundred failed.
INSERT INTO collections (time, event_id, device_id, collector, status, requested_by, duration_seconds,
                         shortest_interval_seconds)
SELECT t, gen_random_uuid(), d.device_id, 'system',
    CASE WHEN random() < 0.005 THEN 'timeout' ELSE 'success' END, 'schedule', random() / 10, 30
FROM generate_series(%(begin)s::timestamptz, %(end)s::timestamptz - %(step)s::interval, %(step)s::interval) AS t
CROSS JOIN devices d;

-- name: chunks
-- The chunks of the samples.
SELECT c::text FROM show_chunks('metric_samples') AS c;

-- name: compress
-- One chunk into columns.
SELECT compress_chunk(%(chunk)s::regclass, if_not_compressed => true);
