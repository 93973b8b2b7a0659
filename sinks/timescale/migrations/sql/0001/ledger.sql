-- name: sink_offsets
-- How far each partition is stored, moved in the same transaction as the rows.
CREATE TABLE sink_offsets (
    sink text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset bigint NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (sink, topic, partition)
) WITH (fillfactor = 50);

-- name: sequence_ledger
-- Which sequences were seen, as ranges, by what counts them; moved in the same transaction as the rows.
CREATE TABLE sequence_ledger (
    topic text NOT NULL,
    subject text NOT NULL,
    scope text NOT NULL,
    since_sequence bigint NOT NULL DEFAULT 1,
    seen int8multirange NOT NULL DEFAULT '{}',
    dead int8multirange NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, subject, scope)
) WITH (fillfactor = 50);

-- name: dead_letters
-- What could not be processed, by any consumer; a letter sent twice is one row.
CREATE TABLE dead_letters (
    consumer text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    reason text NOT NULL,
    field text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL,
    appended_at timestamptz,
    failed_at timestamptz NOT NULL,
    key bytea,
    value bytea,
    value_bytes bigint,
    headers jsonb NOT NULL,
    letter_partition integer NOT NULL,
    letter_offset bigint NOT NULL,
    times integer NOT NULL,
    PRIMARY KEY (consumer, topic, partition, kafka_offset)
);

-- name: gaps
-- Holes that somebody reported, and whether they are whole again.
CREATE TABLE gaps (
    gap_id uuid PRIMARY KEY,
    detected_at timestamptz,
    source text,
    counted_by text,
    scope text NOT NULL,
    topic text NOT NULL,
    subject text NOT NULL,
    partition integer,
    first_missing bigint NOT NULL,
    last_missing bigint NOT NULL,
    reason text,
    detail text,
    closed_at timestamptz,
    closed_event_id uuid
);

-- name: rule_sets
-- Each set of rules or policy that was ever in force, once a hash.
CREATE TABLE rule_sets (
    kind text NOT NULL,
    hash text NOT NULL,
    revision integer NOT NULL,
    document jsonb NOT NULL,
    first_loaded_at timestamptz NOT NULL,
    PRIMARY KEY (kind, hash)
);

-- name: ledger_indexes
-- The newest letters, and the gaps of one stream.
CREATE INDEX dead_letters_failed ON dead_letters (failed_at);
CREATE INDEX gaps_stream ON gaps (topic, subject, scope);

-- name: ledger_comments
-- What the columns mean.
COMMENT ON TABLE sink_offsets IS 'How far each partition is stored: the truth, not Kafka''s own committed offset';
COMMENT ON COLUMN sink_offsets.sink IS 'Which projection';
COMMENT ON COLUMN sink_offsets.topic IS 'Topic';
COMMENT ON COLUMN sink_offsets.partition IS 'Partition';
COMMENT ON COLUMN sink_offsets.first_offset IS 'Where this projection began to read';
COMMENT ON COLUMN sink_offsets.next_offset IS 'Everything before is stored; a writer that does not know this value is fenced';
COMMENT ON COLUMN sink_offsets.updated_at IS 'When it was moved';
COMMENT ON TABLE sequence_ledger IS 'Which sequences were seen, by topic, subject and scope';
COMMENT ON COLUMN sequence_ledger.topic IS 'Topic';
COMMENT ON COLUMN sequence_ledger.subject IS 'Subject of the events';
COMMENT ON COLUMN sequence_ledger.scope IS 'Agent epoch, else the source itself';
COMMENT ON COLUMN sequence_ledger.since_sequence IS 'What is lower came before this projection began to read';
COMMENT ON COLUMN sequence_ledger.seen IS 'Stored sequences, as ranges';
COMMENT ON COLUMN sequence_ledger.dead IS 'Dead-lettered sequences, as ranges';
COMMENT ON COLUMN sequence_ledger.updated_at IS 'When it last grew';
COMMENT ON TABLE dead_letters IS 'What could not be processed: origin, reason and the first bytes';
COMMENT ON COLUMN dead_letters.consumer IS 'Who could not process it';
COMMENT ON COLUMN dead_letters.topic IS 'Topic of origin';
COMMENT ON COLUMN dead_letters.partition IS 'Partition of origin';
COMMENT ON COLUMN dead_letters.kafka_offset IS 'Offset of origin';
COMMENT ON COLUMN dead_letters.reason IS 'Why, as a code';
COMMENT ON COLUMN dead_letters.field IS 'Which field; empty: the whole';
COMMENT ON COLUMN dead_letters.message IS 'Why, in words';
COMMENT ON COLUMN dead_letters.attempts IS 'How often it was tried';
COMMENT ON COLUMN dead_letters.appended_at IS 'When the original was appended';
COMMENT ON COLUMN dead_letters.failed_at IS 'When it could not be processed';
COMMENT ON COLUMN dead_letters.key IS 'Original key, its first 64 KiB';
COMMENT ON COLUMN dead_letters.value IS 'Original bytes, the first 64 KiB; all of them are in infra.dead-letters';
COMMENT ON COLUMN dead_letters.value_bytes IS 'How many bytes the original has';
COMMENT ON COLUMN dead_letters.headers IS 'Original headers as texts';
COMMENT ON COLUMN dead_letters.letter_partition IS 'Partition of the letter in infra.dead-letters';
COMMENT ON COLUMN dead_letters.letter_offset IS 'Offset of the letter, the first time it was sent';
COMMENT ON COLUMN dead_letters.times IS 'How often it was sent';
COMMENT ON TABLE gaps IS 'Reported holes: counted by sequence in a stream, or by offset in a partition';
COMMENT ON COLUMN gaps.gap_id IS 'The id of its gap.detected';
COMMENT ON COLUMN gaps.detected_at IS 'Event time of the report';
COMMENT ON COLUMN gaps.source IS 'Who reported it';
COMMENT ON COLUMN gaps.counted_by IS 'sequence or offset';
COMMENT ON COLUMN gaps.scope IS 'Agent epoch or source; by offset: the consumer that lost it';
COMMENT ON COLUMN gaps.topic IS 'Topic';
COMMENT ON COLUMN gaps.subject IS 'Subject';
COMMENT ON COLUMN gaps.partition IS 'Partition, when counted by offset';
COMMENT ON COLUMN gaps.first_missing IS 'First number that is missing';
COMMENT ON COLUMN gaps.last_missing IS 'Last number that is missing';
COMMENT ON COLUMN gaps.reason IS 'spool_full, spool_age, spool_corrupt, missing or retention';
COMMENT ON COLUMN gaps.detail IS 'In words';
COMMENT ON COLUMN gaps.closed_at IS 'When what was missing had arrived; null: open';
COMMENT ON COLUMN gaps.closed_event_id IS 'The event that closed it';
COMMENT ON TABLE rule_sets IS 'Each set of rules or policy that was ever in force, once';
COMMENT ON COLUMN rule_sets.kind IS 'alert_rules, status_policy or notification_policy';
COMMENT ON COLUMN rule_sets.hash IS 'SHA-256 of the document as JSON with sorted keys';
COMMENT ON COLUMN rule_sets.revision IS 'Its revision';
COMMENT ON COLUMN rule_sets.document IS 'The whole set';
COMMENT ON COLUMN rule_sets.first_loaded_at IS 'Earliest event time at which it was loaded';
