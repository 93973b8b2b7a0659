-- name: upsert_pools
-- Pools as last seen, one row a pool.
INSERT INTO pools_seen AS s (
    device_id, name, guid, state, status, action, size_bytes, allocated_bytes, free_bytes, capacity, fragmentation,
    deduplication_ratio, read_only, data_errors, scan_kind, scan_state, scan_started_at, scan_ended_at, scan_progress,
    scan_scanned_bytes, scan_total_bytes, scan_repaired_bytes, scan_errors, scan_remaining_seconds, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.name)
    r.device_id, r.name, r.guid, r.state, r.status, r.action, r.size_bytes, r.allocated_bytes, r.free_bytes,
    r.capacity, r.fragmentation, r.deduplication_ratio, r.read_only, r.data_errors, r.scan_kind, r.scan_state,
    r.scan_started_at, r.scan_ended_at, r.scan_progress, r.scan_scanned_bytes, r.scan_total_bytes,
    r.scan_repaired_bytes, r.scan_errors, r.scan_remaining_seconds, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::pools_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.name, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, name) DO UPDATE SET
    guid = excluded.guid, state = excluded.state, status = excluded.status, action = excluded.action,
    size_bytes = excluded.size_bytes, allocated_bytes = excluded.allocated_bytes, free_bytes = excluded.free_bytes,
    capacity = excluded.capacity, fragmentation = excluded.fragmentation,
    deduplication_ratio = excluded.deduplication_ratio, read_only = excluded.read_only,
    data_errors = excluded.data_errors, scan_kind = excluded.scan_kind, scan_state = excluded.scan_state,
    scan_started_at = excluded.scan_started_at, scan_ended_at = excluded.scan_ended_at,
    scan_progress = excluded.scan_progress, scan_scanned_bytes = excluded.scan_scanned_bytes,
    scan_total_bytes = excluded.scan_total_bytes, scan_repaired_bytes = excluded.scan_repaired_bytes,
    scan_errors = excluded.scan_errors, scan_remaining_seconds = excluded.scan_remaining_seconds,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_pool_devices
-- Vdevs and devices of pools, by their place in the pool's tree.
INSERT INTO pool_devices_seen AS s (
    device_id, pool, place, name, kind, parent, path, state, read_errors, write_errors, checksum_errors, note,
    seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.pool, r.place)
    r.device_id, r.pool, r.place, r.name, r.kind, r.parent, r.path, r.state, r.read_errors, r.write_errors,
    r.checksum_errors, r.note, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::pool_devices_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.pool, r.place, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, pool, place) DO UPDATE SET
    name = excluded.name, kind = excluded.kind, parent = excluded.parent, path = excluded.path,
    state = excluded.state, read_errors = excluded.read_errors, write_errors = excluded.write_errors,
    checksum_errors = excluded.checksum_errors, note = excluded.note, seen_at = excluded.seen_at,
    event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_datasets
-- File systems and volumes of pools as last seen.
INSERT INTO datasets_seen AS s (
    device_id, pool, name, kind, used_bytes, available_bytes, referenced_bytes, quota_bytes, compression_ratio,
    mountpoint, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.pool, r.name)
    r.device_id, r.pool, r.name, r.kind, r.used_bytes, r.available_bytes, r.referenced_bytes, r.quota_bytes,
    r.compression_ratio, r.mountpoint, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::datasets_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.pool, r.name, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, pool, name) DO UPDATE SET
    kind = excluded.kind, used_bytes = excluded.used_bytes, available_bytes = excluded.available_bytes,
    referenced_bytes = excluded.referenced_bytes, quota_bytes = excluded.quota_bytes,
    compression_ratio = excluded.compression_ratio, mountpoint = excluded.mountpoint, seen_at = excluded.seen_at,
    event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
