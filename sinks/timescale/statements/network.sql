-- name: upsert_network_interfaces
-- Network interfaces as last seen, one row an interface.
INSERT INTO network_interfaces_seen AS s (
    device_id, name, kind, mac, mtu_bytes, state, enabled, carrier, speed_bits_per_second, duplex, member_of,
    received_bytes, sent_bytes, receive_errors, receive_dropped, send_errors, send_dropped, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.name)
    r.device_id, r.name, r.kind, r.mac, r.mtu_bytes, r.state, r.enabled, r.carrier, r.speed_bits_per_second, r.duplex,
    r.member_of, r.received_bytes, r.sent_bytes, r.receive_errors, r.receive_dropped, r.send_errors, r.send_dropped,
    r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::network_interfaces_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.name, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, name) DO UPDATE SET
    kind = excluded.kind, mac = excluded.mac, mtu_bytes = excluded.mtu_bytes, state = excluded.state,
    enabled = excluded.enabled, carrier = excluded.carrier, speed_bits_per_second = excluded.speed_bits_per_second,
    duplex = excluded.duplex, member_of = excluded.member_of, received_bytes = excluded.received_bytes,
    sent_bytes = excluded.sent_bytes, receive_errors = excluded.receive_errors,
    receive_dropped = excluded.receive_dropped, send_errors = excluded.send_errors,
    send_dropped = excluded.send_dropped, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_network_addresses
-- Addresses of interfaces as last seen.
INSERT INTO network_addresses_seen AS s (
    device_id, interface, address, prefix_length, family, scope, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.interface, r.address, r.prefix_length)
    r.device_id, r.interface, r.address, r.prefix_length, r.family, r.scope, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::network_addresses_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.interface, r.address, r.prefix_length, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, interface, address, prefix_length) DO UPDATE SET
    family = excluded.family, scope = excluded.scope, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_listening_ports
-- Open ports as last seen, one row a port, address and program.
INSERT INTO listening_ports_seen AS s (
    device_id, protocol, address, port, program, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.protocol, r.address, r.port, r.program)
    r.device_id, r.protocol, r.address, r.port, r.program, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::listening_ports_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.protocol, r.address, r.port, r.program, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, protocol, address, port, program) DO UPDATE SET
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_network_routes
-- Routes of the main table as last seen, by their place in it.
INSERT INTO network_routes_seen AS s (
    device_id, place, destination, family, gateway, interface, source, metric, protocol, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.place)
    r.device_id, r.place, r.destination, r.family, r.gateway, r.interface, r.source, r.metric, r.protocol, r.seen_at,
    r.event_id
FROM jsonb_populate_recordset(NULL::network_routes_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.place, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, place) DO UPDATE SET
    destination = excluded.destination, family = excluded.family, gateway = excluded.gateway,
    interface = excluded.interface, source = excluded.source, metric = excluded.metric, protocol = excluded.protocol,
    seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);

-- name: upsert_network_neighbours
-- Entries of the neighbour table as last seen (ARP, NDP).
INSERT INTO network_neighbours_seen AS s (
    device_id, interface, address, mac, state, seen_at, event_id
)
SELECT DISTINCT ON (r.device_id, r.interface, r.address)
    r.device_id, r.interface, r.address, r.mac, r.state, r.seen_at, r.event_id
FROM jsonb_populate_recordset(NULL::network_neighbours_seen, %(rows)s::jsonb) AS r
ORDER BY r.device_id, r.interface, r.address, r.seen_at DESC, r.event_id DESC
ON CONFLICT (device_id, interface, address) DO UPDATE SET
    mac = excluded.mac, state = excluded.state, seen_at = excluded.seen_at, event_id = excluded.event_id
WHERE (excluded.seen_at, excluded.event_id) > (s.seen_at, s.event_id);
