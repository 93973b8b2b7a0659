-- name: roles
-- What there is of some roles: attributes that ours must not have, limit of connections, settings.
SELECT r.rolname, r.rolcanlogin,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls,
       r.rolconnlimit, coalesce(r.rolconfig, '{}')
FROM pg_roles r WHERE r.rolname = ANY (%(names)s::text[]);

-- name: verifiers
-- What the server keeps of their passwords; for superusers only.
SELECT a.rolname, a.rolpassword FROM pg_authid a WHERE a.rolname = ANY (%(names)s::text[]);

-- name: memberships
-- What some roles are members of.
SELECT m.rolname, g.rolname FROM pg_auth_members a
JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
WHERE m.rolname = ANY (%(names)s::text[]);

-- name: database
-- The database: name, owner, schema in use and who owns that, and whether this role is a superuser.
SELECT d.datname, r.rolname, current_schema(), n.nspowner::regrole::text,
       (SELECT s.rolsuper FROM pg_roles s WHERE s.rolname = current_user), current_setting('server_version_num')::int
FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
JOIN pg_namespace n ON n.nspname = current_schema()
WHERE d.datname = current_database();

-- name: database_grants
-- Who may do what with the database and the schema in use; '' is everybody.
SELECT 'database', coalesce(r.rolname, ''), a.privilege_type
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE d.datname = current_database()
UNION ALL
SELECT 'schema', coalesce(r.rolname, ''), a.privilege_type
FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname = current_schema();

-- name: relations
-- Tables and views of the schema in use: name, kind, owner, and who may do what.
SELECT c.relname, c.relkind::text, o.rolname,
       ARRAY(SELECT coalesce(r.rolname, '') || '=' || a.privilege_type
             FROM aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a LEFT JOIN pg_roles r ON r.oid = a.grantee)
FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY c.relname;

-- name: routines
-- Our functions: name, arguments, owner, and who may run them.
SELECT p.oid::regprocedure::text, o.rolname,
       ARRAY(SELECT coalesce(r.rolname, '') FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
             LEFT JOIN pg_roles r ON r.oid = a.grantee)
FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner
WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = 'drop_kept_chunks';

-- name: defaults
-- What is granted on tables that the owner will make.
SELECT g.rolname || '=' || a.privilege_type
FROM pg_default_acl d JOIN pg_roles o ON o.oid = d.defaclrole, aclexplode(d.defaclacl) a
JOIN pg_roles g ON g.oid = a.grantee
WHERE d.defaclobjtype = 'r' AND d.defaclnamespace = current_schema()::regnamespace AND o.rolname = %(owner)s;
