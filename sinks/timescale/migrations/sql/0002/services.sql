-- name: services_seen
-- Units of the service manager as last seen, one row a unit: newer means later time, ties by event id.
CREATE TABLE services_seen (
    device_id text NOT NULL,
    manager text NOT NULL,
    unit text NOT NULL,
    description text,
    load_state text,
    active_state text NOT NULL,
    sub_state text,
    enabled text,
    result text,
    exit_code bigint,
    restarts bigint,
    main_pid bigint,
    memory_bytes bigint,
    cpu_seconds double precision,
    tasks bigint,
    active_since timestamptz,
    inactive_since timestamptz,
    last_run_at timestamptz,
    next_run_at timestamptz,
    triggers text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, manager, unit)
) WITH (fillfactor = 80);

-- name: view_services
-- As it is now: what the newest complete look does not show is gone.
CREATE VIEW services AS
SELECT
    s.device_id, s.manager, s.unit, s.description, s.load_state,
    CASE WHEN g.gone THEN 'gone' ELSE s.active_state END AS active_state, s.sub_state, s.enabled, s.result,
    s.exit_code, s.restarts, s.main_pid, s.memory_bytes, s.cpu_seconds, s.tasks, s.active_since, s.inactive_since,
    s.last_run_at, s.next_run_at, s.triggers, g.gone, s.seen_at, s.event_id
FROM services_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'service' AND l.scope = s.manager
CROSS JOIN LATERAL (SELECT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false) AS gone) AS g;

-- name: services_comments
-- What the columns mean.
COMMENT ON TABLE services_seen IS 'Units of the service manager as last seen, one row a unit';
COMMENT ON COLUMN services_seen.device_id IS 'The device';
COMMENT ON COLUMN services_seen.manager IS 'systemd';
COMMENT ON COLUMN services_seen.unit IS 'With its suffix, such as nginx.service';
COMMENT ON COLUMN services_seen.description IS 'In words';
COMMENT ON COLUMN services_seen.load_state IS 'loaded, not-found or masked';
COMMENT ON COLUMN services_seen.active_state IS 'active, inactive, failed and so on';
COMMENT ON COLUMN services_seen.sub_state IS 'Finer: running, dead, exited';
COMMENT ON COLUMN services_seen.enabled IS 'enabled, disabled or static';
COMMENT ON COLUMN services_seen.result IS 'How it ended: success, exit-code, signal, oom-kill, timeout';
COMMENT ON COLUMN services_seen.exit_code IS 'Exit code once it ended';
COMMENT ON COLUMN services_seen.restarts IS 'Restarts by the manager since it was started';
COMMENT ON COLUMN services_seen.main_pid IS 'Process id';
COMMENT ON COLUMN services_seen.memory_bytes IS 'Memory in use, bytes';
COMMENT ON COLUMN services_seen.cpu_seconds IS 'Processor time used, seconds';
COMMENT ON COLUMN services_seen.tasks IS 'Tasks in it';
COMMENT ON COLUMN services_seen.active_since IS 'When it last became active';
COMMENT ON COLUMN services_seen.inactive_since IS 'When it last became inactive';
COMMENT ON COLUMN services_seen.last_run_at IS 'Of a timer: when it last ran';
COMMENT ON COLUMN services_seen.next_run_at IS 'Of a timer: when it runs next';
COMMENT ON COLUMN services_seen.triggers IS 'Of a timer: the unit it starts';
COMMENT ON COLUMN services_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN services_seen.event_id IS 'That look';
COMMENT ON VIEW services IS 'Units of the service manager as it is now; gone: the newest complete look does not show it';
