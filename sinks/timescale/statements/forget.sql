-- name: forget_containers
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM containers_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM containers_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM containers c WHERE c.device_id = s.device_id AND c.engine = s.engine AND c.name = s.name AND NOT c.gone)
    LIMIT %(most)s
));

-- name: forget_drives
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM drives_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM drives_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM drives c WHERE c.device_id = s.device_id AND c.id = s.id AND NOT c.gone)
    LIMIT %(most)s
));

-- name: forget_pools
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM pools_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM pools_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM pools c WHERE c.device_id = s.device_id AND c.name = s.name AND NOT c.gone)
    LIMIT %(most)s
));

-- name: forget_services
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM services_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM services_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM services c WHERE c.device_id = s.device_id AND c.manager = s.manager AND c.unit = s.unit AND NOT c.gone)
    LIMIT %(most)s
));

-- name: forget_network_interfaces
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM network_interfaces_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM network_interfaces_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM network_interfaces c WHERE c.device_id = s.device_id AND c.name = s.name AND NOT c.gone)
    LIMIT %(most)s
));

-- name: forget_listening_ports
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM listening_ports_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM listening_ports_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM listening_ports c WHERE c.device_id = s.device_id AND c.protocol = s.protocol AND c.address = s.address AND c.port = s.port AND c.program = s.program)
    LIMIT %(most)s
));

-- name: forget_network_routes
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM network_routes_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM network_routes_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM network_routes c WHERE c.device_id = s.device_id AND c.place = s.place)
    LIMIT %(most)s
));

-- name: forget_network_neighbours
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM network_neighbours_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM network_neighbours_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM network_neighbours c WHERE c.device_id = s.device_id AND c.interface = s.interface AND c.address = s.address)
    LIMIT %(most)s
));

-- name: forget_container_ports
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM container_ports_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM container_ports_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM container_ports c WHERE c.device_id = s.device_id AND c.engine = s.engine AND c.container = s.container AND c.place = s.place)
    LIMIT %(most)s
));

-- name: forget_drive_attributes
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM drive_attributes_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM drive_attributes_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM drive_attributes c WHERE c.device_id = s.device_id AND c.drive = s.drive AND c.id = s.id)
    LIMIT %(most)s
));

-- name: forget_drive_self_tests
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM drive_self_tests_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM drive_self_tests_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM drive_self_tests c WHERE c.device_id = s.device_id AND c.drive = s.drive AND c.place = s.place)
    LIMIT %(most)s
));

-- name: forget_pool_devices
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM pool_devices_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM pool_devices_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM pool_devices c WHERE c.device_id = s.device_id AND c.pool = s.pool AND c.place = s.place)
    LIMIT %(most)s
));

-- name: forget_datasets
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM datasets_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM datasets_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM datasets c WHERE c.device_id = s.device_id AND c.pool = s.pool AND c.name = s.name)
    LIMIT %(most)s
));

-- name: forget_network_addresses
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM network_addresses_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM network_addresses_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM network_addresses c WHERE c.device_id = s.device_id AND c.interface = s.interface AND c.address = s.address AND c.prefix_length = s.prefix_length)
    LIMIT %(most)s
));

-- name: forget_package_updates
-- Rows that are not current, and were last seen before a time; at most so many.
DELETE FROM package_updates_seen WHERE ctid = ANY (ARRAY(
    SELECT s.ctid FROM package_updates_seen s
    WHERE s.seen_at < %(before)s AND NOT EXISTS (SELECT FROM package_updates c WHERE c.device_id = s.device_id AND c.manager = s.manager AND c.name = s.name)
    LIMIT %(most)s
));
