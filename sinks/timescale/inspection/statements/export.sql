-- name: columns
-- The columns of a table or view of the schema in use, in order: name and type.
SELECT a.attname, format_type(a.atttypid, NULL), a.atttypid::int
FROM pg_attribute a
WHERE a.attrelid = to_regclass(quote_ident(current_schema()) || '.' || quote_ident(%(table)s))
  AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum;

-- name: relations
-- What can be exported.
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
ORDER BY c.relname;

-- name: export_all
-- The rows of a table.
SELECT {columns} FROM {table};

-- name: export_range
-- The rows of a table from a time on, up to another.
SELECT {columns} FROM {table} WHERE {time} >= {begin} AND {time} < {end};
