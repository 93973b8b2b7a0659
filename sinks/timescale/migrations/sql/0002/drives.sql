-- name: drives_seen
-- Drives as last seen, one row a drive: newer means later time, ties by event id.
CREATE TABLE drives_seen (
    device_id text NOT NULL,
    id text NOT NULL,
    path text NOT NULL,
    device_type text,
    protocol text,
    serial text,
    model text,
    family text,
    firmware text,
    wwn text,
    capacity_bytes bigint,
    logical_sector_bytes bigint,
    physical_sector_bytes bigint,
    rotation_rpm integer,
    standby boolean NOT NULL,
    exit_status integer,
    messages text[] NOT NULL DEFAULT '{}',
    passed boolean,
    temperature_celsius double precision,
    temperature_limit_celsius double precision,
    power_on_hours bigint,
    power_cycles bigint,
    unsafe_shutdowns bigint,
    reallocated_sectors bigint,
    pending_sectors bigint,
    uncorrectable_sectors bigint,
    reported_uncorrectable bigint,
    interface_crc_errors bigint,
    grown_defects bigint,
    uncorrected_errors bigint,
    media_errors bigint,
    error_log_entries bigint,
    critical_warning integer,
    percentage_used integer,
    available_spare_percent integer,
    available_spare_threshold_percent integer,
    wear_percent integer,
    read_bytes bigint,
    written_bytes bigint,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, id)
) WITH (fillfactor = 80);

-- name: drive_attributes_seen
-- Vendor attributes of ATA drives as last seen: newer means later time, ties by event id.
CREATE TABLE drive_attributes_seen (
    device_id text NOT NULL,
    drive text NOT NULL,
    id integer NOT NULL,
    name text NOT NULL,
    value integer,
    worst integer,
    threshold integer,
    raw bigint,
    raw_text text,
    prefail boolean,
    when_failed text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, drive, id)
) WITH (fillfactor = 80);

-- name: drive_self_tests_seen
-- Self tests of drives, by their place in the drive's log, newest first: newer means later time, ties by event id.
CREATE TABLE drive_self_tests_seen (
    device_id text NOT NULL,
    drive text NOT NULL,
    place integer NOT NULL,
    kind text NOT NULL,
    result text NOT NULL,
    passed boolean,
    remaining_percent integer,
    power_on_hours bigint,
    first_error_block bigint,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, drive, place)
) WITH (fillfactor = 80);

-- name: view_drives
-- As it is now: what the newest complete look does not show is gone.
CREATE VIEW drives AS
SELECT
    s.device_id, s.id, s.path, s.device_type, s.protocol, s.serial, s.model, s.family, s.firmware, s.wwn,
    s.capacity_bytes, s.logical_sector_bytes, s.physical_sector_bytes, s.rotation_rpm, s.standby, s.exit_status,
    s.messages, s.passed, s.temperature_celsius, s.temperature_limit_celsius, s.power_on_hours, s.power_cycles,
    s.unsafe_shutdowns, s.reallocated_sectors, s.pending_sectors, s.uncorrectable_sectors, s.reported_uncorrectable,
    s.interface_crc_errors, s.grown_defects, s.uncorrected_errors, s.media_errors, s.error_log_entries,
    s.critical_warning, s.percentage_used, s.available_spare_percent, s.available_spare_threshold_percent,
    s.wear_percent, s.read_bytes, s.written_bytes, g.gone, s.seen_at, s.event_id
FROM drives_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'drive' AND l.scope = ''
CROSS JOIN LATERAL (SELECT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false) AS gone) AS g;

-- name: view_drive_attributes
-- Those that the newest look at their owner shows.
CREATE VIEW drive_attributes AS
SELECT
    s.device_id, s.drive, s.id, s.name, s.value, s.worst, s.threshold, s.raw, s.raw_text, s.prefail, s.when_failed,
    s.seen_at, s.event_id
FROM drive_attributes_seen s
JOIN drives p ON p.device_id = s.device_id AND p.id = s.drive AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: view_drive_self_tests
-- Those that the newest look at their owner shows.
CREATE VIEW drive_self_tests AS
SELECT
    s.device_id, s.drive, s.place, s.kind, s.result, s.passed, s.remaining_percent, s.power_on_hours,
    s.first_error_block, s.seen_at, s.event_id
