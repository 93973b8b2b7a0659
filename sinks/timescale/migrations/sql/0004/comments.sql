-- name: comments_from_tables
-- A view's column means what the column of that name means in the tables below it.
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN
        SELECT DISTINCT ON (v.view, c.attname) v.view, c.attname, col_description(t.attrelid, t.attnum) AS told
        FROM (VALUES
            ('metrics', 'metric_series'), ('metrics', 'metric_samples'), ('device_overview', 'devices'),
            ('device_overview', 'device_status'), ('alerts_open', 'alerts'), ('sequence_holes', 'sequence_ledger'),
            ('gaps_open', 'gaps'), ('containers', 'containers_seen'), ('container_ports', 'container_ports_seen'),
            ('drives', 'drives_seen'), ('drive_attributes', 'drive_attributes_seen'),
            ('drive_self_tests', 'drive_self_tests_seen'), ('network_interfaces', 'network_interfaces_seen'),
            ('network_addresses', 'network_addresses_seen'), ('network_routes', 'network_routes_seen'),
            ('network_neighbours', 'network_neighbours_seen'), ('listening_ports', 'listening_ports_seen'),
            ('package_updates', 'package_updates_seen'), ('pools', 'pools_seen'), ('pool_devices', 'pool_devices_seen'),
            ('datasets', 'datasets_seen'), ('services', 'services_seen')
        ) AS v (view, below)
        JOIN pg_attribute c ON c.attrelid = to_regclass(v.view) AND c.attnum > 0 AND NOT c.attisdropped
        JOIN pg_attribute t ON t.attrelid = to_regclass(v.below) AND t.attname = c.attname
        ORDER BY v.view, c.attname, v.below
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', found.view, found.attname, found.told);
    END LOOP;
END
$$;

-- name: comments_of_their_own
-- What the views work out, and what they show otherwise than the tables below them.
COMMENT ON COLUMN device_overview.status IS 'unknown, online, degraded, offline or retired';
COMMENT ON COLUMN device_overview.status_reason IS 'Why, as a code';
COMMENT ON COLUMN device_overview.status_summary IS 'Why, in words';
COMMENT ON COLUMN device_overview.status_since IS 'When this status began, event time';
COMMENT ON COLUMN device_overview.last_seen_at IS 'Event time of the newest look that succeeded';
COMMENT ON COLUMN device_overview.open_alerts IS 'How many alerts of it hold now';
COMMENT ON COLUMN device_overview.retired IS 'Whether it was retired, and not seen since';
COMMENT ON COLUMN alerts_open.acknowledged IS 'Whether somebody has taken it on';
COMMENT ON COLUMN alerts_open.acknowledged_by IS 'Who; null when nobody has';
COMMENT ON COLUMN alerts_open.acknowledged_at IS 'When, event time; null when nobody has';
COMMENT ON COLUMN sequence_holes.first_missing IS 'First sequence that is missing';
COMMENT ON COLUMN sequence_holes.last_missing IS 'Last sequence that is missing';
COMMENT ON COLUMN sequence_holes.missing IS 'How many sequences are missing';
COMMENT ON COLUMN gaps_open.gap_id IS 'The id of its gap.detected; null: not told yet';
COMMENT ON COLUMN gaps_open.missing IS 'How many are still missing: some may have come later';
COMMENT ON COLUMN gaps_open.reason IS 'spool_full, spool_age, spool_corrupt, missing or retention; null: not told yet';
COMMENT ON COLUMN gaps_open.detected_at IS 'Event time of the report; null: not told yet';
COMMENT ON COLUMN containers.state IS 'As the engine names it: running, exited, paused; gone when it is there no more';
COMMENT ON COLUMN network_interfaces.state IS 'up, down, unknown and so on, as the kernel names it; gone when it is there no more';
COMMENT ON COLUMN pools.state IS 'As zpool names it, lower case; gone when it is there no more';
COMMENT ON COLUMN services.active_state IS 'active, inactive, failed and so on; gone when it is there no more';
COMMENT ON COLUMN containers.gone IS 'Whether the newest complete look does not show it';
COMMENT ON COLUMN drives.gone IS 'Whether the newest complete look does not show it';
COMMENT ON COLUMN network_interfaces.gone IS 'Whether the newest complete look does not show it';
COMMENT ON COLUMN pools.gone IS 'Whether the newest complete look does not show it';
COMMENT ON COLUMN services.gone IS 'Whether the newest complete look does not show it';
COMMENT ON VIEW containers IS 'Containers as they are now; gone: the newest complete look does not show it';
COMMENT ON VIEW drives IS 'Drives as they are now; gone: the newest complete look does not show it';
COMMENT ON VIEW network_interfaces IS 'Network interfaces as they are now; gone: the newest complete look does not show it';
COMMENT ON VIEW pools IS 'Pools as they are now; gone: the newest complete look does not show it';
COMMENT ON VIEW services IS 'Units of the service manager as they are now; gone: the newest complete look does not show it';
COMMENT ON TABLE schema_version IS 'Which revision of the schema this is';
COMMENT ON COLUMN schema_version.version_num IS 'The revision, as in `infrastructor db status`';
