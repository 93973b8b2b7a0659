-- name: upsert_drives
-- Drives as last seen, one row a drive.
INSERT INTO drives_seen AS s (
    device_id, id, path, device_type, protocol, serial, model, family, firmware, wwn, capacity_bytes,
    logical_sector_bytes, physical_sector_bytes, rotation_rpm, standby, exit_status, messages, passed,
    temperature_celsius, temperature_limit_celsius, power_on_hours, power_cycles, unsafe_shutdowns,
    reallocated_sectors, pending_sectors, uncorrectable_sectors, reported_uncorrectable, interface_crc_errors,
    grown_defects, uncorrected_errors, media_errors, error_log_entries, critical_warning, percentage_used,
    available_spare_percent, available_spare_threshold_percent, wear_percent, read_bytes, written_bytes, seen_at,
    event_id
)
SELECT DISTINCT ON (r.device_id, r.id)
    r.device_id, r.id, r.path, r.device_type, r.protocol, r.serial, r.model, r.family, r.firmware, r.wwn,
    r.capacity_bytes, r.logical_sector_bytes, r.physical_sector_bytes, r.rotation_rpm, r.standby, r.exit_status,
    r.messages, r.passed, r.temperature_celsius, r.temperature_limit_celsius, r.power_on_hours, r.power_cycles,
    r.unsafe_shutdowns, r.reallocated_sectors, r.pending_sectors, r.uncorrectable_sectors, r.reported_uncorrectable,
    r.interface_crc_errors, r.grown_defects, r.uncorrected_errors, r.media_errors, r.error_log_entries,
    r.critical_warning, r.percentage_used, r.available_spare_percent, r.available_spare_threshold_percent,
    r.wear_percent, r.read_bytes, r.written_bytes, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::drives_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.id, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, id) DO UPDATE SET
    path = excluded.path, device_type = excluded.device_type, protocol = excluded.protocol, serial = excluded.serial,
    model = excluded.model, family = excluded.family, firmware = excluded.firmware, wwn = excluded.wwn,
    capacity_bytes = excluded.capacity_bytes, logical_sector_bytes = excluded.logical_sector_bytes,
    physical_sector_bytes = excluded.physical_sector_bytes, rotation_rpm = excluded.rotation_rpm,
    standby = excluded.standby, exit_status = excluded.exit_status, messages = excluded.messages,
    passed = excluded.passed, temperature_celsius = excluded.temperature_celsius,
    temperature_limit_celsius = excluded.temperature_limit_celsius, power_on_hours = excluded.power_on_hours,
    power_cycles = excluded.power_cycles, unsafe_shutdowns = excluded.unsafe_shutdowns,
    reallocated_sectors = excluded.reallocated_sectors, pending_sectors = excluded.pending_sectors,
    uncorrectable_sectors = excluded.uncorrectable_sectors, reported_uncorrectable = excluded.reported_uncorrectable,
    interface_crc_errors = excluded.interface_crc_errors, grown_defects = excluded.grown_defects,
    uncorrected_errors = excluded.uncorrected_errors, media_errors = excluded.media_errors,
    error_log_entries = excluded.error_log_entries, critical_warning = excluded.critical_warning,
    percentage_used = excluded.percentage_used, available_spare_percent = excluded.available_spare_percent,
    available_spare_threshold_percent = excluded.available_spare_threshold_percent,
    wear_percent = excluded.wear_percent, read_bytes = excluded.read_bytes, written_bytes = excluded.written_bytes,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_drive_attributes
-- Vendor attributes of ATA drives as last seen.
INSERT INTO drive_attributes_seen AS s (
    device_id, drive, id, name, value, worst, threshold, raw, raw_text, prefail, when_failed, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.drive, r.id)
    r.device_id, r.drive, r.id, r.name, r.value, r.worst, r.threshold, r.raw, r.raw_text, r.prefail, r.when_failed,
    r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::drive_attributes_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.drive, r.id, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, drive, id) DO UPDATE SET
    name = excluded.name, value = excluded.value, worst = excluded.worst, threshold = excluded.threshold,
    raw = excluded.raw, raw_text = excluded.raw_text, prefail = excluded.prefail, when_failed = excluded.when_failed,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_drive_self_tests
-- Self tests of drives, by their place in the drive's log, newest first.
INSERT INTO drive_self_tests_seen AS s (
    device_id, drive, place, kind, result, passed, remaining_percent, power_on_hours, first_error_block, seen_at,
    event_id
)
SELECT DISTINCT ON (r.device_id, r.drive, r.place)
    r.device_id, r.drive, r.place, r.kind, r.result, r.passed, r.remaining_percent, r.power_on_hours,
    r.first_error_block, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::drive_self_tests_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.drive, r.place, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, drive, place) DO UPDATE SET
    kind = excluded.kind, result = excluded.result, passed = excluded.passed,
    remaining_percent = excluded.remaining_percent, power_on_hours = excluded.power_on_hours,
    first_error_block = excluded.first_error_block, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
