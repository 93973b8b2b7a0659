-- name: upsert_entity_looks
-- The newest look at each list, and the newest complete one. Locks these rows, so that others who store looks at the
-- same list at the same time wait for each other.
INSERT INTO entity_looks AS l (device_id, family, scope, seen_at, event_id, complete_at, complete_event_id)
SELECT
    r.device_id, r.family, r.scope,
    (array_agg(r.seen_at ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.event_id ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.seen_at ORDER BY r.seen_at DESC, r.event_id DESC) FILTER (WHERE r.complete))[1],
    (array_agg(r.event_id ORDER BY r.seen_at DESC, r.event_id DESC) FILTER (WHERE r.complete))[1]
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    device_id text, family text, scope text, seen_at timestamptz, event_id uuid, complete boolean
)
GROUP BY r.device_id, r.family, r.scope
ORDER BY r.device_id, r.family, r.scope
ON CONFLICT (device_id, family, scope) DO UPDATE SET
    seen_at = greatest(l.seen_at, excluded.seen_at),
    event_id = CASE WHEN (excluded.seen_at, excluded.event_id) > (l.seen_at, l.event_id)
                    THEN excluded.event_id ELSE l.event_id END,
    complete_at = greatest(l.complete_at, excluded.complete_at),
    complete_event_id = CASE WHEN l.complete_at IS NULL
                               OR (excluded.complete_at, excluded.complete_event_id)
                                  > (l.complete_at, l.complete_event_id)
                             THEN excluded.complete_event_id ELSE l.complete_event_id END
WHERE (excluded.seen_at, excluded.event_id) > (l.seen_at, l.event_id)
   OR excluded.complete_at IS NOT NULL AND l.complete_at IS NULL
   OR (excluded.complete_at, excluded.complete_event_id) > (l.complete_at, l.complete_event_id);

-- name: insert_entity_changes
-- The history of changes.
INSERT INTO entity_changes (
    time, event_id, device_id, family, entity, what, previous, status, before, after, details, summary, since,
    evidence, appended_at
)
SELECT r.time, r.event_id, r.device_id, r.family, r.entity, r.what, r.previous, r.status, r.before, r.after, r.details,
       r.summary, r.since, r.evidence, r.appended_at
FROM jsonb_populate_recordset(NULL::entity_changes, %(rows)s::jsonb) AS r
ORDER BY r.time, r.event_id
ON CONFLICT DO NOTHING;

-- name: upsert_entity_status
-- The judged status of each thing: the newest by time, then id.
INSERT INTO entity_status AS s (
    device_id, family, entity, time, event_id, what, previous, status, summary, since
)
SELECT DISTINCT ON (r.device_id, r.family, r.entity)
    r.device_id, r.family, r.entity, r.time, r.event_id, r.what, r.previous, r.status, r.summary, r.since
