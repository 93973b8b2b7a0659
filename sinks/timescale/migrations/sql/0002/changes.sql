-- name: entity_looks
-- The newest look at each list of things, and the newest that showed all there were: what it lacks is gone.
CREATE TABLE entity_looks (
    device_id text NOT NULL,
    family text NOT NULL,
    scope text NOT NULL,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    complete_at timestamptz,
    complete_event_id uuid,
    PRIMARY KEY (device_id, family, scope)
) WITH (fillfactor = 80);

-- name: entity_changes
-- Every change of a watched thing, of whatever family.
CREATE TABLE entity_changes (
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    device_id text NOT NULL,
    family text NOT NULL,
    entity text NOT NULL,
    what text NOT NULL,
    previous text,
    status text NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    details jsonb NOT NULL,
    summary text NOT NULL,
    since timestamptz NOT NULL,
    evidence jsonb NOT NULL,
    appended_at timestamptz NOT NULL,
    PRIMARY KEY (time, event_id)
);

-- name: entity_status
-- The judged status of each watched thing as it is now: newer means later time, ties by event id.
CREATE TABLE entity_status (
    device_id text NOT NULL,
    family text NOT NULL,
    entity text NOT NULL,
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    what text NOT NULL,
    previous text,
    status text NOT NULL,
    summary text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (device_id, family, entity)
) WITH (fillfactor = 80);

-- name: config_changes
-- What changed in configuration files, with the difference.
CREATE TABLE config_changes (
    event_id uuid PRIMARY KEY,
    time timestamptz NOT NULL,
    device_id text NOT NULL,
    entity text NOT NULL,
    path text NOT NULL,
    kind text NOT NULL,
    what text NOT NULL,
    status text NOT NULL,
    previous_hash text,
    content_hash text,
    differences jsonb NOT NULL,
    diff text,
    note text
);

-- name: config_contents
-- Each content that a configuration file was seen with, once a hash.
CREATE TABLE config_contents (
    device_id text NOT NULL,
    entity text NOT NULL,
    content_hash text NOT NULL,
    path text NOT NULL,
    kind text NOT NULL,
    size_bytes bigint,
    content jsonb,
    error text,
    diff text,
    first_seen_at timestamptz NOT NULL,
    first_event_id uuid NOT NULL,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, entity, content_hash)
);

-- name: baselines
-- What operators accepted as normal of each thing: the newest counts.
CREATE TABLE baselines (
    device_id text NOT NULL,
    kind text NOT NULL,
    entity text NOT NULL,
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    operator text NOT NULL,
    accepted jsonb NOT NULL,
    observation_id uuid,
    comment text,
    PRIMARY KEY (device_id, kind, entity)
);

-- name: silences
-- Alerts that are not told of for a time; made and ended each bring their part, in whatever order they come.
CREATE TABLE silences (
    silence_id uuid PRIMARY KEY,
    device_id text NOT NULL,
    time timestamptz,
    event_id uuid,
    operator text,
    matchers jsonb,
    starts_at timestamptz,
    ends_at timestamptz,
    comment text,
    ended_at timestamptz,
    ended_event_id uuid,
    ended_by text,
    ended_comment text
);

-- name: maintenance
-- Times in which alerts are expected; started and ended each bring their part, in whatever order they come.
CREATE TABLE maintenance (
    maintenance_id uuid PRIMARY KEY,
    device_id text NOT NULL,
    time timestamptz,
    event_id uuid,
    operator text,
    groups text[],
    matchers jsonb,
    starts_at timestamptz,
    ends_at timestamptz,
    comment text,
    ended_at timestamptz,
    ended_event_id uuid,
    ended_by text,
    ended_comment text
);

-- name: change_indexes
-- The history of one device, and of one file.
CREATE INDEX entity_changes_device ON entity_changes (device_id, time DESC);
CREATE INDEX config_changes_file ON config_changes (device_id, entity, time DESC);

