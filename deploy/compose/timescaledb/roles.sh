#!/bin/sh
# Makes the two logins of a new database. The image runs it once, when the data volume is new (docs/deployment.md tells
# how a password is changed later).
#
#   OWNER_ROLE    (infrastructor)  owns the database and its tables; no superuser
#   READER_ROLE   (grafana)        may read them, and nothing else
#
# Reads also POSTGRES_USER, POSTGRES_DB, OWNER_ROLE_PASSWORD, READER_ROLE_PASSWORD.
set -eu

: "${OWNER_ROLE_PASSWORD:?is not set}" "${READER_ROLE_PASSWORD:?is not set}"
export OWNER_ROLE="${OWNER_ROLE:-infrastructor}" READER_ROLE="${READER_ROLE:-grafana}"

# The passwords come by \getenv, so that no list of processes shows them.
psql --no-psqlrc --set=ON_ERROR_STOP=1 --quiet --username="${POSTGRES_USER:-postgres}" \
  --dbname="${POSTGRES_DB:?is not set}" <<'SQL'
\getenv owner OWNER_ROLE
\getenv owner_password OWNER_ROLE_PASSWORD
\getenv reader READER_ROLE
\getenv reader_password READER_ROLE_PASSWORD
SELECT current_database() AS database \gset

BEGIN;
-- Not even a server that logs statements shall log these.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
CREATE ROLE :"reader" LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 20;
ALTER ROLE :"reader" SET default_transaction_read_only = on;
ALTER ROLE :"reader" SET statement_timeout = '30s';
GRANT pg_read_all_data TO :"reader";
ALTER DATABASE :"database" OWNER TO :"owner";
REVOKE CONNECT, TEMPORARY ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO :"reader";
COMMIT;
SQL