FROM jsonb_populate_recordset(NULL::entity_status, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.family, r.entity, r.time DESC, r.event_id DESC
ON CONFLICT (device_id, family, entity) DO UPDATE SET
    time = excluded.time, event_id = excluded.event_id, what = excluded.what, previous = excluded.previous,
    status = excluded.status, summary = excluded.summary, since = excluded.since
WHERE (excluded.time, excluded.event_id) > (s.time, s.event_id);

-- name: insert_config_changes
-- What changed in configuration files.
INSERT INTO config_changes (
    event_id, time, device_id, entity, path, kind, what, status, previous_hash, content_hash, differences, diff, note
)
SELECT r.event_id, r.time, r.device_id, r.entity, r.path, r.kind, r.what, r.status, r.previous_hash, r.content_hash,
       r.differences, r.diff, r.note
FROM jsonb_populate_recordset(NULL::config_changes, %(rows)s::jsonb) AS r
ORDER BY r.event_id
ON CONFLICT DO NOTHING;

-- name: upsert_config_contents
-- Contents by hash: what was parsed is of the newest look, the difference of the first.
INSERT INTO config_contents AS c (
    device_id, entity, content_hash, path, kind, size_bytes, content, error, diff, first_seen_at, first_event_id,
    seen_at, event_id
)
SELECT
    r.device_id, r.entity, r.content_hash,
    (array_agg(r.path ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.kind ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.size_bytes ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.content ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.error ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.diff ORDER BY r.seen_at, r.event_id))[1],
    (array_agg(r.seen_at ORDER BY r.seen_at, r.event_id))[1],
    (array_agg(r.event_id ORDER BY r.seen_at, r.event_id))[1],
    (array_agg(r.seen_at ORDER BY r.seen_at DESC, r.event_id DESC))[1],
    (array_agg(r.event_id ORDER BY r.seen_at DESC, r.event_id DESC))[1]
FROM jsonb_populate_recordset(NULL::config_contents, %(rows)s::jsonb) AS r
GROUP BY r.device_id, r.entity, r.content_hash
ORDER BY r.device_id, r.entity, r.content_hash
ON CONFLICT (device_id, entity, content_hash) DO UPDATE SET
    (path, kind, size_bytes, content, error, seen_at, event_id) = (
        SELECT n.path, n.kind, n.size_bytes, n.content, n.error, n.seen_at, n.event_id FROM (
            VALUES (c.path, c.kind, c.size_bytes, c.content, c.error, c.seen_at, c.event_id),
                   (excluded.path, excluded.kind, excluded.size_bytes, excluded.content, excluded.error,
                    excluded.seen_at, excluded.event_id)
        ) AS n (path, kind, size_bytes, content, error, seen_at, event_id)
        ORDER BY n.seen_at DESC, n.event_id DESC LIMIT 1
    ),
    (diff, first_seen_at, first_event_id) = (
        SELECT o.diff, o.first_seen_at, o.first_event_id FROM (
            VALUES (c.diff, c.first_seen_at, c.first_event_id),
                   (excluded.diff, excluded.first_seen_at, excluded.first_event_id)
        ) AS o (diff, first_seen_at, first_event_id)
        ORDER BY o.first_seen_at, o.first_event_id LIMIT 1
    )
WHERE (excluded.seen_at, excluded.event_id) > (c.seen_at, c.event_id)
   OR (excluded.first_seen_at, excluded.first_event_id) < (c.first_seen_at, c.first_event_id);

-- name: upsert_baselines
-- What is accepted of each thing: the newest word counts.
INSERT INTO baselines AS b (
    device_id, kind, entity, time, event_id, operator, accepted, observation_id, comment
)
SELECT DISTINCT ON (r.device_id, r.kind, r.entity)
    r.device_id, r.kind, r.entity, r.time, r.event_id, r.operator, r.accepted, r.observation_id, r.comment
FROM jsonb_populate_recordset(NULL::baselines, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.kind, r.entity, r.time DESC, r.event_id DESC
ON CONFLICT (device_id, kind, entity) DO UPDATE SET
    time = excluded.time, event_id = excluded.event_id, operator = excluded.operator, accepted = excluded.accepted,
    observation_id = excluded.observation_id, comment = excluded.comment
WHERE (excluded.time, excluded.event_id) > (b.time, b.event_id);

-- name: upsert_silences
-- Silences as they were made, or changed: the newest word counts.
INSERT INTO silences AS s (
    silence_id, device_id, time, event_id, operator, matchers, starts_at, ends_at, comment
)
SELECT DISTINCT ON (r.silence_id)
    r.silence_id, r.device_id, r.time, r.event_id, r.operator, r.matchers, r.starts_at, r.ends_at, r.comment
FROM jsonb_populate_recordset(NULL::silences, %(rows)s::jsonb) AS r
ORDER BY r.silence_id, r.time DESC, r.event_id DESC
ON CONFLICT (silence_id) DO UPDATE SET
    device_id = excluded.device_id, time = excluded.time, event_id = excluded.event_id, operator = excluded.operator,
    matchers = excluded.matchers, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
    comment = excluded.comment
WHERE s.time IS NULL OR (excluded.time, excluded.event_id) > (s.time, s.event_id);

-- name: upsert_silence_ends
-- Silences that an operator ended; one may be ended before it is seen.
INSERT INTO silences AS s (silence_id, device_id, ended_at, ended_event_id, ended_by, ended_comment)
SELECT DISTINCT ON (r.silence_id)
    r.silence_id, r.device_id, r.ended_at, r.ended_event_id, r.ended_by, r.ended_comment
FROM jsonb_populate_recordset(NULL::silences, %(rows)s::jsonb) AS r
ORDER BY r.silence_id, r.ended_at DESC, r.ended_event_id DESC
ON CONFLICT (silence_id) DO UPDATE SET
    ended_at = excluded.ended_at, ended_event_id = excluded.ended_event_id, ended_by = excluded.ended_by,
    ended_comment = excluded.ended_comment
WHERE s.ended_at IS NULL OR (excluded.ended_at, excluded.ended_event_id) > (s.ended_at, s.ended_event_id);

-- name: upsert_maintenance
-- Maintenance as it was started or planned: the newest word counts.
INSERT INTO maintenance AS m (
    maintenance_id, device_id, time, event_id, operator, groups, matchers, starts_at, ends_at, comment
)
SELECT DISTINCT ON (r.maintenance_id)
    r.maintenance_id, r.device_id, r.time, r.event_id, r.operator, r.groups, r.matchers, r.starts_at, r.ends_at,
    r.comment
FROM jsonb_populate_recordset(NULL::maintenance, %(rows)s::jsonb) AS r
ORDER BY r.maintenance_id, r.time DESC, r.event_id DESC
ON CONFLICT (maintenance_id) DO UPDATE SET
    device_id = excluded.device_id, time = excluded.time, event_id = excluded.event_id, operator = excluded.operator,
    groups = excluded.groups, matchers = excluded.matchers, starts_at = excluded.starts_at,
    ends_at = excluded.ends_at, comment = excluded.comment
WHERE m.time IS NULL OR (excluded.time, excluded.event_id) > (m.time, m.event_id);

-- name: upsert_maintenance_ends
-- Maintenance that was ended; one may be ended before it is seen.
INSERT INTO maintenance AS m (maintenance_id, device_id, ended_at, ended_event_id, ended_by, ended_comment)
SELECT DISTINCT ON (r.maintenance_id)
    r.maintenance_id, r.device_id, r.ended_at, r.ended_event_id, r.ended_by, r.ended_comment
FROM jsonb_populate_recordset(NULL::maintenance, %(rows)s::jsonb) AS r
ORDER BY r.maintenance_id, r.ended_at DESC, r.ended_event_id DESC
ON CONFLICT (maintenance_id) DO UPDATE SET
    ended_at = excluded.ended_at, ended_event_id = excluded.ended_event_id, ended_by = excluded.ended_by,
    ended_comment = excluded.ended_comment
WHERE m.ended_at IS NULL OR (excluded.ended_at, excluded.ended_event_id) > (m.ended_at, m.ended_event_id);
