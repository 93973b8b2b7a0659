-- name: pools_seen
-- Pools as last seen, one row a pool: newer means later time, ties by event id.
CREATE TABLE pools_seen (
    device_id text NOT NULL,
    name text NOT NULL,
    guid text,
    state text NOT NULL,
    status text,
    action text,
    size_bytes bigint,
    allocated_bytes bigint,
    free_bytes bigint,
    capacity double precision,
    fragmentation double precision,
    deduplication_ratio double precision,
    read_only boolean,
    data_errors bigint,
    scan_kind text,
    scan_state text,
    scan_started_at timestamptz,
    scan_ended_at timestamptz,
    scan_progress double precision,
    scan_scanned_bytes bigint,
    scan_total_bytes bigint,
    scan_repaired_bytes bigint,
    scan_errors bigint,
    scan_remaining_seconds double precision,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, name)
) WITH (fillfactor = 80);

-- name: pool_devices_seen
-- Vdevs and devices of pools, by their place in the pool's tree: newer means later time, ties by event id.
CREATE TABLE pool_devices_seen (
    device_id text NOT NULL,
    pool text NOT NULL,
    place integer NOT NULL,
    name text NOT NULL,
    kind text,
    parent text,
    path text,
    state text NOT NULL,
    read_errors bigint,
    write_errors bigint,
    checksum_errors bigint,
    note text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, pool, place)
) WITH (fillfactor = 80);

-- name: datasets_seen
-- File systems and volumes of pools as last seen: newer means later time, ties by event id.
CREATE TABLE datasets_seen (
    device_id text NOT NULL,
    pool text NOT NULL,
    name text NOT NULL,
    kind text NOT NULL,
    used_bytes bigint,
    available_bytes bigint,
    referenced_bytes bigint,
    quota_bytes bigint,
    compression_ratio double precision,
    mountpoint text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, pool, name)
) WITH (fillfactor = 80);

-- name: view_pools
-- As it is now: what the newest complete look does not show is gone.
CREATE VIEW pools AS
SELECT
    s.device_id, s.name, s.guid, CASE WHEN g.gone THEN 'gone' ELSE s.state END AS state, s.status, s.action,
    s.size_bytes, s.allocated_bytes, s.free_bytes, s.capacity, s.fragmentation, s.deduplication_ratio, s.read_only,
    s.data_errors, s.scan_kind, s.scan_state, s.scan_started_at, s.scan_ended_at, s.scan_progress,
    s.scan_scanned_bytes, s.scan_total_bytes, s.scan_repaired_bytes, s.scan_errors, s.scan_remaining_seconds, g.gone,
    s.seen_at, s.event_id
FROM pools_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'pool' AND l.scope = ''
CROSS JOIN LATERAL (SELECT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false) AS gone) AS g;

-- name: view_pool_devices
-- Those that the newest look at their owner shows.
CREATE VIEW pool_devices AS
SELECT
    s.device_id, s.pool, s.place, s.name, s.kind, s.parent, s.path, s.state, s.read_errors, s.write_errors,
    s.checksum_errors, s.note, s.seen_at, s.event_id
FROM pool_devices_seen s
JOIN pools p ON p.device_id = s.device_id AND p.name = s.pool AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: view_datasets
-- Those that the newest look at their owner shows.
CREATE VIEW datasets AS
SELECT
    s.device_id, s.pool, s.name, s.kind, s.used_bytes, s.available_bytes, s.referenced_bytes, s.quota_bytes,
    s.compression_ratio, s.mountpoint, s.seen_at, s.event_id
