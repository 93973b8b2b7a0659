-- name: config_files
-- Configuration files as last seen, one row a file: newer means later time, ties by event id.
CREATE TABLE config_files (
    device_id text NOT NULL,
    entity text NOT NULL,
    path text NOT NULL,
    kind text NOT NULL,
    name text,
    present boolean NOT NULL,
    enabled boolean,
    content_hash text,
    previous_hash text,
    size_bytes bigint,
    modified_at timestamptz,
    error text,
    seen_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (device_id, entity)
) WITH (fillfactor = 80);

-- name: configs_comments
-- What the columns mean.
COMMENT ON TABLE config_files IS 'Configuration files as last seen, one row a file';
COMMENT ON COLUMN config_files.device_id IS 'The device';
COMMENT ON COLUMN config_files.entity IS 'Its path, shortened from the front where it is longer than 255';
COMMENT ON COLUMN config_files.path IS 'Path of the file';
COMMENT ON COLUMN config_files.kind IS 'What it configures: proxy or compose';
COMMENT ON COLUMN config_files.name IS 'What people call it';
COMMENT ON COLUMN config_files.present IS 'False when a file that was there is gone';
COMMENT ON COLUMN config_files.enabled IS 'False for a sample';
COMMENT ON COLUMN config_files.content_hash IS 'SHA-256 of its bytes';
COMMENT ON COLUMN config_files.previous_hash IS 'SHA-256 of what it was before';
COMMENT ON COLUMN config_files.size_bytes IS 'Size, bytes';
COMMENT ON COLUMN config_files.modified_at IS 'When it was last written';
COMMENT ON COLUMN config_files.error IS 'Why it could not be parsed, and where';
COMMENT ON COLUMN config_files.seen_at IS 'Event time of the newest look that showed it';
COMMENT ON COLUMN config_files.event_id IS 'That look';
