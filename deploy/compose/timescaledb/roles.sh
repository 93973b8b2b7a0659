#!/bin/sh
# Makes the logins of a new database. The image runs it once, when the data volume is new (docs/deployment.md tells how a
# password is changed later). `infrastructor db roles apply` does the rest once the tables are there: docs/database.md.
#
#   OWNER_ROLE    (infrastructor)           owns the database and its tables; no superuser
#   READER_ROLE   (grafana)                 may read the owner's tables, and nothing else
#   WRITER_ROLE   (infrastructor_writer)    may store and delete rows; made when WRITER_ROLE_PASSWORD is set
#   OPERATOR_ROLE (infrastructor_operator)  reads rows and statistics; made when OPERATOR_ROLE_PASSWORD is set
#
# Reads also POSTGRES_USER, POSTGRES_DB, OWNER_ROLE_PASSWORD, READER_ROLE_PASSWORD.
set -eu

: "${OWNER_ROLE_PASSWORD:?is not set}" "${READER_ROLE_PASSWORD:?is not set}"
export OWNER_ROLE="${OWNER_ROLE:-infrastructor}" READER_ROLE="${READER_ROLE:-grafana}"
export WRITER_ROLE="${WRITER_ROLE:-infrastructor_writer}" WRITER_ROLE_PASSWORD="${WRITER_ROLE_PASSWORD:-}"
export OPERATOR_ROLE="${OPERATOR_ROLE:-infrastructor_operator}" OPERATOR_ROLE_PASSWORD="${OPERATOR_ROLE_PASSWORD:-}"

# The passwords come by \getenv, so that no list of processes shows them.
psql --no-psqlrc --set=ON_ERROR_STOP=1 --quiet --username="${POSTGRES_USER:-postgres}" \
  --dbname="${POSTGRES_DB:?is not set}" <<'SQL'
\getenv owner OWNER_ROLE
\getenv owner_password OWNER_ROLE_PASSWORD
\getenv reader READER_ROLE
\getenv reader_password READER_ROLE_PASSWORD
\getenv writer WRITER_ROLE
\getenv writer_password WRITER_ROLE_PASSWORD
\getenv operator OPERATOR_ROLE
\getenv operator_password OPERATOR_ROLE_PASSWORD
SELECT current_database() AS database, :'writer_password' <> '' AS with_writer,
       :'operator_password' <> '' AS with_operator \gset

BEGIN;
-- Not even a server that logs statements shall log these.
SET LOCAL log_statement = 'none';
SET LOCAL log_min_duration_statement = -1;
CREATE ROLE :"owner" LOGIN PASSWORD :'owner_password';
ALTER DATABASE :"database" OWNER TO :"owner";
REVOKE CONNECT, TEMPORARY ON DATABASE :"database" FROM PUBLIC;

CREATE ROLE :"reader" LOGIN PASSWORD :'reader_password' CONNECTION LIMIT 20;
ALTER ROLE :"reader" SET default_transaction_read_only = on;
ALTER ROLE :"reader" SET statement_timeout = '30s';
GRANT CONNECT ON DATABASE :"database" TO :"reader";
GRANT USAGE ON SCHEMA public TO :"reader";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"reader";

\if :with_writer
CREATE ROLE :"writer" LOGIN PASSWORD :'writer_password';
-- Batches that are merged by key go through temporary tables.
GRANT CONNECT, TEMPORARY ON DATABASE :"database" TO :"writer";
GRANT USAGE ON SCHEMA public TO :"writer";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO :"writer";
\endif

\if :with_operator
CREATE ROLE :"operator" LOGIN PASSWORD :'operator_password';
GRANT pg_monitor, pg_signal_backend TO :"operator";
GRANT CONNECT ON DATABASE :"database" TO :"operator";
GRANT USAGE ON SCHEMA public TO :"operator";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT ON TABLES TO :"operator";
\endif
COMMIT;
SQL
