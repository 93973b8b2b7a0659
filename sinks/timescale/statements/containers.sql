-- name: upsert_containers
-- Containers as last seen, one row a container of an engine.
INSERT INTO containers_seen AS s (
    device_id, engine, name, id, state, health, failing_streak, exit_code, out_of_memory_killed, error, restart_count,
    restart_policy, image, image_id, image_digest, created_at, started_at, finished_at, uptime_seconds,
    compose_project, compose_service, networks, cpu_utilization, memory_bytes, memory_limit_bytes, block_read_bytes,
    block_written_bytes, network_received_bytes, network_sent_bytes, processes, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.engine, r.name)
    r.device_id, r.engine, r.name, r.id, r.state, r.health, r.failing_streak, r.exit_code, r.out_of_memory_killed,
    r.error, r.restart_count, r.restart_policy, r.image, r.image_id, r.image_digest, r.created_at, r.started_at,
    r.finished_at, r.uptime_seconds, r.compose_project, r.compose_service, r.networks, r.cpu_utilization,
    r.memory_bytes, r.memory_limit_bytes, r.block_read_bytes, r.block_written_bytes, r.network_received_bytes,
    r.network_sent_bytes, r.processes, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::containers_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.engine, r.name, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, engine, name) DO UPDATE SET
    id = excluded.id, state = excluded.state, health = excluded.health, failing_streak = excluded.failing_streak,
    exit_code = excluded.exit_code, out_of_memory_killed = excluded.out_of_memory_killed, error = excluded.error,
    restart_count = excluded.restart_count, restart_policy = excluded.restart_policy, image = excluded.image,
    image_id = excluded.image_id, image_digest = excluded.image_digest, created_at = excluded.created_at,
    started_at = excluded.started_at, finished_at = excluded.finished_at, uptime_seconds = excluded.uptime_seconds,
    compose_project = excluded.compose_project, compose_service = excluded.compose_service,
    networks = excluded.networks, cpu_utilization = excluded.cpu_utilization, memory_bytes = excluded.memory_bytes,
    memory_limit_bytes = excluded.memory_limit_bytes, block_read_bytes = excluded.block_read_bytes,
    block_written_bytes = excluded.block_written_bytes, network_received_bytes = excluded.network_received_bytes,
    network_sent_bytes = excluded.network_sent_bytes, processes = excluded.processes, seen_at = excluded.seen_at,
    event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_container_ports
-- Ports of containers, by their place in the list of their container's look.
INSERT INTO container_ports_seen AS s (
    device_id, engine, container, place, container_port, protocol, host_address, host_port, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.engine, r.container, r.place)
    r.device_id, r.engine, r.container, r.place, r.container_port, r.protocol, r.host_address, r.host_port, r.seen_at,
    r.event_id
FROM jsonb_populate_recordset(NULL::container_ports_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.engine, r.container, r.place, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, engine, container, place) DO UPDATE SET
    container_port = excluded.container_port, protocol = excluded.protocol, host_address = excluded.host_address,
    host_port = excluded.host_port, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
