-- name: upsert_devices
-- The inventory: the newest record of each device, by time, then id; first seen is the earliest of all.
INSERT INTO devices AS d (
    device_id, first_seen_at, observed_at, event_id, hostname, machine_id, boot_id, kernel, architecture, os_id,
    os_version, os_name, processor_model, processor_count, memory_bytes, agent_id, agent_version, groups, parents, labels
)
SELECT DISTINCT ON (r.device_id)
    r.device_id, min(r.observed_at) OVER (PARTITION BY r.device_id), r.observed_at, r.event_id, r.hostname,
    r.machine_id, r.boot_id, r.kernel, r.architecture, r.os_id, r.os_version, r.os_name, r.processor_model,
    r.processor_count, r.memory_bytes, r.agent_id, r.agent_version, r.groups, r.parents, r.labels
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    device_id text, observed_at timestamptz, event_id uuid, hostname text, machine_id text, boot_id text, kernel text,
    architecture text, os_id text, os_version text, os_name text, processor_model text, processor_count integer,
    memory_bytes bigint, agent_id text, agent_version text, groups text[], parents text[], labels jsonb
)
ORDER BY r.device_id, r.observed_at DESC, r.event_id DESC
ON CONFLICT (device_id) DO UPDATE SET
    first_seen_at = least(d.first_seen_at, excluded.first_seen_at), observed_at = excluded.observed_at,
    event_id = excluded.event_id, hostname = excluded.hostname, machine_id = excluded.machine_id,
    boot_id = excluded.boot_id, kernel = excluded.kernel, architecture = excluded.architecture, os_id = excluded.os_id,
    os_version = excluded.os_version, os_name = excluded.os_name, processor_model = excluded.processor_model,
    processor_count = excluded.processor_count, memory_bytes = excluded.memory_bytes, agent_id = excluded.agent_id,
    agent_version = excluded.agent_version, groups = excluded.groups, parents = excluded.parents,
    labels = excluded.labels
WHERE d.observed_at IS NULL OR (excluded.observed_at, excluded.event_id) > (d.observed_at, d.event_id);

-- name: update_first_seen
-- A record that comes late may be the earliest of its device.
UPDATE devices d SET first_seen_at = r.observed_at
FROM (
    SELECT r.device_id, min(r.observed_at) AS observed_at
    FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (device_id text, observed_at timestamptz) GROUP BY r.device_id
) AS r
WHERE d.device_id = r.device_id AND r.observed_at < d.first_seen_at;

-- name: upsert_retirements
-- Devices that are no longer watched: the newest word counts.
INSERT INTO devices AS d (device_id, retired_at, retired_event_id, retired_reason)
SELECT DISTINCT ON (r.device_id) r.device_id, r.retired_at, r.event_id, r.reason
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (device_id text, retired_at timestamptz, event_id uuid, reason text)
ORDER BY r.device_id, r.retired_at DESC, r.event_id DESC
ON CONFLICT (device_id) DO UPDATE SET
    retired_at = excluded.retired_at, retired_event_id = excluded.retired_event_id,
    retired_reason = excluded.retired_reason
WHERE d.retired_at IS NULL
   OR (excluded.retired_at, excluded.retired_event_id) > (d.retired_at, d.retired_event_id);

-- name: insert_status_changes
-- The history of statuses.
INSERT INTO status_changes (
    time, event_id, device_id, previous, status, reason, summary, since, clock_skew_seconds, failing, appended_at
)
SELECT r.time, r.event_id, r.device_id, r.previous, r.status, r.reason, r.summary, r.since, r.clock_skew_seconds,
       r.failing, r.appended_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    time timestamptz, event_id uuid, device_id text, previous text, status text, reason text, summary text,
    since timestamptz, clock_skew_seconds double precision, failing jsonb, appended_at timestamptz
)
ON CONFLICT DO NOTHING;

-- name: upsert_device_status
-- The status of each device as it is now: the newest by time, then id.
INSERT INTO device_status AS d (
    device_id, time, event_id, previous, status, reason, summary, since, clock_skew_seconds, failing
)
SELECT DISTINCT ON (r.device_id)
    r.device_id, r.time, r.event_id, r.previous, r.status, r.reason, r.summary, r.since, r.clock_skew_seconds, r.failing
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    time timestamptz, event_id uuid, device_id text, previous text, status text, reason text, summary text,
    since timestamptz, clock_skew_seconds double precision, failing jsonb
)
ORDER BY r.device_id, r.time DESC, r.event_id DESC
ON CONFLICT (device_id) DO UPDATE SET
    time = excluded.time, event_id = excluded.event_id, previous = excluded.previous, status = excluded.status,
    reason = excluded.reason, summary = excluded.summary, since = excluded.since,
    clock_skew_seconds = excluded.clock_skew_seconds, failing = excluded.failing
WHERE (excluded.time, excluded.event_id) > (d.time, d.event_id);

