-- name: estimated_rows
-- Rows by table as the server's statistics know them: cheap at any size. Chunks and partitions count for their parent.
WITH RECURSIVE member AS (
    SELECT c.oid AS top, c.oid
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
      AND NOT c.relispartition
      AND NOT EXISTS (SELECT FROM pg_inherits AS i WHERE i.inhrelid = c.oid)
      AND n.nspname = ANY (current_schemas(false))
      AND c.relname <> 'schema_version'
    UNION ALL
    SELECT member.top, i.inhrelid
    FROM member
    JOIN pg_inherits AS i ON i.inhparent = member.oid
)
SELECT top.relname, sum(greatest(coalesce(s.n_live_tup, 0), c.reltuples::bigint, 0))::bigint
FROM member
JOIN pg_class AS top ON top.oid = member.top
JOIN pg_class AS c ON c.oid = member.oid
LEFT JOIN pg_stat_user_tables AS s ON s.relid = member.oid
GROUP BY top.relname
ORDER BY top.relname;

-- name: count_rows
-- The exact number of rows of one table.
SELECT count(*) FROM {table};

-- name: limit_time
-- Cancels a statement of this session that runs longer than so many milliseconds.
SELECT set_config('statement_timeout', %(ms)s, false);

-- name: open_gaps
-- How many gaps are open: reported ones that nobody closed, and holes that no report explains.
SELECT count(*) FROM gaps_open;

-- name: stored_offsets
-- How far the projection has stored each partition.
SELECT topic, partition, next_offset FROM sink_offsets;

-- name: known_devices
-- Every device that is known, with its status, for a view that starts in the middle of the log.
SELECT o.device_id, o.status, coalesce(o.status_reason, ''), coalesce(o.status_summary, ''), o.status_since,
       concat_ws(', ', o.os_name, o.kernel)
FROM device_overview AS o;

-- name: known_alerts
-- The alerts that are raised now.
SELECT alert_id, device_id, rule, severity, summary, coalesce(since, raised_at) FROM alerts_open;
