-- name: network_interfaces_seen
-- Network interfaces as last seen, one row an interface: newer means later time, ties by event id.
CREATE TABLE network_interfaces_seen (
    device_id text NOT NULL,
    name text NOT NULL,
    kind text,
    mac text,
    mtu_bytes bigint,
    state text NOT NULL,
    enabled boolean,
    carrier boolean,
    speed_bits_per_second bigint,
    duplex text,
    member_of text,
    received_bytes bigint,
    sent_bytes bigint,
    receive_errors bigint,
    receive_dropped bigint,
    send_errors bigint,
    send_dropped bigint,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, name)
) WITH (fillfactor = 80);

-- name: network_addresses_seen
-- Addresses of interfaces as last seen: newer means later time, ties by event id.
CREATE TABLE network_addresses_seen (
    device_id text NOT NULL,
    interface text NOT NULL,
    address text NOT NULL,
    prefix_length integer NOT NULL,
    family text NOT NULL,
    scope text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, interface, address, prefix_length)
) WITH (fillfactor = 80);

-- name: listening_ports_seen
-- Open ports as last seen, one row a port, address and program: newer means later time, ties by event id.
CREATE TABLE listening_ports_seen (
    device_id text NOT NULL,
    protocol text NOT NULL,
    address text NOT NULL,
    port integer NOT NULL,
    program text NOT NULL,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, protocol, address, port, program)
) WITH (fillfactor = 80);

-- name: network_routes_seen
-- Routes of the main table as last seen, by their place in it: newer means later time, ties by event id.
CREATE TABLE network_routes_seen (
    device_id text NOT NULL,
    place integer NOT NULL,
    destination text NOT NULL,
    family text NOT NULL,
    gateway text,
    interface text,
    source text,
    metric bigint,
    protocol text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, place)
) WITH (fillfactor = 80);

-- name: network_neighbours_seen
-- Entries of the neighbour table as last seen (ARP, NDP): newer means later time, ties by event id.
CREATE TABLE network_neighbours_seen (
    device_id text NOT NULL,
    interface text NOT NULL,
    address text NOT NULL,
    mac text,
    state text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, interface, address)
) WITH (fillfactor = 80);

-- name: view_network_interfaces
-- As it is now: what the newest complete look does not show is gone.
CREATE VIEW network_interfaces AS
SELECT
    s.device_id, s.name, s.kind, s.mac, s.mtu_bytes, CASE WHEN g.gone THEN 'gone' ELSE s.state END AS state,
    s.enabled, s.carrier, s.speed_bits_per_second, s.duplex, s.member_of, s.received_bytes, s.sent_bytes,
    s.receive_errors, s.receive_dropped, s.send_errors, s.send_dropped, g.gone, s.seen_at, s.event_id
FROM network_interfaces_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'interface' AND l.scope = ''
CROSS JOIN LATERAL (SELECT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false) AS gone) AS g;

-- name: view_network_addresses
-- Those that the newest look at their owner shows.
CREATE VIEW network_addresses AS
SELECT
    s.device_id, s.interface, s.address, s.prefix_length, s.family, s.scope, s.seen_at, s.event_id
FROM network_addresses_seen s
JOIN network_interfaces p ON p.device_id = s.device_id AND p.name = s.interface AND p.event_id = s.event_id
WHERE NOT p.gone;

-- name: view_listening_ports
-- Those that no newer complete look lacks.
CREATE VIEW listening_ports AS
SELECT
    s.device_id, s.protocol, s.address, s.port, s.program, s.seen_at, s.event_id
FROM listening_ports_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'listening' AND l.scope = ''
WHERE NOT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false);

-- name: view_network_routes
-- Those of the newest look.
CREATE VIEW network_routes AS
SELECT
    s.device_id, s.place, s.destination, s.family, s.gateway, s.interface, s.source, s.metric, s.protocol, s.seen_at,
    s.event_id
FROM network_routes_seen s
JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'route' AND l.scope = '' AND l.event_id = s.event_id;

-- name: view_network_neighbours
-- Those that no newer complete look lacks.
CREATE VIEW network_neighbours AS
SELECT
    s.device_id, s.interface, s.address, s.mac, s.state, s.seen_at, s.event_id
FROM network_neighbours_seen s
LEFT JOIN entity_looks l ON l.device_id = s.device_id AND l.family = 'neighbour' AND l.scope = ''
WHERE NOT coalesce((l.complete_at, l.complete_event_id) > (s.seen_at, s.event_id), false);

