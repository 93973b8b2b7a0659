-- name: gap_watch
-- Holes that were noticed and not yet told: what closes by itself within the grace is no gap.
CREATE TABLE gap_watch (
    topic text NOT NULL,
    subject text NOT NULL,
    scope text NOT NULL,
    first_missing bigint NOT NULL,
    last_missing bigint NOT NULL,
    noticed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, subject, scope, first_missing, last_missing)
);

-- name: view_gaps_open
-- Gaps that were reported and are not closed, with what of them is still missing, and holes that no report explains.
CREATE OR REPLACE VIEW gaps_open AS
SELECT g.gap_id, g.counted_by, g.topic, g.subject, g.scope, g.partition, g.first_missing, g.last_missing,
       CASE WHEN g.counted_by = 'sequence'
            THEN (SELECT coalesce(sum(upper(rest) - lower(rest)), 0)::bigint
                  FROM unnest(int8multirange(int8range(g.first_missing, g.last_missing, '[]'))
                              - coalesce(l.seen + l.dead, '{}')) AS rest)
            ELSE g.last_missing - g.first_missing + 1 END AS missing,
       g.reason, g.detected_at
FROM gaps g
LEFT JOIN sequence_ledger l ON g.counted_by = 'sequence' AND (l.topic, l.subject, l.scope) = (g.topic, g.subject, g.scope)
WHERE g.closed_at IS NULL AND g.detected_at IS NOT NULL
UNION ALL
SELECT NULL, 'sequence', h.topic, h.subject, h.scope, NULL, lower(rest), upper(rest) - 1, upper(rest) - lower(rest),
       NULL, NULL
FROM sequence_holes h
CROSS JOIN LATERAL (
    SELECT range_agg(int8range(g.first_missing, g.last_missing, '[]')) AS reported FROM gaps g
    WHERE g.counted_by = 'sequence' AND g.detected_at IS NOT NULL
      AND g.topic = h.topic AND g.subject = h.subject AND g.scope = h.scope
) AS e
CROSS JOIN LATERAL unnest(
    int8multirange(int8range(h.first_missing, h.last_missing, '[]')) - coalesce(e.reported, '{}')
) AS rest;

-- name: gap_comments
-- What the columns mean.
COMMENT ON TABLE gap_watch IS 'Holes in sequences that were noticed and not yet told: a gap after the grace time';
COMMENT ON COLUMN gap_watch.topic IS 'Topic';
COMMENT ON COLUMN gap_watch.subject IS 'Subject';
COMMENT ON COLUMN gap_watch.scope IS 'Agent epoch, else the source itself';
COMMENT ON COLUMN gap_watch.first_missing IS 'First sequence that is missing';
COMMENT ON COLUMN gap_watch.last_missing IS 'Last sequence that is missing';
COMMENT ON COLUMN gap_watch.noticed_at IS 'When it was first seen; the time of the gap.detected';
COMMENT ON COLUMN rule_sets.kind IS 'alert_rules, status_policy, entity_policy or notification_policy';
