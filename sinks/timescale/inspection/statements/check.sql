-- name: limit_lock_waits
-- Looking must not queue behind whoever rewrites a table: also definitions and sizes are read under a lock.
SELECT set_config('lock_timeout', '3s', false);

-- name: clock
-- The server's clock.
SELECT clock_timestamp();

-- name: writability
-- Whether the server is a standby, and whether transactions are read-only.
SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean;

-- name: settings
-- Settings as they hold in this session: as shown, and as a number in bytes, milliseconds or as it stands.
SELECT s.name, current_setting(s.name),
       CASE WHEN s.vartype IN ('integer', 'real') THEN
           s.setting::float8 * CASE s.unit WHEN '8kB' THEN 8192 WHEN 'kB' THEN 1024 WHEN 'MB' THEN 1048576
                                           WHEN 's' THEN 1000 WHEN 'min' THEN 60000 ELSE 1 END
       END
FROM pg_settings s WHERE s.name = ANY (%(names)s::text[]);

-- name: connections
-- Connections of clients in use, and how many an ordinary role may have at most.
SELECT count(*) FILTER (WHERE a.backend_type = 'client backend'),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - current_setting('reserved_connections')::int,
       count(*) FILTER (WHERE a.backend_type = 'client backend' AND a.datname = current_database()),
       current_setting('max_connections')::int
FROM pg_stat_activity a;

-- name: encryption
-- Whether this connection is encrypted, by what, and whether it left the machine.
SELECT s.ssl, s.version, inet_client_addr() IS NULL OR inet_client_addr() <<= '127.0.0.0/8' OR inet_client_addr() = '::1'
FROM pg_stat_ssl s WHERE s.pid = pg_backend_pid();

-- name: waiting
-- Who waits for a lock for longer than a second: process, role, seconds, what for, and who holds it up.
SELECT a.pid, a.usename, extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start))::float8,
       coalesce(l.relation::regclass::text, l.locktype), l.mode, pg_blocking_pids(a.pid)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE NOT l.granted AND a.datname = current_database()
  AND clock_timestamp() - coalesce(l.waitstart, a.query_start) > INTERVAL '1 second'
ORDER BY 3 DESC;

-- name: open_transactions
-- Transactions that have been open for longer than five minutes: process, role, program, state, seconds.
SELECT a.pid, a.usename, a.application_name, a.state, extract(epoch FROM clock_timestamp() - a.xact_start)::float8
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid()
  AND a.xact_start < clock_timestamp() - INTERVAL '5 minutes'
ORDER BY 5 DESC;

-- name: dead_rows
-- Tables and chunks with many rows that are dead and not yet given back.
SELECT quote_ident(t.schemaname) || '.' || quote_ident(t.relname), t.n_live_tup, t.n_dead_tup, t.last_autovacuum
FROM pg_stat_user_tables t
WHERE t.n_dead_tup > %(least)s AND t.n_dead_tup > %(share)s * (t.n_live_tup + t.n_dead_tup)
  AND (t.schemaname = current_schema() OR t.schemaname = '_timescaledb_internal')
ORDER BY t.n_dead_tup DESC;

-- name: age
-- How many transactions ago the oldest row was frozen.
SELECT age(d.datfrozenxid) FROM pg_database d WHERE d.datname = current_database();

-- name: standbys
-- Standbys: name, state, bytes and seconds behind.
SELECT coalesce(nullif(r.application_name, ''), r.pid::text), r.state,
       CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), r.replay_lsn) END::float8,
       extract(epoch FROM r.replay_lag)::float8
FROM pg_stat_replication r;

-- name: own_lag
-- On a standby: how many seconds ago what it shows was committed.
SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8
WHERE pg_is_in_recovery();

-- name: idle_slots
-- Replication slots that nobody reads, and how many bytes of log they keep.
SELECT s.slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), s.restart_lsn)::float8
FROM pg_replication_slots s
WHERE NOT s.active AND NOT pg_is_in_recovery() AND s.restart_lsn IS NOT NULL;

-- name: failing_jobs
-- Jobs of TimescaleDB whose last run failed: what they do, for which table, how often they failed in a row.
SELECT j.proc_name, coalesce(a.view_name, j.hypertable_name, ''), s.total_failures
FROM timescaledb_information.job_stats s
JOIN timescaledb_information.jobs j USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates a ON a.materialization_hypertable_name = j.hypertable_name
WHERE s.last_run_status = 'Failed';

-- name: rollup_keepers
-- Who keeps the rollups: sink or timescaledb.
SELECT k.rollup, k.kept_by FROM rollups k;
