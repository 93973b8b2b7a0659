-- name: events
-- One narrow row an event (ticks apart), whatever its type: the register that says what is stored.
CREATE TABLE events (
    time timestamptz NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    subject text NOT NULL,
    source text NOT NULL,
    epoch uuid,
    sequence bigint,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    correlation_id uuid,
    causation_id uuid,
    appended_at timestamptz NOT NULL,
    PRIMARY KEY (time, id)
);

-- name: events_indexes
-- By id: events without a sequence are known by it. By subject: the log of one device.
CREATE INDEX events_id ON events (id);
CREATE INDEX events_subject ON events (subject, time DESC);

-- name: events_comments
-- What the columns mean.
COMMENT ON TABLE events IS 'One row an event of the log, ticks apart; typed tables hold what it says';
COMMENT ON COLUMN events.time IS 'Event time, given once by the source';
COMMENT ON COLUMN events.id IS 'The event''s id; once in this table';
COMMENT ON COLUMN events.type IS 'infrastructor.<entity>.<past tense>.v<major>';
COMMENT ON COLUMN events.subject IS 'Device id, _fleet or _partition-<n>';
COMMENT ON COLUMN events.source IS 'Who made it: /agents/..., /streams/..., /operators/..., /sinks/...';
COMMENT ON COLUMN events.epoch IS 'Epoch of the agent''s spool; null when no agent made it';
COMMENT ON COLUMN events.sequence IS 'Counts up by one within (epoch or source, topic, subject); null: known by its id';
COMMENT ON COLUMN events.topic IS 'Topic of the record that was stored';
COMMENT ON COLUMN events.partition IS 'Its partition';
COMMENT ON COLUMN events.kafka_offset IS 'Its offset';
COMMENT ON COLUMN events.correlation_id IS 'The collection run that started it';
COMMENT ON COLUMN events.causation_id IS 'The event that caused it';
COMMENT ON COLUMN events.appended_at IS 'The broker''s clock when it was appended';