-- name: upsert_alerts
-- One row an alert: raised and resolved each bring their part, in whatever order they come.
INSERT INTO alerts AS a (
    alert_id, device_id, rule, rule_revision, severity, labels, unit, raised_at, since, value, threshold, summary,
    description, runbook, historical, resolved_at, resolved_event_id, resolved_reason, resolved_value
)
SELECT DISTINCT ON (r.alert_id)
       r.alert_id, r.device_id, r.rule, r.rule_revision, r.severity, r.labels, r.unit, r.raised_at, r.since, r.value,
       r.threshold, r.summary, r.description, r.runbook, bool_or(r.historical) OVER (PARTITION BY r.alert_id),
       r.resolved_at, r.resolved_event_id, r.resolved_reason, r.resolved_value
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    alert_id uuid, device_id text, rule text, rule_revision integer, severity text, labels jsonb, unit text,
    raised_at timestamptz, since timestamptz, value double precision, threshold double precision, summary text,
    description text, runbook text, historical boolean, resolved_at timestamptz, resolved_event_id uuid,
    resolved_reason text, resolved_value double precision
)
ORDER BY r.alert_id, r.resolved_at, r.resolved_event_id
ON CONFLICT (alert_id) DO UPDATE SET
    since = coalesce(excluded.since, a.since),
    value = coalesce(excluded.value, a.value),
    threshold = coalesce(excluded.threshold, a.threshold),
    summary = CASE WHEN excluded.since IS NULL THEN a.summary ELSE excluded.summary END,
    description = coalesce(excluded.description, a.description),
    runbook = coalesce(excluded.runbook, a.runbook),
    historical = a.historical OR excluded.historical,
    (resolved_at, resolved_event_id, resolved_reason, resolved_value) = (
        SELECT first.at, first.id, first.reason, first.value
        FROM (VALUES
            (a.resolved_at, a.resolved_event_id, a.resolved_reason, a.resolved_value),
            (excluded.resolved_at, excluded.resolved_event_id, excluded.resolved_reason, excluded.resolved_value)
        ) AS first (at, id, reason, value)
        ORDER BY first.at, first.id
        LIMIT 1
    )
WHERE (excluded.since IS NOT NULL AND a.since IS NULL)
   OR (excluded.resolved_at IS NOT NULL AND (a.resolved_at IS NULL OR (excluded.resolved_at, excluded.resolved_event_id)
                                             < (a.resolved_at, a.resolved_event_id)))
   OR (excluded.historical AND NOT a.historical);

-- name: upsert_alert_remarks
-- What operators said last of each alert.
INSERT INTO alert_remarks AS a (alert_id, time, event_id, acknowledged, operator, comment)
SELECT DISTINCT ON (r.alert_id) r.alert_id, r.time, r.event_id, r.acknowledged, r.operator, r.comment
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    alert_id uuid, time timestamptz, event_id uuid, acknowledged boolean, operator text, comment text
)
ORDER BY r.alert_id, r.time DESC, r.event_id DESC
ON CONFLICT (alert_id) DO UPDATE SET
    time = excluded.time, event_id = excluded.event_id, acknowledged = excluded.acknowledged,
    operator = excluded.operator, comment = excluded.comment
WHERE (excluded.time, excluded.event_id) > (a.time, a.event_id);

-- name: insert_alert_transitions
-- Every event about an alert.
INSERT INTO alert_transitions (
    event_id, time, alert_id, transition, device_id, rule, severity, value, reason, operator, comment, evidence,
    appended_at
)
SELECT r.event_id, r.time, r.alert_id, r.transition, r.device_id, r.rule, r.severity, r.value, r.reason, r.operator,
       r.comment, r.evidence, r.appended_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    event_id uuid, time timestamptz, alert_id uuid, transition text, device_id text, rule text, severity text,
    value double precision, reason text, operator text, comment text, evidence jsonb, appended_at timestamptz
)
ON CONFLICT DO NOTHING;

-- name: upsert_requests
-- The ledger of notifications: what was requested, or decided not to be told.
INSERT INTO notifications AS n (
    notification_id, device_id, receiver, alert_ids, requested_at, kind, rule, severity, title, body, since, runbook
)
SELECT r.notification_id, r.device_id, r.receiver, r.alert_ids, r.requested_at, r.kind, r.rule, r.severity, r.title,
       r.body, r.since, r.runbook
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    notification_id uuid, device_id text, receiver text, alert_ids uuid[], requested_at timestamptz, kind text,
    rule text, severity text, title text, body text, since timestamptz, runbook text
)
ORDER BY r.notification_id
ON CONFLICT (notification_id) DO UPDATE SET
    device_id = excluded.device_id, receiver = excluded.receiver, alert_ids = excluded.alert_ids,
    requested_at = excluded.requested_at, kind = excluded.kind, rule = excluded.rule, severity = excluded.severity,
    title = excluded.title, body = excluded.body, since = excluded.since, runbook = excluded.runbook
WHERE n.requested_at IS NULL;

