-- name: upsert_config_files
-- Configuration files as last seen, one row a file.
INSERT INTO config_files AS s (
    device_id, entity, path, kind, name, present, enabled, content_hash, previous_hash, size_bytes, modified_at,
    error, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.entity)
    r.device_id, r.entity, r.path, r.kind, r.name, r.present, r.enabled, r.content_hash, r.previous_hash,
    r.size_bytes, r.modified_at, r.error, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::config_files, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.entity, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, entity) DO UPDATE SET
    path = excluded.path, kind = excluded.kind, name = excluded.name, present = excluded.present,
    enabled = excluded.enabled, content_hash = excluded.content_hash, previous_hash = excluded.previous_hash,
    size_bytes = excluded.size_bytes, modified_at = excluded.modified_at, error = excluded.error,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
