-- name: containers_seen
-- Containers as last seen, one row a container of an engine: newer means later time, ties by event id.
CREATE TABLE containers_seen (
    device_id text NOT NULL,
    engine text NOT NULL,
    name text NOT NULL,
    id text,
    state text NOT NULL,
    health text,
    failing_streak bigint,
    exit_code bigint,
    out_of_memory_killed boolean,
    error text,
    restart_count bigint,
    restart_policy text,
    image text,
    image_id text,
    image_digest text,
    created_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    uptime_seconds double precision,
    compose_project text,
    compose_service text,
    networks text[] NOT NULL DEFAULT '{}',
    cpu_utilization double precision,
    memory_bytes bigint,
    memory_limit_bytes bigint,
    block_read_bytes bigint,
    block_written_bytes bigint,
    network_received_bytes bigint,
    network_sent_bytes bigint,
    processes bigint,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, engine, name)
) WITH (fillfactor = 80);

-- name: container_ports_seen
-- Ports of containers, by their place in the list of their container's look: newer means later time, ties by event id.
CREATE TABLE container_ports_seen (
    device_id text NOT NULL,
    engine text NOT NULL,
    container text NOT NULL,
    place integer NOT NULL,
    container_port integer NOT NULL,
    protocol text NOT NULL,
    host_address text,
    host_port integer,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, engine, container, place)
) WITH (fillfactor = 80);

-- name: view_containers
-- As it is now: what the newest complete look does not show is gone.
CREATE VIEW containers AS
SELECT
    s.device_id, s.engine, s.name, s.id, CASE WHEN g.gone THEN 'gone' ELSE s.state END AS state, s.health,
    s.failing_streak, s.exit_code, s.out_of_memory_killed, s.error, s.restart_count, s.restart_policy, s.image,
    s.image_id, s.image_digest, s.created_at, s.started_at, s.finished_at, s.uptime_seconds, s.compose_project,
    s.compose_service, s.networks, s.cpu_utilization, s.memory_bytes, s.memory_limit_bytes, s.block_read_bytes,
    s.block_written_bytes, s.network_received_bytes, s.network_sent_bytes, s.processes, g.gone, s.seen_at, s.event_id
FROM containers_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'container' AND l.scope = s.engine
CROSS JOIN LATERAL (SELECT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false) AS gone) AS g;

-- name: view_container_ports
-- Those that the newest look at their owner shows.
CREATE VIEW container_ports AS
SELECT
    s.device_id, s.engine, s.container, s.place, s.container_port, s.protocol, s.host_address, s.host_port, s.seen_at,
    s.event_id
FROM container_ports_seen s
JOIN containers p ON p.device_id = s.device_id AND p.engine = s.engine AND p.name = s.container AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: containers_comments
-- What the columns mean.
COMMENT ON TABLE containers_seen IS 'Containers as last seen, one row a container of an engine';
COMMENT ON COLUMN containers_seen.device_id IS 'The device';
COMMENT ON COLUMN containers_seen.engine IS 'docker or podman';
COMMENT ON COLUMN containers_seen.name IS 'Name of the container';
COMMENT ON COLUMN containers_seen.id IS 'The engine''s id';
COMMENT ON COLUMN containers_seen.state IS 'As the engine names it: running, exited, paused';
COMMENT ON COLUMN containers_seen.health IS 'Of its health check; null when it has none';
COMMENT ON COLUMN containers_seen.failing_streak IS 'Health checks failed in a row';
COMMENT ON COLUMN containers_seen.exit_code IS 'Exit code of the last run';
COMMENT ON COLUMN containers_seen.out_of_memory_killed IS 'Whether the kernel ended it for want of memory';
COMMENT ON COLUMN containers_seen.error IS 'Why the engine could not start it';
COMMENT ON COLUMN containers_seen.restart_count IS 'Restarts by the engine';
COMMENT ON COLUMN containers_seen.restart_policy IS 'Its restart policy';
COMMENT ON COLUMN containers_seen.image IS 'As it was asked for, tag included';
COMMENT ON COLUMN containers_seen.image_id IS 'Id of the image';
COMMENT ON COLUMN containers_seen.image_digest IS 'Digest of the image';
COMMENT ON COLUMN containers_seen.created_at IS 'When it was created';
COMMENT ON COLUMN containers_seen.started_at IS 'When it was last started';
COMMENT ON COLUMN containers_seen.finished_at IS 'When it last ended';
COMMENT ON COLUMN containers_seen.uptime_seconds IS 'How long it had run at the look, seconds';
COMMENT ON COLUMN containers_seen.compose_project IS 'Project of its compose file';
COMMENT ON COLUMN containers_seen.compose_service IS 'Service in that project';
COMMENT ON COLUMN containers_seen.networks IS 'Networks it is attached to';
COMMENT ON COLUMN containers_seen.cpu_utilization IS 'Of one processor: 2.0 is two in full use';
COMMENT ON COLUMN containers_seen.memory_bytes IS 'Memory in use, bytes';
COMMENT ON COLUMN containers_seen.memory_limit_bytes IS 'Limit of memory, bytes';
COMMENT ON COLUMN containers_seen.block_read_bytes IS 'Read from block devices, bytes';
COMMENT ON COLUMN containers_seen.block_written_bytes IS 'Written to block devices, bytes';
COMMENT ON COLUMN containers_seen.network_received_bytes IS 'Received, bytes';
COMMENT ON COLUMN containers_seen.network_sent_bytes IS 'Sent, bytes';
COMMENT ON COLUMN containers_seen.processes IS 'Processes in it';
COMMENT ON COLUMN containers_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN containers_seen.event_id IS 'That look';
COMMENT ON VIEW containers IS 'Containers as it is now; gone: the newest complete look does not show it';
COMMENT ON TABLE container_ports_seen IS 'Ports of containers, by their place in the list of their container''s look';
COMMENT ON COLUMN container_ports_seen.device_id IS 'The device';
COMMENT ON COLUMN container_ports_seen.engine IS 'docker or podman';
COMMENT ON COLUMN container_ports_seen.container IS 'Name of the container';
COMMENT ON COLUMN container_ports_seen.place IS 'Place in the list, from 0';
COMMENT ON COLUMN container_ports_seen.container_port IS 'Port inside the container';
COMMENT ON COLUMN container_ports_seen.protocol IS 'tcp, udp or sctp';
COMMENT ON COLUMN container_ports_seen.host_address IS 'Where the host offers it';
COMMENT ON COLUMN container_ports_seen.host_port IS 'Port of the host; null: not offered';
COMMENT ON COLUMN container_ports_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN container_ports_seen.event_id IS 'That look';
COMMENT ON VIEW container_ports IS 'Ports of containers as they are now: those of the newest look at their owner';
