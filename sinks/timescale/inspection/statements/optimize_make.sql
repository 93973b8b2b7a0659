-- name: vacuum
-- Give back dead rows, and refresh what plans are made from.
VACUUM (ANALYZE) {schema}.{table};

-- name: analyze
-- Refresh what plans are made from.
ANALYZE {schema}.{table};

-- name: reindex
-- Write an index anew beside the old one; readers and writers go on.
REINDEX INDEX CONCURRENTLY {schema}.{index};

-- name: drop_invalid
-- What is left of an attempt to write an index anew: it costs each writer and serves no reader.
DROP INDEX CONCURRENTLY {schema}.{index};

-- name: recompress
-- Compress again what came late. The chunk is locked before anything else: recompression that begins beside a reader
-- ends in a deadlock. Readers and writers of this chunk wait until it is done; who cannot have the lock in time gives up.
BEGIN;
SET LOCAL lock_timeout = '5s';
LOCK TABLE {schema}.{chunk} IN ACCESS EXCLUSIVE MODE;
SELECT compress_chunk({name}::regclass, if_not_compressed => true);
COMMIT;