FROM datasets_seen s
JOIN pools p ON p.device_id = s.device_id AND p.name = s.pool AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: pools_comments
-- What the columns mean.
COMMENT ON TABLE pools_seen IS 'Pools as last seen, one row a pool';
COMMENT ON COLUMN pools_seen.device_id IS 'The device';
COMMENT ON COLUMN pools_seen.name IS 'Name of the pool';
COMMENT ON COLUMN pools_seen.guid IS 'Its own id';
COMMENT ON COLUMN pools_seen.state IS 'As zpool names it, lower case';
COMMENT ON COLUMN pools_seen.status IS 'What zpool status says is wrong';
COMMENT ON COLUMN pools_seen.action IS 'What it recommends';
COMMENT ON COLUMN pools_seen.size_bytes IS 'Size, bytes';
COMMENT ON COLUMN pools_seen.allocated_bytes IS 'Allocated, bytes';
COMMENT ON COLUMN pools_seen.free_bytes IS 'Free, bytes';
COMMENT ON COLUMN pools_seen.capacity IS 'Share in use, 0 to 1';
COMMENT ON COLUMN pools_seen.fragmentation IS 'Fragmentation of free space, 0 to 1';
COMMENT ON COLUMN pools_seen.deduplication_ratio IS 'Ratio of deduplication';
COMMENT ON COLUMN pools_seen.read_only IS 'Imported read only';
COMMENT ON COLUMN pools_seen.data_errors IS 'Known data errors';
COMMENT ON COLUMN pools_seen.scan_kind IS 'scrub or resilver';
COMMENT ON COLUMN pools_seen.scan_state IS 'running, paused, finished or canceled';
COMMENT ON COLUMN pools_seen.scan_started_at IS 'When it began';
COMMENT ON COLUMN pools_seen.scan_ended_at IS 'When it ended';
COMMENT ON COLUMN pools_seen.scan_progress IS 'How far it is, 0 to 1';
COMMENT ON COLUMN pools_seen.scan_scanned_bytes IS 'Looked at, bytes';
COMMENT ON COLUMN pools_seen.scan_total_bytes IS 'To be looked at, bytes';
COMMENT ON COLUMN pools_seen.scan_repaired_bytes IS 'Repaired, bytes';
COMMENT ON COLUMN pools_seen.scan_errors IS 'Errors it found';
COMMENT ON COLUMN pools_seen.scan_remaining_seconds IS 'Time left as estimated, seconds';
COMMENT ON COLUMN pools_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN pools_seen.event_id IS 'That look';
COMMENT ON VIEW pools IS 'Pools as it is now; gone: the newest complete look does not show it';
COMMENT ON TABLE pool_devices_seen IS 'Vdevs and devices of pools, by their place in the pool''s tree';
COMMENT ON COLUMN pool_devices_seen.device_id IS 'The device';
COMMENT ON COLUMN pool_devices_seen.pool IS 'Name of the pool';
COMMENT ON COLUMN pool_devices_seen.place IS 'Place in the tree, read from the top';
COMMENT ON COLUMN pool_devices_seen.name IS 'Name of the vdev or device';
COMMENT ON COLUMN pool_devices_seen.kind IS 'mirror, raidz1, disk, log, cache or spare';
COMMENT ON COLUMN pool_devices_seen.parent IS 'The vdev it is part of; null at the top';
COMMENT ON COLUMN pool_devices_seen.path IS 'Path of its device file';
COMMENT ON COLUMN pool_devices_seen.state IS 'As zpool names it, lower case';
COMMENT ON COLUMN pool_devices_seen.read_errors IS 'Read errors';
COMMENT ON COLUMN pool_devices_seen.write_errors IS 'Write errors';
COMMENT ON COLUMN pool_devices_seen.checksum_errors IS 'Checksum errors';
COMMENT ON COLUMN pool_devices_seen.note IS 'What zpool says behind the counts';
COMMENT ON COLUMN pool_devices_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN pool_devices_seen.event_id IS 'That look';
COMMENT ON VIEW pool_devices IS 'Vdevs and devices of pools as they are now: those of the newest look at their owner';
COMMENT ON TABLE datasets_seen IS 'File systems and volumes of pools as last seen';
COMMENT ON COLUMN datasets_seen.device_id IS 'The device';
COMMENT ON COLUMN datasets_seen.pool IS 'Name of the pool';
COMMENT ON COLUMN datasets_seen.name IS 'Name of the dataset';
COMMENT ON COLUMN datasets_seen.kind IS 'filesystem or volume';
COMMENT ON COLUMN datasets_seen.used_bytes IS 'Used, bytes';
COMMENT ON COLUMN datasets_seen.available_bytes IS 'Available, bytes';
COMMENT ON COLUMN datasets_seen.referenced_bytes IS 'Referenced, bytes';
COMMENT ON COLUMN datasets_seen.quota_bytes IS 'Quota, bytes; null: none';
COMMENT ON COLUMN datasets_seen.compression_ratio IS 'Ratio of compression';
COMMENT ON COLUMN datasets_seen.mountpoint IS 'Where it is mounted';
COMMENT ON COLUMN datasets_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN datasets_seen.event_id IS 'That look';
COMMENT ON VIEW datasets IS 'File systems and volumes of pools as they are now: those of the newest look at their owner';
