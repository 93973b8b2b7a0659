-- name: copy_samples
-- The samples of a batch, sorted by (series_id, time).
COPY metric_samples (time, series_id, value) FROM STDIN (FORMAT BINARY);

-- name: copy_events
-- The register of events; what is the same for many rows stands together.
COPY events (time, id, type, subject, source, epoch, topic, partition, sequence, kafka_offset, correlation_id,
             causation_id, appended_at)
FROM STDIN (FORMAT BINARY);

-- name: copy_collections
-- The audit trail.
COPY collections (time, event_id, device_id, collector, status, requested_by, duration_seconds,
                  shortest_interval_seconds, clock_skew_seconds, age_seconds, output_bytes, events, attempts,
                  error_code, message, command_hash, correlation_id)
FROM STDIN (FORMAT BINARY);

-- name: make_staged_samples
-- A batch that is merged by key goes through temporary tables; `look` is the place of the event in the batch.
CREATE TEMPORARY TABLE staged_samples
    (time timestamptz NOT NULL, series_id bigint NOT NULL, value double precision NOT NULL, look integer NOT NULL)
    ON COMMIT DROP;

-- name: make_staged_events
-- The same for events.
CREATE TEMPORARY TABLE staged_events (LIKE events) ON COMMIT DROP;

-- name: make_staged_collections
-- The same for collections.
CREATE TEMPORARY TABLE staged_collections (LIKE collections) ON COMMIT DROP;

-- name: stage_samples
-- The samples of a batch with the number of their look.
COPY staged_samples (time, series_id, value, look) FROM STDIN (FORMAT BINARY);

-- name: stage_events
-- As copy_events.
COPY staged_events (time, id, type, subject, source, epoch, topic, partition, sequence, kafka_offset, correlation_id,
                    causation_id, appended_at)
FROM STDIN (FORMAT BINARY);

-- name: stage_collections
-- As copy_collections.
COPY staged_collections (time, event_id, device_id, collector, status, requested_by, duration_seconds,
                         shortest_interval_seconds, clock_skew_seconds, age_seconds, output_bytes, events, attempts,
                         error_code, message, command_hash, correlation_id)
FROM STDIN (FORMAT BINARY);

-- name: merge_events
-- Insert what is not there; the answer tells which were new.
INSERT INTO events SELECT * FROM staged_events ORDER BY time, id ON CONFLICT DO NOTHING RETURNING id;

-- name: merge_collections
-- Insert what is not there.
INSERT INTO collections SELECT * FROM staged_collections ORDER BY time, event_id ON CONFLICT DO NOTHING;

-- name: merge_samples
-- Insert what is not there; where two looks of the batch claim one key, the one that came first in the log has it.
INSERT INTO metric_samples (time, series_id, value)
SELECT s.time, s.series_id, s.value FROM staged_samples s ORDER BY s.series_id, s.time, s.look
ON CONFLICT DO NOTHING
RETURNING series_id, time;
