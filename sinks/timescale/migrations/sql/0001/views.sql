-- name: view_metrics
-- Samples with what they measure, for people and dashboards.
CREATE VIEW metrics AS
SELECT m.time, s.device_id, s.name, s.unit, s.labels, m.value, m.series_id
FROM metric_samples m JOIN metric_series s USING (series_id);

-- name: view_device_overview
-- One row a device: what it is, how it is, and when it was last looked at with success.
CREATE VIEW device_overview AS
SELECT
    device_id,
    d.hostname,
    coalesce(s.status, 'unknown') AS status,
    s.reason AS status_reason,
    s.summary AS status_summary,
    s.since AS status_since,
    (SELECT max(c.time) FROM collections c
      WHERE c.device_id = device_id_of.device_id AND c.status = 'success') AS last_seen_at,
    (SELECT count(*) FROM alerts a
      WHERE a.device_id = device_id_of.device_id AND a.resolved_at IS NULL) AS open_alerts,
    d.os_name,
    d.kernel,
    d.processor_count,
    d.memory_bytes,
    d.agent_id,
    d.groups,
    d.parents,
    d.labels,
    d.retired_at IS NOT NULL AND d.retired_at >= coalesce(d.observed_at, d.retired_at) AS retired
FROM (SELECT device_id FROM devices UNION SELECT device_id FROM device_status) AS device_id_of
LEFT JOIN devices d USING (device_id)
LEFT JOIN device_status s USING (device_id);

-- name: view_alerts_open
-- Alerts that hold now, with whether somebody has taken them on.
CREATE VIEW alerts_open AS
SELECT
    a.alert_id, a.device_id, a.rule, a.severity, a.raised_at, a.since, a.value, a.threshold, a.unit, a.summary,
    a.description, a.runbook, a.labels,
    coalesce(r.acknowledged, false) AS acknowledged,
    CASE WHEN r.acknowledged THEN r.operator END AS acknowledged_by,
    CASE WHEN r.acknowledged THEN r.time END AS acknowledged_at
FROM alerts a LEFT JOIN alert_remarks r USING (alert_id)
WHERE a.resolved_at IS NULL;

-- name: view_sequence_holes
-- What is missing between the sequences that were seen, stream by stream.
CREATE VIEW sequence_holes AS
SELECT l.topic, l.subject, l.scope, lower(hole) AS first_missing, upper(hole) - 1 AS last_missing,
       upper(hole) - lower(hole) AS missing, l.updated_at
FROM sequence_ledger l
CROSS JOIN LATERAL (SELECT l.seen + l.dead AS known) AS k
CROSS JOIN LATERAL unnest(
    CASE WHEN upper(k.known) > l.since_sequence
         THEN int8multirange(int8range(l.since_sequence, upper(k.known))) - k.known
         ELSE '{}'::int8multirange END
) AS hole;

-- name: view_gaps_open
-- Gaps that were reported and are not closed, and holes that no report explains.
CREATE VIEW gaps_open AS
SELECT g.gap_id, g.counted_by, g.topic, g.subject, g.scope, g.partition, g.first_missing, g.last_missing,
       g.last_missing - g.first_missing + 1 AS missing, g.reason, g.detected_at
FROM gaps g WHERE g.closed_at IS NULL AND g.detected_at IS NOT NULL
UNION ALL
SELECT NULL, 'sequence', h.topic, h.subject, h.scope, NULL, lower(rest), upper(rest) - 1, upper(rest) - lower(rest),
       NULL, NULL
FROM sequence_holes h
CROSS JOIN LATERAL (
    SELECT range_agg(int8range(g.first_missing, g.last_missing, '[]')) AS reported FROM gaps g
    WHERE g.counted_by = 'sequence' AND g.topic = h.topic AND g.subject = h.subject AND g.scope = h.scope
) AS e
CROSS JOIN LATERAL unnest(
    int8multirange(int8range(h.first_missing, h.last_missing, '[]')) - coalesce(e.reported, '{}')
) AS rest;

-- name: view_comments
-- What the views are for.
COMMENT ON VIEW metrics IS 'Samples with device, name, unit and labels';
COMMENT ON VIEW device_overview IS 'One row a device: inventory, status, last successful look, open alerts';
COMMENT ON VIEW alerts_open IS 'Alerts that hold now';
COMMENT ON VIEW sequence_holes IS 'Missing sequences by stream, explained or not';
COMMENT ON VIEW gaps_open IS 'Open gaps: reported and not closed, and holes that no report explains (gap_id null)';
