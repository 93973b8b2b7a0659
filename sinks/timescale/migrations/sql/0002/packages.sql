-- name: packages
-- What waits to be updated, one row a device and package manager: newer means later time, ties by event id.
CREATE TABLE packages (
    device_id text NOT NULL,
    manager text NOT NULL,
    updates_count bigint NOT NULL,
    security_count bigint,
    reboot_required boolean,
    reboot_because text[] NOT NULL DEFAULT '{}',
    running_kernel text,
    installed_kernel text,
    index_updated_at timestamptz,
    note text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, manager)
) WITH (fillfactor = 80);

-- name: package_updates_seen
-- Packages that could be newer, as last seen: newer means later time, ties by event id.
CREATE TABLE package_updates_seen (
    device_id text NOT NULL,
    manager text NOT NULL,
    name text NOT NULL,
    installed text,
    available text NOT NULL,
    security boolean,
    origin text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, manager, name)
) WITH (fillfactor = 80);

-- name: view_package_updates
-- Those that the newest look at their owner shows.
CREATE VIEW package_updates AS
SELECT
    s.device_id, s.manager, s.name, s.installed, s.available, s.security, s.origin, s.seen_at, s.event_id
FROM package_updates_seen s
JOIN packages p ON p.device_id = s.device_id AND p.manager = s.manager AND p.event_id = s.event_id;

-- name: packages_comments
-- What the columns mean.
COMMENT ON TABLE packages IS 'What waits to be updated, one row a device and package manager';
COMMENT ON COLUMN packages.device_id IS 'The device';
COMMENT ON COLUMN packages.manager IS 'apt, dnf, apk or pacman';
COMMENT ON COLUMN packages.updates_count IS 'Updates that wait';
COMMENT ON COLUMN packages.security_count IS 'Those for security; null when the manager does not tell';
COMMENT ON COLUMN packages.reboot_required IS 'Whether it wants a reboot';
COMMENT ON COLUMN packages.reboot_because IS 'Packages that ask for it';
COMMENT ON COLUMN packages.running_kernel IS 'Kernel that runs';
COMMENT ON COLUMN packages.installed_kernel IS 'Newest kernel that is installed';
COMMENT ON COLUMN packages.index_updated_at IS 'When the package index was last fetched';
COMMENT ON COLUMN packages.note IS 'In words';
COMMENT ON COLUMN packages.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN packages.event_id IS 'That look';
COMMENT ON TABLE package_updates_seen IS 'Packages that could be newer, as last seen';
COMMENT ON COLUMN package_updates_seen.device_id IS 'The device';
COMMENT ON COLUMN package_updates_seen.manager IS 'apt, dnf, apk or pacman';
COMMENT ON COLUMN package_updates_seen.name IS 'Name of the package';
COMMENT ON COLUMN package_updates_seen.installed IS 'Version that is installed';
COMMENT ON COLUMN package_updates_seen.available IS 'Version that is offered';
COMMENT ON COLUMN package_updates_seen.security IS 'Whether it is for security; null when the manager does not tell';
COMMENT ON COLUMN package_updates_seen.origin IS 'Where it comes from';
COMMENT ON COLUMN package_updates_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN package_updates_seen.event_id IS 'That look';
COMMENT ON VIEW package_updates IS 'Packages that could be newer, as they are now: those of the newest look at their owner';