-- name: upsert_outcomes
-- What became of a notification: the newest outcome by time, then id.
INSERT INTO notifications AS n (
    notification_id, device_id, receiver, alert_ids, outcome, outcome_at, outcome_event_id, attempts, message_id,
    already_there, reason, detail
)
SELECT DISTINCT ON (r.notification_id)
    r.notification_id, r.device_id, r.receiver, r.alert_ids, r.outcome, r.outcome_at, r.outcome_event_id, r.attempts,
    r.message_id, r.already_there, r.reason, r.detail
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    notification_id uuid, device_id text, receiver text, alert_ids uuid[], outcome text, outcome_at timestamptz,
    outcome_event_id uuid, attempts integer, message_id text, already_there boolean, reason text, detail text
)
ORDER BY r.notification_id, r.outcome_at DESC, r.outcome_event_id DESC
ON CONFLICT (notification_id) DO UPDATE SET
    receiver = coalesce(n.receiver, excluded.receiver),
    outcome = excluded.outcome, outcome_at = excluded.outcome_at, outcome_event_id = excluded.outcome_event_id,
    attempts = excluded.attempts, message_id = excluded.message_id, already_there = excluded.already_there,
    reason = excluded.reason, detail = excluded.detail
WHERE n.outcome_at IS NULL OR (excluded.outcome_at, excluded.outcome_event_id) > (n.outcome_at, n.outcome_event_id);

-- name: upsert_dead_letters
-- Dead letters by identity; one that was sent again is counted, not stored again.
INSERT INTO dead_letters AS d (
    consumer, topic, partition, kafka_offset, reason, field, message, attempts, appended_at, failed_at, key, value,
    value_bytes, headers, letter_partition, letter_offset, times
)
SELECT DISTINCT ON (r.consumer, r.topic, r.partition, r.kafka_offset)
    r.consumer, r.topic, r.partition, r.kafka_offset, r.reason, r.field, r.message, r.attempts, r.appended_at,
    r.failed_at, decode(r.key, 'base64'), decode(r.value, 'base64'), r.value_bytes, r.headers, r.letter_partition,
    r.letter_offset, count(*) OVER (PARTITION BY r.consumer, r.topic, r.partition, r.kafka_offset)
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    consumer text, topic text, partition integer, kafka_offset bigint, reason text, field text, message text,
    attempts integer, appended_at timestamptz, failed_at timestamptz, key text, value text, value_bytes bigint,
    headers jsonb, letter_partition integer, letter_offset bigint
)
ORDER BY r.consumer, r.topic, r.partition, r.kafka_offset, r.letter_offset
ON CONFLICT (consumer, topic, partition, kafka_offset) DO UPDATE SET times = d.times + excluded.times;

-- name: upsert_gaps
-- Gaps that were reported.
INSERT INTO gaps AS g (
    gap_id, detected_at, source, counted_by, scope, topic, subject, partition, first_missing, last_missing, reason,
    detail
)
SELECT r.gap_id, r.detected_at, r.source, r.counted_by, r.scope, r.topic, r.subject, r.partition, r.first_missing,
       r.last_missing, r.reason, r.detail
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    gap_id uuid, detected_at timestamptz, source text, counted_by text, scope text, topic text, subject text,
    partition integer, first_missing bigint, last_missing bigint, reason text, detail text
)
ORDER BY r.gap_id
ON CONFLICT (gap_id) DO UPDATE SET
    detected_at = excluded.detected_at, source = excluded.source, counted_by = excluded.counted_by,
    scope = excluded.scope, topic = excluded.topic, subject = excluded.subject, partition = excluded.partition,
    first_missing = excluded.first_missing, last_missing = excluded.last_missing, reason = excluded.reason,
    detail = excluded.detail
WHERE g.detected_at IS NULL;

-- name: upsert_closings
-- Gaps that are whole again; one may be closed before its report is read.
INSERT INTO gaps AS g (
    gap_id, scope, topic, subject, first_missing, last_missing, closed_at, closed_event_id
)
SELECT DISTINCT ON (r.gap_id)
    r.gap_id, r.scope, r.topic, r.subject, r.first_missing, r.last_missing, r.closed_at, r.closed_event_id
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    gap_id uuid, scope text, topic text, subject text, first_missing bigint, last_missing bigint,
    closed_at timestamptz, closed_event_id uuid
)
ORDER BY r.gap_id, r.closed_at DESC, r.closed_event_id DESC
ON CONFLICT (gap_id) DO UPDATE SET
    closed_at = excluded.closed_at, closed_event_id = excluded.closed_event_id
WHERE g.closed_at IS NULL OR (excluded.closed_at, excluded.closed_event_id) > (g.closed_at, g.closed_event_id);

-- name: upsert_rule_sets
-- Sets of rules, once a hash.
INSERT INTO rule_sets AS s (kind, hash, revision, document, first_loaded_at)
SELECT DISTINCT ON (r.kind, r.hash) r.kind, r.hash, r.revision, r.document, r.loaded_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (
    kind text, hash text, revision integer, document jsonb, loaded_at timestamptz
)
ORDER BY r.kind, r.hash, r.loaded_at
ON CONFLICT (kind, hash) DO UPDATE SET first_loaded_at = least(s.first_loaded_at, excluded.first_loaded_at)
WHERE excluded.first_loaded_at < s.first_loaded_at;