-- name: change_comments
-- What the columns mean.
COMMENT ON TABLE entity_looks IS 'The newest look at each list of things of a device, and the newest complete one';
COMMENT ON COLUMN entity_looks.device_id IS 'The device';
COMMENT ON COLUMN entity_looks.family IS 'container, drive, pool, service, interface, listening, route or neighbour';
COMMENT ON COLUMN entity_looks.scope IS 'Engine or service manager; empty where a device has one list';
COMMENT ON COLUMN entity_looks.seen_at IS 'Event time of the newest look';
COMMENT ON COLUMN entity_looks.event_id IS 'That look';
COMMENT ON COLUMN entity_looks.complete_at IS 'Event time of the newest look that showed all there were';
COMMENT ON COLUMN entity_looks.complete_event_id IS 'That look';
COMMENT ON TABLE entity_changes IS 'Every change of a watched thing of a device, found by comparing two looks';
COMMENT ON COLUMN entity_changes.time IS 'Event time of the change';
COMMENT ON COLUMN entity_changes.event_id IS 'The event of the change';
COMMENT ON COLUMN entity_changes.device_id IS 'The device';
COMMENT ON COLUMN entity_changes.family IS 'container, drive, pool, service, network, packages or config';
COMMENT ON COLUMN entity_changes.entity IS 'Which thing: a serial number, a name, a path';
COMMENT ON COLUMN entity_changes.what IS 'What happened, as a code';
COMMENT ON COLUMN entity_changes.previous IS 'Judged status before; null when it is new';
COMMENT ON COLUMN entity_changes.status IS 'Judged status from here on';
COMMENT ON COLUMN entity_changes.before IS 'What was seen before of the facts that differ';
COMMENT ON COLUMN entity_changes.after IS 'What is seen now of the facts that differ';
COMMENT ON COLUMN entity_changes.details IS 'What only its family tells, such as image or serial';
COMMENT ON COLUMN entity_changes.summary IS 'What happened, in words';
COMMENT ON COLUMN entity_changes.since IS 'When it happened as far as it is known, event time';
COMMENT ON COLUMN entity_changes.evidence IS 'Looks that were compared: [{topic, partition, offset, id}]';
COMMENT ON COLUMN entity_changes.appended_at IS 'The broker''s clock when the change was appended';
COMMENT ON TABLE entity_status IS 'The judged status of each watched thing as it is now';
COMMENT ON COLUMN entity_status.device_id IS 'The device';
COMMENT ON COLUMN entity_status.family IS 'container, drive, pool, service, network, packages or config';
COMMENT ON COLUMN entity_status.entity IS 'Which thing';
COMMENT ON COLUMN entity_status.time IS 'Event time of its newest change';
COMMENT ON COLUMN entity_status.event_id IS 'That change';
COMMENT ON COLUMN entity_status.what IS 'What happened last, as a code';
COMMENT ON COLUMN entity_status.previous IS 'Judged status before';
COMMENT ON COLUMN entity_status.status IS 'Judged status';
COMMENT ON COLUMN entity_status.summary IS 'What happened last, in words';
COMMENT ON COLUMN entity_status.since IS 'Since when, event time';
COMMENT ON TABLE config_changes IS 'What changed in configuration files, with the difference';
COMMENT ON COLUMN config_changes.event_id IS 'The event of the change';
COMMENT ON COLUMN config_changes.time IS 'Event time of the change';
COMMENT ON COLUMN config_changes.device_id IS 'The device';
COMMENT ON COLUMN config_changes.entity IS 'Path of the file, shortened from the front where it is longer than 255';
COMMENT ON COLUMN config_changes.path IS 'Path of the file';
COMMENT ON COLUMN config_changes.kind IS 'What it configures: proxy or compose';
COMMENT ON COLUMN config_changes.what IS 'appeared, changed, enabled, disabled or removed';
COMMENT ON COLUMN config_changes.status IS 'present, disabled or removed';
COMMENT ON COLUMN config_changes.previous_hash IS 'SHA-256 before';
COMMENT ON COLUMN config_changes.content_hash IS 'SHA-256 after; null when it was removed';
COMMENT ON COLUMN config_changes.differences IS 'Values that differ: [{at, before, after}]';
COMMENT ON COLUMN config_changes.diff IS 'Unified difference, secrets masked';
COMMENT ON COLUMN config_changes.note IS 'In words';
COMMENT ON TABLE config_contents IS 'Each content that a configuration file was seen with, once a hash';
COMMENT ON COLUMN config_contents.device_id IS 'The device';
COMMENT ON COLUMN config_contents.entity IS 'Path of the file, shortened from the front where it is longer than 255';
COMMENT ON COLUMN config_contents.content_hash IS 'SHA-256 of its bytes';
COMMENT ON COLUMN config_contents.path IS 'Path of the file';
COMMENT ON COLUMN config_contents.kind IS 'What it configures: proxy or compose';
COMMENT ON COLUMN config_contents.size_bytes IS 'Size, bytes';
COMMENT ON COLUMN config_contents.content IS 'What was parsed, its form given by kind; secrets masked';
COMMENT ON COLUMN config_contents.error IS 'Why it could not be parsed, and where';
COMMENT ON COLUMN config_contents.diff IS 'Unified difference to what was there before, when this content was first seen';
COMMENT ON COLUMN config_contents.first_seen_at IS 'Event time of the first look with this content';
COMMENT ON COLUMN config_contents.first_event_id IS 'That look';
COMMENT ON COLUMN config_contents.seen_at IS 'Event time of the newest look with this content';
COMMENT ON COLUMN config_contents.event_id IS 'That look';
COMMENT ON TABLE baselines IS 'What operators accepted as normal of each thing';
COMMENT ON COLUMN baselines.device_id IS 'The device';
COMMENT ON COLUMN baselines.kind IS 'Family of the thing, or metric';
COMMENT ON COLUMN baselines.entity IS 'Which thing';
COMMENT ON COLUMN baselines.time IS 'Event time';
COMMENT ON COLUMN baselines.event_id IS 'The event';
COMMENT ON COLUMN baselines.operator IS 'Who accepted';
COMMENT ON COLUMN baselines.accepted IS 'Values that are normal, by name';
COMMENT ON COLUMN baselines.observation_id IS 'The look that they were taken from';
COMMENT ON COLUMN baselines.comment IS 'What was said';
COMMENT ON TABLE silences IS 'Alerts that are not told of for a time';
COMMENT ON COLUMN silences.silence_id IS 'Which silence';
COMMENT ON COLUMN silences.device_id IS 'The device, or _fleet';
COMMENT ON COLUMN silences.time IS 'Event time at which it was made or changed; null: only its end was seen';
COMMENT ON COLUMN silences.event_id IS 'That event';
COMMENT ON COLUMN silences.operator IS 'Who made it';
COMMENT ON COLUMN silences.matchers IS 'Regular expressions by label that an alert must match';
COMMENT ON COLUMN silences.starts_at IS 'From when';
COMMENT ON COLUMN silences.ends_at IS 'Until when';
COMMENT ON COLUMN silences.comment IS 'What was said';
COMMENT ON COLUMN silences.ended_at IS 'Event time at which an operator ended it';
COMMENT ON COLUMN silences.ended_event_id IS 'That event';
COMMENT ON COLUMN silences.ended_by IS 'Who ended it';
COMMENT ON COLUMN silences.ended_comment IS 'What was said then';
COMMENT ON TABLE maintenance IS 'Times in which alerts are expected';
COMMENT ON COLUMN maintenance.maintenance_id IS 'Which maintenance';
COMMENT ON COLUMN maintenance.device_id IS 'The device, or _fleet';
COMMENT ON COLUMN maintenance.time IS 'Event time at which it was started or planned; null: only its end was seen';
COMMENT ON COLUMN maintenance.event_id IS 'That event';
COMMENT ON COLUMN maintenance.operator IS 'Who started it';
COMMENT ON COLUMN maintenance.groups IS 'Only devices of these groups; empty: all';
COMMENT ON COLUMN maintenance.matchers IS 'Regular expressions by label that an alert must match';
COMMENT ON COLUMN maintenance.starts_at IS 'From when';
COMMENT ON COLUMN maintenance.ends_at IS 'Until when; null: until it is ended';
COMMENT ON COLUMN maintenance.comment IS 'What was said';
COMMENT ON COLUMN maintenance.ended_at IS 'Event time at which it was ended';
COMMENT ON COLUMN maintenance.ended_event_id IS 'That event';
COMMENT ON COLUMN maintenance.ended_by IS 'Who ended it';
COMMENT ON COLUMN maintenance.ended_comment IS 'What was said then';
