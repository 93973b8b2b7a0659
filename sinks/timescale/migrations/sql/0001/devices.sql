-- name: devices
-- The inventory as it is now: newer means later time, ties by event id.
CREATE TABLE devices (
    device_id text PRIMARY KEY,
    first_seen_at timestamptz,
    observed_at timestamptz,
    event_id uuid,
    hostname text,
    machine_id text,
    boot_id text,
    kernel text,
    architecture text,
    os_id text,
    os_version text,
    os_name text,
    processor_model text,
    processor_count integer,
    memory_bytes bigint,
    agent_id text,
    agent_version text,
    groups text[] NOT NULL DEFAULT '{}',
    parents text[] NOT NULL DEFAULT '{}',
    labels jsonb NOT NULL DEFAULT '{}',
    retired_at timestamptz,
    retired_event_id uuid,
    retired_reason text
);

-- name: device_status
-- The status of each device as it is now: newer means later time, ties by event id.
CREATE TABLE device_status (
    device_id text PRIMARY KEY,
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    previous text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    summary text NOT NULL,
    since timestamptz NOT NULL,
    clock_skew_seconds double precision,
    failing jsonb NOT NULL
);

-- name: status_changes
-- Every change of a device's status, for good.
CREATE TABLE status_changes (
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    device_id text NOT NULL,
    previous text NOT NULL,
    status text NOT NULL,
    reason text NOT NULL,
    summary text NOT NULL,
    since timestamptz NOT NULL,
    clock_skew_seconds double precision,
    failing jsonb NOT NULL,
    appended_at timestamptz NOT NULL,
    PRIMARY KEY (time, event_id)
);

-- name: collections
-- The audit trail: one row a look.
CREATE TABLE collections (
    time timestamptz NOT NULL,
    event_id uuid NOT NULL,
    device_id text NOT NULL,
    collector text NOT NULL,
    status text NOT NULL,
    requested_by text NOT NULL,
    duration_seconds double precision NOT NULL,
    shortest_interval_seconds double precision NOT NULL,
    clock_skew_seconds double precision,
    age_seconds double precision,
    output_bytes bigint,
    events bigint,
    attempts integer,
    error_code text,
    message text,
    command_hash text,
    correlation_id uuid,
    PRIMARY KEY (time, event_id)
);

-- name: device_indexes
-- The history of one device.
CREATE INDEX status_changes_device ON status_changes (device_id, time DESC);
CREATE INDEX collections_device ON collections (device_id, time DESC);

