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
