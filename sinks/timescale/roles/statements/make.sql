-- name: create_role
-- A login with no rights of its own.
CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- name: tame_role
-- A login, and nothing that stands above grants.
ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;

-- name: set_password
-- The password, as the server keeps it: the password itself is in no statement and no log.
ALTER ROLE {role} PASSWORD {verifier};

-- name: limit_connections
-- Not more connections at once.
ALTER ROLE {role} CONNECTION LIMIT {limit};

-- name: set_for_role
-- A setting of each session of a role.
ALTER ROLE {role} SET {setting} = {value};

-- name: grant_membership
-- What a role may do as a member of another.
GRANT {of} TO {role};

-- name: revoke_membership
-- A member of it no more.
REVOKE {of} FROM {role};

-- name: own_database
-- The database belongs to the owner.
ALTER DATABASE {database} OWNER TO {role};

-- name: revoke_database
-- What everybody, or a role, need not do with the database.
REVOKE {privileges} ON DATABASE {database} FROM {role};

-- name: grant_database
-- What a role may do with the database.
GRANT {privileges} ON DATABASE {database} TO {role};

-- name: revoke_schema
-- What everybody, or a role, need not do with the schema.
REVOKE {privileges} ON SCHEMA {schema} FROM {role};

-- name: grant_schema
-- What a role may do with the schema.
GRANT {privileges} ON SCHEMA {schema} TO {role};

-- name: own_table
-- The table belongs to the owner.
ALTER TABLE {table} OWNER TO {role};

-- name: own_view
-- The view belongs to the owner.
ALTER VIEW {table} OWNER TO {role};

-- name: own_rollup
-- The continuous aggregate belongs to the owner.
ALTER MATERIALIZED VIEW {table} OWNER TO {role};

-- name: own_routine
-- The function belongs to the owner, whose rights it has.
ALTER FUNCTION {routine} OWNER TO {role};

-- name: grant_routine
-- May run the function.
GRANT EXECUTE ON FUNCTION {routine} TO {role};

-- name: grant_table
-- What a role may do with a table or view.
GRANT {privileges} ON TABLE {table} TO {role};

-- name: revoke_table
-- What a role may not do with it any more.
REVOKE {privileges} ON TABLE {table} FROM {role};

-- name: grant_default
-- What a role may do with tables that the owner will make.
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT {privileges} ON TABLES TO {role};
