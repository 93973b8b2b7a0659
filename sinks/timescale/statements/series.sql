-- name: resolve_series
-- The ids of series by their identity, made where they are new. A series that another transaction made at the same
-- moment may be missing in the answer: ask again. A look's series get ids in its own order, so that they lie together.
WITH wanted AS MATERIALIZED (
    SELECT * FROM ROWS FROM (
        jsonb_to_recordset(%(rows)s::jsonb) AS (identity uuid, device_id text, name text, unit text, labels jsonb)
    ) WITH ORDINALITY AS r (identity, device_id, name, unit, labels, place)
), there AS MATERIALIZED (
    SELECT s.identity, s.series_id FROM metric_series s JOIN wanted USING (identity)
), made AS (
    INSERT INTO metric_series (identity, device_id, name, unit, labels)
    SELECT w.identity, w.device_id, w.name, w.unit, w.labels FROM wanted w
    WHERE NOT EXISTS (SELECT 1 FROM there t WHERE t.identity = w.identity)
    ORDER BY w.device_id, w.place
    ON CONFLICT (identity) DO NOTHING
    RETURNING identity, series_id
)
SELECT identity, series_id FROM there UNION ALL SELECT identity, series_id FROM made;

-- name: record_conflicts
-- Samples of events that are stored, whose series and time another event had claimed before, with another value: the
-- same value is nothing lost, and may be the event's own.
INSERT INTO metric_conflicts (event_id, series_id, time, value)
SELECT r.event_id, r.series_id, r.time, r.value
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r (event_id uuid, series_id bigint, time timestamptz, value double precision)
JOIN metric_samples m ON m.series_id = r.series_id AND m.time = r.time
WHERE m.value IS DISTINCT FROM r.value
ON CONFLICT DO NOTHING;
