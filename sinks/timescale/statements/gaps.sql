-- name: try_gaps
-- Whether nobody else tells of gaps now; ours until the end of the transaction.
SELECT pg_try_advisory_xact_lock(4709231408);

-- name: unwatch_gaps
-- Holes that closed or changed since they were noticed, or whose report is stored, are watched no more; nor are gaps
-- that were closed. What is past the grace was told as it is: when some of it comes before the report is stored, it
-- stays, or the rest would be told once more. What was noticed at the time that a report gives was the hole, not its end.
DELETE FROM gap_watch w
WHERE NOT EXISTS (
    SELECT FROM gaps_open o
    WHERE (o.topic, o.subject, o.scope) = (w.topic, w.subject, w.scope)
      AND CASE
          WHEN (o.first_missing, o.last_missing) = (w.first_missing, w.last_missing)
          THEN o.gap_id IS NULL OR (o.missing = 0 AND o.detected_at <> w.noticed_at)
          ELSE o.gap_id IS NULL AND w.noticed_at <= now() - make_interval(secs => %(grace_s)s)
               AND o.first_missing <= w.last_missing AND o.last_missing >= w.first_missing
          END
);

-- name: watch_gaps
-- Notice the holes that no report explains, stored or under way.
INSERT INTO gap_watch (topic, subject, scope, first_missing, last_missing)
SELECT o.topic, o.subject, o.scope, o.first_missing, o.last_missing
FROM gaps_open o
WHERE o.gap_id IS NULL AND NOT EXISTS (
    SELECT FROM gap_watch w
    WHERE (w.topic, w.subject, w.scope) = (o.topic, o.subject, o.scope)
      AND o.first_missing <= w.last_missing AND o.last_missing >= w.first_missing
);

-- name: watch_whole_gaps
-- Notice the gaps of which nothing is missing any more.
INSERT INTO gap_watch (topic, subject, scope, first_missing, last_missing)
SELECT o.topic, o.subject, o.scope, o.first_missing, o.last_missing
FROM gaps_open o WHERE o.gap_id IS NOT NULL AND o.missing = 0
ON CONFLICT DO NOTHING;

-- name: ripe_gaps
-- Holes that were noticed longer ago than the grace.
SELECT w.topic, w.subject, w.scope, w.first_missing, w.last_missing, w.noticed_at
FROM gap_watch w
WHERE w.noticed_at <= now() - make_interval(secs => %(grace_s)s)
  AND NOT EXISTS (
      SELECT FROM gaps g
      WHERE g.detected_at IS NOT NULL
        AND (g.topic, g.subject, g.scope, g.first_missing, g.last_missing)
            = (w.topic, w.subject, w.scope, w.first_missing, w.last_missing)
  )
ORDER BY w.noticed_at, w.topic, w.subject, w.scope, w.first_missing
LIMIT %(most)s;

-- name: whole_gaps
-- Open gaps of which nothing is missing any more, and when that was noticed.
SELECT o.gap_id, o.topic, o.subject, o.scope, o.first_missing, o.last_missing, w.noticed_at
FROM gaps_open o
JOIN gap_watch w USING (topic, subject, scope, first_missing, last_missing)
WHERE o.gap_id IS NOT NULL AND o.missing = 0 AND o.detected_at <> w.noticed_at
ORDER BY o.gap_id
LIMIT %(most)s;

-- name: count_gaps
-- How many events are missing: told, and not yet told.
SELECT coalesce(sum(o.missing) FILTER (WHERE o.gap_id IS NOT NULL), 0)::bigint,
       coalesce(sum(o.missing) FILTER (WHERE o.gap_id IS NULL), 0)::bigint
FROM gaps_open o;

-- name: list_gaps
-- Gaps, the newest first; open ones, or all.
SELECT g.gap_id, coalesce(g.detected_at, g.closed_at) AS told_at, g.counted_by, g.topic, g.subject, g.scope,
       g.partition, g.first_missing, g.last_missing, g.reason, g.detail, g.source, g.closed_at,
       CASE WHEN g.closed_at IS NULL THEN o.missing ELSE 0 END AS missing
FROM gaps g LEFT JOIN gaps_open o USING (gap_id)
WHERE (%(closed)s OR g.closed_at IS NULL)
  AND (%(subject)s::text IS NULL OR g.subject = %(subject)s)
  AND (%(since)s::timestamptz IS NULL OR coalesce(g.detected_at, g.closed_at) >= %(since)s)
