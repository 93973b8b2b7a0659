-- The statements of the spool (SQLite). A place is the stream's id times 2^32 plus the sequence: one primary key orders
-- each stream's events, finds its oldest and deletes a range, without an index beside it.

-- name: create_identity
-- One row: the epoch made with this file, and when, in ms since 1970.
CREATE TABLE IF NOT EXISTS identity (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch TEXT NOT NULL,
    made_at_ms INTEGER NOT NULL
);

-- name: create_streams
-- A stream is a topic and a subject: the next sequence, and up to which all was acknowledged.
CREATE TABLE IF NOT EXISTS streams (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    subject TEXT NOT NULL,
    next INTEGER NOT NULL,
    acknowledged INTEGER NOT NULL,
    UNIQUE (topic, subject)
);

-- name: create_events
-- What is not acknowledged yet; at_ms is event time. Larger values are compressed (collectors.spool.packing).
CREATE TABLE IF NOT EXISTS events (
    place INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    value BLOB NOT NULL
);

-- name: create_devices
-- What each device was when it was last registered or updated, as JSON.
CREATE TABLE IF NOT EXISTS devices (
    subject TEXT PRIMARY KEY,
    attributes TEXT NOT NULL
);

-- name: create_memory
-- What a collector remembers of a device, by name.
CREATE TABLE IF NOT EXISTS memory (
    subject TEXT NOT NULL,
    collector TEXT NOT NULL,
    name TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (subject, collector, name)
) WITHOUT ROWID;

-- name: insert_identity
-- Remember the epoch of a new file.
INSERT INTO identity (id, epoch, made_at_ms) VALUES (1, :epoch, :made_at_ms);

-- name: select_identity
-- The epoch of this file.
SELECT epoch FROM identity WHERE id = 1;

-- name: select_streams
-- All streams.
SELECT id, topic, subject, next, acknowledged FROM streams ORDER BY id;

-- name: select_pending
-- How many events each stream has, and when the oldest happened. Reads every leaf page, and so finds most damage.
SELECT place >> 32, COUNT(*), SUM(LENGTH(value)), MIN(at_ms) FROM events GROUP BY 1;

-- name: upsert_stream
-- Remember how far a stream is.
INSERT INTO streams (id, topic, subject, next, acknowledged) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET next = excluded.next, acknowledged = excluded.acknowledged;

-- name: insert_event
-- Keep one event.
INSERT INTO events (place, at_ms, value) VALUES (?, ?, ?);

-- name: select_next
-- The next events of one stream, in sequence.
SELECT place, value FROM events WHERE place > ? AND place <= ? ORDER BY place LIMIT ?;

-- name: select_heads
-- Places and times of the oldest events of one stream beyond a place.
SELECT place, at_ms FROM events WHERE place > ? AND place <= ? ORDER BY place LIMIT ?;

-- name: select_first_since
-- The first event of one stream beyond a place that happened at a time or later.
SELECT place FROM events WHERE place > ? AND place <= ? AND at_ms >= ? ORDER BY place LIMIT 1;

-- name: delete_range
-- Let a range of one stream's events go.
DELETE FROM events WHERE place >= ? AND place <= ?;

-- name: count_range
-- How many events of a range of one stream there are.
SELECT COUNT(*) FROM events WHERE place >= ? AND place <= ?;

-- name: delete_device
-- Forget a device that was retired.
DELETE FROM devices WHERE subject = ?;

-- name: upsert_device
-- Remember what a device is.
INSERT INTO devices (subject, attributes) VALUES (?, ?)
ON CONFLICT (subject) DO UPDATE SET attributes = excluded.attributes;

-- name: select_devices
-- What each device was when it was last told.
SELECT subject, attributes FROM devices;

-- name: upsert_memory
-- Remember something.
INSERT INTO memory (subject, collector, name, value) VALUES (?, ?, ?, ?)
ON CONFLICT (subject, collector, name) DO UPDATE SET value = excluded.value;

-- name: delete_memory
-- Forget something.
DELETE FROM memory WHERE subject = ? AND collector = ? AND name = ?;

-- name: delete_memory_of_device
-- Forget all of a device that was retired.
DELETE FROM memory WHERE subject = ?;

-- name: select_memory
-- What a collector remembers of a device.
SELECT name, value FROM memory WHERE subject = ? AND collector = ?;

-- name: page_size
-- Bytes a page.
PRAGMA page_size;

-- name: page_count
-- Pages of the file.
PRAGMA page_count;

-- name: free_pages
-- Pages of the file that hold nothing.
PRAGMA freelist_count;

-- name: set_page_size
-- Before the first table: metric events are of 5 to 20 kB.
PRAGMA page_size = 8192;

-- name: set_wal
-- Writers append to a log beside the file.
PRAGMA journal_mode = WAL;

-- name: set_cache
-- KiB of pages kept in memory.
PRAGMA cache_size = -1024;

-- name: set_checkpoint
-- Pages in the log before they are moved into the file.
PRAGMA wal_autocheckpoint = 256;

-- name: set_log_limit
-- Bytes that the log is cut to after it was moved.
PRAGMA journal_size_limit = 4194304;

-- name: sync_each_commit
-- A commit is on the disk when it returns: what is numbered stays numbered after a power cut.
PRAGMA synchronous = FULL;

-- name: sync_with_next
-- A commit reaches the disk with the next one: what is deleted twice is sent twice, no more.
PRAGMA synchronous = NORMAL;

-- name: checkpoint
-- Move the log into the file and give its room back.
PRAGMA wal_checkpoint(TRUNCATE);

-- name: begin
-- Take the write lock at once.
BEGIN IMMEDIATE;

-- name: commit
-- Keep it.
COMMIT;

-- name: rollback
-- Leave it.
ROLLBACK;
