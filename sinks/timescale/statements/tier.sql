-- name: server
-- What the server is. Whether the extension is loaded shows in a setting that its loader defines: an ordinary role may
-- not see shared_preload_libraries.
SELECT
    current_setting('server_version'),
    (SELECT e.extversion FROM pg_extension e WHERE e.extname = 'timescaledb'),
    (SELECT a.default_version FROM pg_available_extensions a WHERE a.name = 'timescaledb'),
    current_setting('timescaledb.disable_load', true) IS NOT NULL,
    current_setting('timescaledb.license', true);

-- name: create_extension
-- The extension, where it is offered and loaded.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: hypertables
-- The hypertables of the schema in use.
SELECT h.hypertable_name FROM timescaledb_information.hypertables h WHERE h.hypertable_schema = current_schema();

-- name: filled_tables
-- Which of the growing tables have rows.
SELECT 'events' WHERE EXISTS (SELECT FROM events)
UNION ALL SELECT 'metric_samples' WHERE EXISTS (SELECT FROM metric_samples)
UNION ALL SELECT 'collections' WHERE EXISTS (SELECT FROM collections)
UNION ALL SELECT 'entity_changes' WHERE EXISTS (SELECT FROM entity_changes);

-- name: create_hypertable
-- An empty table becomes a hypertable; its indexes are those it has.
SELECT create_hypertable(
    %(table)s::regclass, by_range('time', %(chunk)s::interval), create_default_indexes => false
);

-- name: chunk_dropper
-- Whether there is the function by which the sink drops chunks.
SELECT p.oid FROM pg_proc p
WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = 'drop_kept_chunks';

-- name: make_chunk_dropper
-- Only the owner of a hypertable may drop its chunks: where the sink's own job does it, it does so by this, which drops
-- nothing that retention keeps. TimescaleDB's function is looked for where its extension is.
CREATE OR REPLACE FUNCTION drop_kept_chunks(kept regclass, before timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    dropped bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM retention r
        WHERE to_regclass(r.table_name) = kept AND r.kept_by = 'sink' AND before <= now() - r.keep
    ) THEN
        RAISE insufficient_privilege USING MESSAGE = format('retention keeps rows of %s before %s', kept, before);
    END IF;
    SELECT count(*) INTO dropped FROM drop_chunks(kept, older_than => before);
    RETURN dropped;
END $$;

-- name: settle_chunk_dropper
-- It looks names up here alone, temporary tables last; and it is not for everybody.
DO $$
BEGIN
    EXECUTE format(
        'ALTER FUNCTION drop_kept_chunks(regclass, timestamptz) SET search_path = %I, %I, pg_temp', current_schema(),
        (SELECT e.extnamespace::regnamespace::text FROM pg_extension e WHERE e.extname = 'timescaledb')
    );
    REVOKE ALL ON FUNCTION drop_kept_chunks(regclass, timestamptz) FROM PUBLIC;
    COMMENT ON FUNCTION drop_kept_chunks(regclass, timestamptz) IS 'Drops chunks that retention does not keep; for the sink';
END $$;
