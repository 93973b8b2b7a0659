-- name: upsert_packages
-- What waits to be updated, one row a device and package manager.
INSERT INTO packages AS s (
    device_id, manager, updates_count, security_count, reboot_required, reboot_because, running_kernel,
    installed_kernel, index_updated_at, note, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.manager)
    r.device_id, r.manager, r.updates_count, r.security_count, r.reboot_required, r.reboot_because, r.running_kernel,
    r.installed_kernel, r.index_updated_at, r.note, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::packages, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.manager, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, manager) DO UPDATE SET
    updates_count = excluded.updates_count, security_count = excluded.security_count,
    reboot_required = excluded.reboot_required, reboot_because = excluded.reboot_because,
    running_kernel = excluded.running_kernel, installed_kernel = excluded.installed_kernel,
    index_updated_at = excluded.index_updated_at, note = excluded.note, seen_at = excluded.seen_at,
    event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_package_updates
-- Packages that could be newer, as last seen.
INSERT INTO package_updates_seen AS s (
    device_id, manager, name, installed, available, security, origin, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.manager, r.name)
    r.device_id, r.manager, r.name, r.installed, r.available, r.security, r.origin, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::package_updates_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.manager, r.name, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, manager, name) DO UPDATE SET
    installed = excluded.installed, available = excluded.available, security = excluded.security,
    origin = excluded.origin, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