UNION ALL
SELECT NULL, w.noticed_at, 'sequence', w.topic, w.subject, w.scope, NULL, w.first_missing, w.last_missing, NULL, NULL,
       NULL, NULL, w.last_missing - w.first_missing + 1
FROM gap_watch w
WHERE (%(subject)s::text IS NULL OR w.subject = %(subject)s)
  AND (%(since)s::timestamptz IS NULL OR w.noticed_at >= %(since)s)
  AND NOT EXISTS (
      SELECT FROM gaps g
      WHERE (g.topic, g.subject, g.scope, g.first_missing, g.last_missing)
            = (w.topic, w.subject, w.scope, w.first_missing, w.last_missing)
  )
ORDER BY told_at DESC, topic, subject, first_missing
LIMIT %(most)s;

-- name: explain_streams
-- What the register holds of each stream of some subjects since a time, beside all that the ledger knows of it.
SELECT e.topic, e.subject, l.scope, e.lowest, e.highest, l.since_sequence, l.seen::text, l.dead::text
FROM (
    SELECT topic, subject, coalesce(epoch::text, source) AS scope, min(sequence) AS lowest, max(sequence) AS highest
    FROM events
    WHERE sequence IS NOT NULL AND time >= %(since)s AND (%(subject)s::text IS NULL OR subject = %(subject)s)
    GROUP BY topic, subject, coalesce(epoch::text, source)
) AS e
JOIN sequence_ledger l USING (topic, subject, scope)
WHERE (%(topic)s::text IS NULL OR e.topic = %(topic)s)
ORDER BY e.subject, e.topic, l.scope;

-- name: subject_known
-- Whether anything of a subject was ever stored.
SELECT EXISTS (SELECT FROM sequence_ledger l WHERE l.subject = %(subject)s)
    OR EXISTS (SELECT FROM devices d WHERE d.device_id = %(subject)s)
    OR EXISTS (SELECT FROM gaps g WHERE g.subject = %(subject)s);

-- name: explain_restored
-- Which of the sequences that the ledger misses are in the register all the same: a backfill brought them.
SELECT DISTINCT e.sequence
FROM events e
WHERE e.subject = %(subject)s AND e.topic = %(topic)s AND coalesce(e.epoch::text, e.source) = %(scope)s
  AND e.sequence BETWEEN %(first)s AND %(last)s AND e.sequence <@ %(lost)s::int8multirange
ORDER BY e.sequence;

-- name: explain_reports
-- Who reported what of the sequences of some subjects, and whether it is whole again.
SELECT g.topic, g.subject, g.scope, g.gap_id, g.first_missing, g.last_missing, g.reason, g.detail, g.source,
       g.detected_at, g.closed_at
FROM gaps g
WHERE g.counted_by = 'sequence' AND g.detected_at IS NOT NULL
  AND (%(subject)s::text IS NULL OR g.subject = %(subject)s)
ORDER BY g.topic, g.subject, g.scope, g.first_missing;

-- name: explain_letters
-- The dead letters of this sink from some subjects since a time: what the ledger counts as dead.
SELECT d.topic, d.key, d.partition, d.kafka_offset, d.reason, d.field, d.message, d.failed_at
FROM dead_letters d
WHERE d.consumer = 'timescale' AND d.failed_at >= %(since)s
  AND (%(subject)s::text IS NULL OR d.key = convert_to(%(subject)s, 'UTF8'))
ORDER BY d.failed_at, d.topic, d.partition, d.kafka_offset
LIMIT %(most)s;

-- name: explain_conflicts
-- Samples that could not be stored because another event had claimed their series and time; the one that had it too.
SELECT s.device_id, s.name, s.labels, c.time, c.value, c.event_id, m.value AS stored_value, c.found_at
FROM metric_conflicts c
JOIN metric_series s USING (series_id)
LEFT JOIN metric_samples m ON m.series_id = c.series_id AND m.time = c.time
WHERE c.found_at >= %(since)s AND (%(subject)s::text IS NULL OR s.device_id = %(subject)s)
ORDER BY c.found_at, s.device_id, s.name, c.time
LIMIT %(most)s;
