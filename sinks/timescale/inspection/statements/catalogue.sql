-- name: catalogue
-- What the schema in use holds, one row an aspect: object, aspect, and what it is. Objects of extensions are left out;
-- TimescaleDB's chunks lie in schemas of their own.
WITH ours AS MATERIALIZED (
    SELECT c.oid, c.relname::text AS object, c.relkind, c.reloptions
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')
)
SELECT o.object, 'kind', CASE WHEN o.relkind IN ('r', 'p') THEN 'table' ELSE 'view' END
       || CASE WHEN o.relkind = 'r' AND o.reloptions IS NOT NULL THEN ' with ' || array_to_string(o.reloptions, ', ') ELSE '' END
FROM ours o
UNION ALL
SELECT o.object, 'comment', obj_description(o.oid, 'pg_class') FROM ours o WHERE obj_description(o.oid, 'pg_class') IS NOT NULL
UNION ALL
SELECT o.object, 'column ' || a.attname,
       format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
       || CASE a.attidentity WHEN 'a' THEN ' identity always' WHEN 'd' THEN ' identity' ELSE '' END
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
FROM ours o
JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
UNION ALL
SELECT o.object, 'comment on ' || a.attname, col_description(o.oid, a.attnum)
FROM ours o JOIN pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE col_description(o.oid, a.attnum) IS NOT NULL
UNION ALL
SELECT o.object, 'constraint ' || k.conname, pg_get_constraintdef(k.oid)
FROM ours o JOIN pg_constraint k ON k.conrelid = o.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT o.object, 'index ' || i.relname,
       replace(pg_get_indexdef(x.indexrelid), ' ON ' || quote_ident(current_schema()) || '.', ' ON ')
       || CASE WHEN x.indisvalid THEN '' ELSE ' (invalid)' END
FROM ours o JOIN pg_index x ON x.indrelid = o.oid JOIN pg_class i ON i.oid = x.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid)
ORDER BY 1, 2;