-- name: device_comments
-- What the columns mean.
COMMENT ON TABLE devices IS 'The inventory as it is now, from device.registered, updated and retired';
COMMENT ON COLUMN devices.device_id IS 'The device';
COMMENT ON COLUMN devices.first_seen_at IS 'Earliest event time at which it was registered or updated';
COMMENT ON COLUMN devices.observed_at IS 'Event time of this record';
COMMENT ON COLUMN devices.event_id IS 'The event of this record';
COMMENT ON COLUMN devices.hostname IS 'Host name';
COMMENT ON COLUMN devices.machine_id IS 'machine-id(5)';
COMMENT ON COLUMN devices.boot_id IS 'Changes with each boot';
COMMENT ON COLUMN devices.kernel IS 'Kernel release';
COMMENT ON COLUMN devices.architecture IS 'Machine hardware name';
COMMENT ON COLUMN devices.os_id IS 'os-release(5) ID';
COMMENT ON COLUMN devices.os_version IS 'os-release(5) VERSION_ID';
COMMENT ON COLUMN devices.os_name IS 'os-release(5) PRETTY_NAME';
COMMENT ON COLUMN devices.processor_model IS 'Model of the processor';
COMMENT ON COLUMN devices.processor_count IS 'Logical processors';
COMMENT ON COLUMN devices.memory_bytes IS 'Memory, bytes';
COMMENT ON COLUMN devices.agent_id IS 'The device whose agent observes it';
COMMENT ON COLUMN devices.agent_version IS 'Version of that agent';
COMMENT ON COLUMN devices.groups IS 'Groups it belongs to';
COMMENT ON COLUMN devices.parents IS 'Devices it depends on';
COMMENT ON COLUMN devices.labels IS 'Labels as an object of texts';
COMMENT ON COLUMN devices.retired_at IS 'Event time of its retirement; retired when not before observed_at';
COMMENT ON COLUMN devices.retired_event_id IS 'The event that retired it';
COMMENT ON COLUMN devices.retired_reason IS 'Why it was retired';
COMMENT ON TABLE device_status IS 'The derived status of each device as it is now';
COMMENT ON COLUMN device_status.device_id IS 'The device';
COMMENT ON COLUMN device_status.time IS 'Event time of the change';
COMMENT ON COLUMN device_status.event_id IS 'The event of the change';
COMMENT ON COLUMN device_status.previous IS 'Status before';
COMMENT ON COLUMN device_status.status IS 'unknown, online, degraded, offline or retired';
COMMENT ON COLUMN device_status.reason IS 'Why, as a code';
COMMENT ON COLUMN device_status.summary IS 'Why, in words';
COMMENT ON COLUMN device_status.since IS 'When this status began, event time';
COMMENT ON COLUMN device_status.clock_skew_seconds IS 'Append time minus sending time, seconds';
COMMENT ON COLUMN device_status.failing IS 'Collectors that fail: [{collector, since, error_code}]';
COMMENT ON TABLE status_changes IS 'Every change of a device''s status';
COMMENT ON COLUMN status_changes.time IS 'Event time of the change';
COMMENT ON COLUMN status_changes.event_id IS 'The event of the change';
COMMENT ON COLUMN status_changes.device_id IS 'The device';
COMMENT ON COLUMN status_changes.previous IS 'Status before';
COMMENT ON COLUMN status_changes.status IS 'Status after';
COMMENT ON COLUMN status_changes.reason IS 'Why, as a code';
COMMENT ON COLUMN status_changes.summary IS 'Why, in words';
COMMENT ON COLUMN status_changes.since IS 'When this status began, event time';
COMMENT ON COLUMN status_changes.clock_skew_seconds IS 'Append time minus sending time, seconds';
COMMENT ON COLUMN status_changes.failing IS 'Collectors that fail: [{collector, since, error_code}]';
COMMENT ON COLUMN status_changes.appended_at IS 'The broker''s clock when the change was appended';
COMMENT ON TABLE collections IS 'The audit trail: one row a run of a collector on a device';
COMMENT ON COLUMN collections.time IS 'Event time';
COMMENT ON COLUMN collections.event_id IS 'The event';
COMMENT ON COLUMN collections.device_id IS 'The device';
COMMENT ON COLUMN collections.collector IS 'Which collector looked';
COMMENT ON COLUMN collections.status IS 'success, cached, skipped, error, timeout or unreachable';
COMMENT ON COLUMN collections.requested_by IS 'schedule, operator or api';
COMMENT ON COLUMN collections.duration_seconds IS 'How long it took, seconds';
COMMENT ON COLUMN collections.shortest_interval_seconds IS 'Shortest interval at which the device is looked at, seconds';
COMMENT ON COLUMN collections.clock_skew_seconds IS 'Append time minus sending time as last measured, seconds';
COMMENT ON COLUMN collections.age_seconds IS 'Age of a cached answer, seconds';
COMMENT ON COLUMN collections.output_bytes IS 'Bytes of output that were parsed';
COMMENT ON COLUMN collections.events IS 'Events that came of it; null when it failed';
COMMENT ON COLUMN collections.attempts IS 'Attempts of a look that failed';
COMMENT ON COLUMN collections.error_code IS 'Why it failed, as a code';
COMMENT ON COLUMN collections.message IS 'Why it failed or was skipped, in words';
COMMENT ON COLUMN collections.command_hash IS 'SHA-256 of the command, stable over the order of arguments';
COMMENT ON COLUMN collections.correlation_id IS 'The run; the same in all events that came of it';
