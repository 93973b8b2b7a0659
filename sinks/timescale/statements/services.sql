-- name: upsert_services
-- Units of the service manager as last seen, one row a unit.
INSERT INTO services_seen AS s (
    device_id, manager, unit, description, load_state, active_state, sub_state, enabled, result, exit_code, restarts,
    main_pid, memory_bytes, cpu_seconds, tasks, active_since, inactive_since, last_run_at, next_run_at, triggers,
    seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.manager, r.unit)
    r.device_id, r.manager, r.unit, r.description, r.load_state, r.active_state, r.sub_state, r.enabled, r.result,
    r.exit_code, r.restarts, r.main_pid, r.memory_bytes, r.cpu_seconds, r.tasks, r.active_since, r.inactive_since,
    r.last_run_at, r.next_run_at, r.triggers, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::services_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.manager, r.unit, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, manager, unit) DO UPDATE SET
    description = excluded.description, load_state = excluded.load_state, active_state = excluded.active_state,
    sub_state = excluded.sub_state, enabled = excluded.enabled, result = excluded.result,
    exit_code = excluded.exit_code, restarts = excluded.restarts, main_pid = excluded.main_pid,
    memory_bytes = excluded.memory_bytes, cpu_seconds = excluded.cpu_seconds, tasks = excluded.tasks,
    active_since = excluded.active_since, inactive_since = excluded.inactive_since,
    last_run_at = excluded.last_run_at, next_run_at = excluded.next_run_at, triggers = excluded.triggers,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
