-- name: read_ledger
-- What is known of some streams: the sequences seen and dead, as multirange texts.
SELECT l.topic, l.subject, l.scope, l.since_sequence, l.seen::text, l.dead::text
FROM sequence_ledger l
JOIN unnest(%(topics)s::text[], %(subjects)s::text[], %(scopes)s::text[]) AS w (topic, subject, scope)
    USING (topic, subject, scope);

-- name: write_ledger
-- Store the streams of a batch whole: they are this writer's as long as the offsets are.
INSERT INTO sequence_ledger AS l (topic, subject, scope, since_sequence, seen, dead)
SELECT w.topic, w.subject, w.scope, w.since_sequence, w.seen::int8multirange, w.dead::int8multirange
FROM unnest(%(topics)s::text[], %(subjects)s::text[], %(scopes)s::text[], %(since)s::bigint[], %(seen)s::text[],
            %(dead)s::text[]) AS w (topic, subject, scope, since_sequence, seen, dead)
ORDER BY w.topic, w.subject, w.scope
ON CONFLICT (topic, subject, scope) DO UPDATE
SET seen = excluded.seen, dead = excluded.dead, updated_at = now();

-- name: stored_ids
-- Which of these events are stored.
SELECT e.id FROM events e WHERE e.id = ANY (%(ids)s::uuid[]);