FROM drive_self_tests_seen s
JOIN drives p ON p.device_id = s.device_id AND p.id = s.drive AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: drives_comments
-- What the columns mean.
COMMENT ON TABLE drives_seen IS 'Drives as last seen, one row a drive';
COMMENT ON COLUMN drives_seen.device_id IS 'The device';
COMMENT ON COLUMN drives_seen.id IS 'Serial number, else world wide name, else path and type';
COMMENT ON COLUMN drives_seen.path IS 'Path of its device file';
COMMENT ON COLUMN drives_seen.device_type IS 'What smartctl -d was given';
COMMENT ON COLUMN drives_seen.protocol IS 'ATA, NVMe or SCSI';
COMMENT ON COLUMN drives_seen.serial IS 'Serial number';
COMMENT ON COLUMN drives_seen.model IS 'Model';
COMMENT ON COLUMN drives_seen.family IS 'Model family';
COMMENT ON COLUMN drives_seen.firmware IS 'Version of the firmware';
COMMENT ON COLUMN drives_seen.wwn IS 'World wide name';
COMMENT ON COLUMN drives_seen.capacity_bytes IS 'Capacity, bytes';
COMMENT ON COLUMN drives_seen.logical_sector_bytes IS 'Logical sector, bytes';
COMMENT ON COLUMN drives_seen.physical_sector_bytes IS 'Physical sector, bytes';
COMMENT ON COLUMN drives_seen.rotation_rpm IS 'Rotations a minute; 0 is solid state';
COMMENT ON COLUMN drives_seen.standby IS 'It was asleep and was not woken';
COMMENT ON COLUMN drives_seen.exit_status IS 'Exit status of smartctl, by bits';
COMMENT ON COLUMN drives_seen.messages IS 'What smartctl had to say beside the data';
COMMENT ON COLUMN drives_seen.passed IS 'The drive''s own verdict';
COMMENT ON COLUMN drives_seen.temperature_celsius IS 'Temperature, degrees Celsius';
COMMENT ON COLUMN drives_seen.temperature_limit_celsius IS 'Its limit, degrees Celsius';
COMMENT ON COLUMN drives_seen.power_on_hours IS 'Age in hours of power';
COMMENT ON COLUMN drives_seen.power_cycles IS 'Times it was switched on';
COMMENT ON COLUMN drives_seen.unsafe_shutdowns IS 'Times power was lost';
COMMENT ON COLUMN drives_seen.reallocated_sectors IS 'Reallocated sectors';
COMMENT ON COLUMN drives_seen.pending_sectors IS 'Sectors that wait for reallocation';
COMMENT ON COLUMN drives_seen.uncorrectable_sectors IS 'Sectors that cannot be read';
COMMENT ON COLUMN drives_seen.reported_uncorrectable IS 'Errors reported to the host';
COMMENT ON COLUMN drives_seen.interface_crc_errors IS 'Errors on the cable';
COMMENT ON COLUMN drives_seen.grown_defects IS 'SCSI: grown defect list';
COMMENT ON COLUMN drives_seen.uncorrected_errors IS 'SCSI: read, write and verify together';
COMMENT ON COLUMN drives_seen.media_errors IS 'NVMe: media and data integrity errors';
COMMENT ON COLUMN drives_seen.error_log_entries IS 'Entries in its error log';
COMMENT ON COLUMN drives_seen.critical_warning IS 'NVMe, by bits';
COMMENT ON COLUMN drives_seen.percentage_used IS 'Of the endurance it was made for';
COMMENT ON COLUMN drives_seen.available_spare_percent IS 'NVMe: spare left, percent';
COMMENT ON COLUMN drives_seen.available_spare_threshold_percent IS 'NVMe: below this it warns, percent';
COMMENT ON COLUMN drives_seen.wear_percent IS 'ATA solid state: endurance used up, percent';
COMMENT ON COLUMN drives_seen.read_bytes IS 'Read in its life, bytes';
COMMENT ON COLUMN drives_seen.written_bytes IS 'Written in its life, bytes';
COMMENT ON COLUMN drives_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN drives_seen.event_id IS 'That look';
COMMENT ON VIEW drives IS 'Drives as it is now; gone: the newest complete look does not show it';
COMMENT ON TABLE drive_attributes_seen IS 'Vendor attributes of ATA drives as last seen';
COMMENT ON COLUMN drive_attributes_seen.device_id IS 'The device';
COMMENT ON COLUMN drive_attributes_seen.drive IS 'Id of the drive';
COMMENT ON COLUMN drive_attributes_seen.id IS 'Number of the attribute';
COMMENT ON COLUMN drive_attributes_seen.name IS 'Name of the attribute';
COMMENT ON COLUMN drive_attributes_seen.value IS 'Normalised value';
COMMENT ON COLUMN drive_attributes_seen.worst IS 'Lowest normalised value ever';
COMMENT ON COLUMN drive_attributes_seen.threshold IS 'Normalised value at which it fails';
COMMENT ON COLUMN drive_attributes_seen.raw IS 'What it counts';
COMMENT ON COLUMN drive_attributes_seen.raw_text IS 'The same in smartctl''s words';
COMMENT ON COLUMN drive_attributes_seen.prefail IS 'Reaching the threshold means that the drive is failing';
COMMENT ON COLUMN drive_attributes_seen.when_failed IS 'now or past; null when it never did';
COMMENT ON COLUMN drive_attributes_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN drive_attributes_seen.event_id IS 'That look';
COMMENT ON VIEW drive_attributes IS 'Vendor attributes of ATA drives as they are now: those of the newest look at their owner';
COMMENT ON TABLE drive_self_tests_seen IS 'Self tests of drives, by their place in the drive''s log, newest first';
COMMENT ON COLUMN drive_self_tests_seen.device_id IS 'The device';
COMMENT ON COLUMN drive_self_tests_seen.drive IS 'Id of the drive';
COMMENT ON COLUMN drive_self_tests_seen.place IS 'Place in the log, 0 is the newest';
COMMENT ON COLUMN drive_self_tests_seen.kind IS 'Such as Short offline or Extended';
COMMENT ON COLUMN drive_self_tests_seen.result IS 'In the program''s words';
COMMENT ON COLUMN drive_self_tests_seen.passed IS 'Whether it passed';
COMMENT ON COLUMN drive_self_tests_seen.remaining_percent IS 'What was left to do, percent';
COMMENT ON COLUMN drive_self_tests_seen.power_on_hours IS 'The drive''s age when the test ended, hours';
COMMENT ON COLUMN drive_self_tests_seen.first_error_block IS 'First block that could not be read';
COMMENT ON COLUMN drive_self_tests_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN drive_self_tests_seen.event_id IS 'That look';
COMMENT ON VIEW drive_self_tests IS 'Self tests of drives as they are now: those of the newest look at their owner';