-- name: network_comments
-- What the columns mean.
COMMENT ON TABLE network_interfaces_seen IS 'Network interfaces as last seen, one row an interface';
COMMENT ON COLUMN network_interfaces_seen.device_id IS 'The device';
COMMENT ON COLUMN network_interfaces_seen.name IS 'Name of the interface';
COMMENT ON COLUMN network_interfaces_seen.kind IS 'ether, loopback, bridge, veth, vlan or bond';
COMMENT ON COLUMN network_interfaces_seen.mac IS 'Hardware address';
COMMENT ON COLUMN network_interfaces_seen.mtu_bytes IS 'Largest packet, bytes';
COMMENT ON COLUMN network_interfaces_seen.state IS 'Operational state (RFC 2863): up, down, unknown';
COMMENT ON COLUMN network_interfaces_seen.enabled IS 'Set up by the administrator';
COMMENT ON COLUMN network_interfaces_seen.carrier IS 'Whether there is a signal';
COMMENT ON COLUMN network_interfaces_seen.speed_bits_per_second IS 'Speed, bits a second';
COMMENT ON COLUMN network_interfaces_seen.duplex IS 'full or half';
COMMENT ON COLUMN network_interfaces_seen.member_of IS 'The bridge or bond it is part of';
COMMENT ON COLUMN network_interfaces_seen.received_bytes IS 'Received since it came up, bytes';
COMMENT ON COLUMN network_interfaces_seen.sent_bytes IS 'Sent since it came up, bytes';
COMMENT ON COLUMN network_interfaces_seen.receive_errors IS 'Errors while receiving';
COMMENT ON COLUMN network_interfaces_seen.receive_dropped IS 'Received and dropped';
COMMENT ON COLUMN network_interfaces_seen.send_errors IS 'Errors while sending';
COMMENT ON COLUMN network_interfaces_seen.send_dropped IS 'Dropped before they were sent';
COMMENT ON COLUMN network_interfaces_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN network_interfaces_seen.event_id IS 'That look';
COMMENT ON VIEW network_interfaces IS 'Network interfaces as it is now; gone: the newest complete look does not show it';
COMMENT ON TABLE network_addresses_seen IS 'Addresses of interfaces as last seen';
COMMENT ON COLUMN network_addresses_seen.device_id IS 'The device';
COMMENT ON COLUMN network_addresses_seen.interface IS 'Name of the interface';
COMMENT ON COLUMN network_addresses_seen.address IS 'The address';
COMMENT ON COLUMN network_addresses_seen.prefix_length IS 'Length of the prefix, bits';
COMMENT ON COLUMN network_addresses_seen.family IS 'inet or inet6';
COMMENT ON COLUMN network_addresses_seen.scope IS 'global, link or host';
COMMENT ON COLUMN network_addresses_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN network_addresses_seen.event_id IS 'That look';
COMMENT ON VIEW network_addresses IS 'Addresses of interfaces as they are now: those of the newest look at their owner';
COMMENT ON TABLE listening_ports_seen IS 'Open ports as last seen, one row a port, address and program';
COMMENT ON COLUMN listening_ports_seen.device_id IS 'The device';
COMMENT ON COLUMN listening_ports_seen.protocol IS 'tcp or udp';
COMMENT ON COLUMN listening_ports_seen.address IS 'Address it is bound to';
COMMENT ON COLUMN listening_ports_seen.port IS 'Port';
COMMENT ON COLUMN listening_ports_seen.program IS 'Program behind it; empty when the look may not see it';
COMMENT ON COLUMN listening_ports_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN listening_ports_seen.event_id IS 'That look';
COMMENT ON VIEW listening_ports IS 'Open ports as they are now: what a newer complete look lacks is left out';
COMMENT ON TABLE network_routes_seen IS 'Routes of the main table as last seen, by their place in it';
COMMENT ON COLUMN network_routes_seen.device_id IS 'The device';
COMMENT ON COLUMN network_routes_seen.place IS 'Place in the list, from 0';
COMMENT ON COLUMN network_routes_seen.destination IS 'default or a prefix';
COMMENT ON COLUMN network_routes_seen.family IS 'inet or inet6';
COMMENT ON COLUMN network_routes_seen.gateway IS 'Next hop';
COMMENT ON COLUMN network_routes_seen.interface IS 'Name of the interface';
COMMENT ON COLUMN network_routes_seen.source IS 'Preferred source address';
COMMENT ON COLUMN network_routes_seen.metric IS 'The lower is preferred';
COMMENT ON COLUMN network_routes_seen.protocol IS 'Who made it: kernel, dhcp, static';
COMMENT ON COLUMN network_routes_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN network_routes_seen.event_id IS 'That look';
COMMENT ON VIEW network_routes IS 'Routes of the main table of the newest look';
COMMENT ON TABLE network_neighbours_seen IS 'Entries of the neighbour table as last seen (ARP, NDP)';
COMMENT ON COLUMN network_neighbours_seen.device_id IS 'The device';
COMMENT ON COLUMN network_neighbours_seen.interface IS 'Name of the interface';
COMMENT ON COLUMN network_neighbours_seen.address IS 'Address of the neighbour';
COMMENT ON COLUMN network_neighbours_seen.mac IS 'Its hardware address';
COMMENT ON COLUMN network_neighbours_seen.state IS 'reachable, stale, failed and so on';
COMMENT ON COLUMN network_neighbours_seen.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN network_neighbours_seen.event_id IS 'That look';
COMMENT ON VIEW network_neighbours IS 'Entries of the neighbour table as they are now: what a newer complete look lacks is left out';
