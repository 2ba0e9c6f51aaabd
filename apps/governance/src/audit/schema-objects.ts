import { z } from 'zod';
import { type Queryable, rowsOf } from '../database/rows.js';

/** A part of the database that decides what is written and read, such as a trigger, and how it is defined. */
const objectRow = z.object({ object: z.string(), definition: z.string() });

/** Settings of a role or a database that change which rows are read, or whether triggers fire. */
const SETTINGS = [
  ...['search_path', 'session_replication_role', 'row_security', 'role', 'session_authorization'],
  ...['session_preload_libraries', 'local_preload_libraries', 'transform_null_equals', 'bytea_output', 'DateStyle'],
  ...['array_nulls', 'standard_conforming_strings', 'client_encoding', 'event_triggers', 'jit_provider'],
  ...[
    'synchronous_commit',
    'default_transaction_read_only',
    'default_transaction_isolation',
    'TimeZone',
    'extra_float_digits',
  ],
];

/** Of the session as the service gets it. */
const IN_FORCE = [
  ...['search_path', 'session_replication_role', 'row_security', 'synchronous_commit', 'fsync', 'full_page_writes'],
  ...['zero_damaged_pages', 'ignore_checksum_failure', 'allow_system_table_mods', 'transform_null_equals'],
  ...['array_nulls', 'standard_conforming_strings', 'local_preload_libraries', 'event_triggers'],
];

/**
 * The tables of the service ($1) as the session finds them, and all that acts on them. Names instead of numbers, so
 * that a restored backup is the same.
 */
const OBJECTS = `
  with named as (
    select n.name, pg_catalog.to_regclass(pg_catalog.quote_ident(n.name))::oid as oid
    from pg_catalog.unnest($1::text[]) as n(name)
  ), ours as (
    select n.name, c.* from named n join pg_catalog.pg_class c on c.oid = n.oid
  ), owned as (
    select distinct p.oid from pg_catalog.pg_proc p
    where p.oid in (select t.tgfoid from pg_catalog.pg_trigger t where t.tgrelid in (select oid from ours) and (not t.tgisinternal or t.tgconstraint = 0))
      or p.oid in (select e.evtfoid from pg_catalog.pg_event_trigger e)
      or (p.prokind in ('f', 'p', 'w') and p.pronamespace in (select relnamespace from ours)
        and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e'))
  ), reach as (
    select r.oid from pg_catalog.pg_roles r where r.rolname = session_user or r.oid in (select relowner from ours)
  )
  select 'table ' || name as object, pg_catalog.concat_ws(' ', relnamespace::pg_catalog.regnamespace::text, relname,
    case relkind when 'r' then 'table' when 'v' then 'view' when 'p' then 'partitioned' else 'kind ' || relkind::text end,
    'of ' || pg_catalog.pg_get_userbyid(relowner), case when relpersistence <> 'p' then 'not permanent' end,
    case when relrowsecurity then 'with row level security' end, case when relforcerowsecurity then 'forced' end,
    (select 'by ' || m.amname::text from pg_catalog.pg_am m where m.oid = relam and m.amname <> 'heap'),
    case when relispartition then pg_catalog.pg_get_expr(relpartbound, oid) end,
    -- What PostgreSQL does not look for, although it is there.
    case when not relhastriggers and exists (select from pg_catalog.pg_trigger t where t.tgrelid = ours.oid) then 'without its triggers' end,
    case when not relhasrules and exists (select from pg_catalog.pg_rewrite r where r.ev_class = ours.oid) then 'without its rules' end,
    case when not relhasindex and exists (select from pg_catalog.pg_index i where i.indrelid = ours.oid) then 'without its indexes' end,
    case when relchecks <> (select pg_catalog.count(*) from pg_catalog.pg_constraint c where c.conrelid = ours.oid and c.contype = 'c') then 'with checks that are not run' end,
    (select pg_catalog.string_agg('child of ' || i.inhparent::pg_catalog.regclass::text, ' ' order by 1) from pg_catalog.pg_inherits i where i.inhrelid = ours.oid),
    (select pg_catalog.string_agg('parent of ' || i.inhrelid::pg_catalog.regclass::text, ' ' order by i.inhrelid::pg_catalog.regclass::text) from pg_catalog.pg_inherits i where i.inhparent = ours.oid)) as definition
  from ours
  union all
  -- Columns that changed their names with each other are told by their place among those that are left.
  select 'column ' || o.name || '.' || a.attname, pg_catalog.concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
    'at ' || pg_catalog.row_number() over (partition by o.oid order by a.attnum),
    case when a.attnotnull then 'not null' end, nullif('identity ' || a.attidentity::text, 'identity '),
    nullif('generated ' || a.attgenerated::text, 'generated '), 'default ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid),
    case when d.adbin is not null and not a.atthasdef then 'that is not used' end,
    (select 'collate ' || l.collname::text from pg_catalog.pg_collation l where l.oid = a.attcollation and l.collname <> 'default'))
  from ours o join pg_catalog.pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  union all
  select 'constraint ' || o.name || '.' || c.conname, pg_catalog.pg_get_constraintdef(c.oid) || case when c.convalidated then '' else ' not validated' end
  from ours o join pg_catalog.pg_constraint c on c.conrelid = o.oid
  union all
  select 'checks of ' || o.name || '.' || c.conname, pg_catalog.string_agg(t.tgfoid::pg_catalog.regproc::text || ' ' || t.tgenabled::text, ', ' order by t.tgfoid, t.tgtype)
  from ours o join pg_catalog.pg_trigger t on t.tgrelid = o.oid and t.tgisinternal join pg_catalog.pg_constraint c on c.oid = t.tgconstraint
  group by o.name, c.conname
  union all
  select 'index ' || i.indexrelid::pg_catalog.regclass::text, pg_catalog.pg_get_indexdef(i.indexrelid) || case when i.indisvalid then '' else ' invalid' end
    || case when i.indisready and i.indislive then '' else ' not written' end
    || case when i.indimmediate or exists (select from pg_catalog.pg_constraint c where c.conindid = i.indexrelid and c.condeferrable) then '' else ' checked late' end
  from ours o join pg_catalog.pg_index i on i.indrelid = o.oid where i.indisunique
    -- What else it computes runs with each write.
    or i.indexprs is not null or i.indpred is not null
  union all
  select 'trigger ' || o.name || '.' || t.tgname, pg_catalog.pg_get_triggerdef(t.oid, true) || case t.tgenabled
    when 'D' then ' disabled' when 'A' then ' always' when 'R' then ' for replicas alone' else '' end
  from ours o join pg_catalog.pg_trigger t on t.tgrelid = o.oid where not t.tgisinternal or t.tgconstraint = 0
  union all
  select 'rule ' || o.name || '.' || r.rulename, pg_catalog.pg_get_ruledef(r.oid, true) || ' ' || r.ev_enabled::text
  from ours o join pg_catalog.pg_rewrite r on r.ev_class = o.oid
  union all
  select 'policy ' || o.name || '.' || p.polname, pg_catalog.concat_ws(' ', p.polcmd::text,
    case when p.polpermissive then null else 'restrictive' end,
    (select 'for ' || pg_catalog.string_agg(case r when 0 then 'public' else pg_catalog.pg_get_userbyid(r)::text end, ' ' order by r) from pg_catalog.unnest(p.polroles) as n(r)), pg_catalog.pg_get_expr(p.polqual, p.polrelid), pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid))
  from ours o join pg_catalog.pg_policy p on p.polrelid = o.oid
  union all
  select 'function ' || p.oid::pg_catalog.regprocedure::text, pg_catalog.concat_ws(' ', pg_catalog.pg_get_functiondef(p.oid), 'of ' || pg_catalog.pg_get_userbyid(p.proowner))
  from owned join pg_catalog.pg_proc p using (oid)
  union all
  select 'aggregate ' || p.oid::pg_catalog.regprocedure::text, pg_catalog.concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn, a.agginitval)
  from pg_catalog.pg_proc p join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
  where p.oid >= 16384 and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
  union all
  -- What belongs to an extension is left out elsewhere.
  select 'extension ' || x.extname, pg_catalog.concat_ws(' ', x.extversion, pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ',
    pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid), p.prosrc, p.probin, p.proconfig::text, p.prosecdef::text), ','
    order by pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) collate "C")))
  from pg_catalog.pg_extension x
  left join pg_catalog.pg_depend d on d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass and d.refobjid = x.oid and d.deptype = 'e'
  left join pg_catalog.pg_proc p on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and p.oid = d.objid
  group by x.extname, x.extversion
  union all
  select 'default rights on ' || d.defaclobjtype::text || ' of ' || pg_catalog.pg_get_userbyid(d.defaclrole) || ' for ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end,
    pg_catalog.string_agg(pg_catalog.concat_ws(' ', g.privilege_type, case when g.is_grantable then 'to give' end, 'in ' || nullif(d.defaclnamespace, 0)::pg_catalog.regnamespace::text), ', '
      order by g.privilege_type, d.defaclnamespace)
  from pg_catalog.pg_default_acl d, pg_catalog.aclexplode(d.defaclacl) as g
  where d.defaclrole in (select oid from reach) and g.grantee <> d.defaclrole group by d.defaclobjtype, d.defaclrole, g.grantee
  union all
  select 'right on the setting ' || s.parname || ' of ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end,
    pg_catalog.string_agg(g.privilege_type, ' ' order by g.privilege_type)
  from pg_catalog.pg_parameter_acl s, pg_catalog.aclexplode(s.paracl) as g
  where g.grantee = 0 or g.grantee in (select oid from reach) group by s.parname, g.grantee
  union all
  select 'right on ' || o.name || ' of ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end,
    pg_catalog.string_agg(g.privilege_type || case when g.is_grantable then ' to give' else '' end, ' ' order by g.privilege_type)
  from ours o, pg_catalog.aclexplode(o.relacl) as g
  where g.grantee <> o.relowner and g.privilege_type <> 'SELECT' group by o.name, g.grantee
  union all
  select 'right on ' || o.name || '.' || a.attname || ' of ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end,
    pg_catalog.string_agg(g.privilege_type || case when g.is_grantable then ' to give' else '' end, ' ' order by g.privilege_type)
  from ours o join pg_catalog.pg_attribute a on a.attrelid = o.oid and not a.attisdropped, pg_catalog.aclexplode(a.attacl) as g
  where g.grantee <> o.relowner and g.privilege_type <> 'SELECT' group by o.name, a.attname, g.grantee
  union all
  select 'sequence ' || s.seqrelid::pg_catalog.regclass::text, pg_catalog.concat_ws(' ', s.seqtypid::pg_catalog.regtype::text, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle)
  from pg_catalog.pg_depend d join pg_catalog.pg_sequence s on s.seqrelid = d.objid
  where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid in (select oid from ours) and d.deptype in ('a', 'i')
  union all
  select 'right on the sequence ' || q.oid::pg_catalog.regclass::text || ' of ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end,
    pg_catalog.string_agg(g.privilege_type, ' ' order by g.privilege_type)
  from pg_catalog.pg_depend d join pg_catalog.pg_class q on q.oid = d.objid and q.relkind = 'S', pg_catalog.aclexplode(q.relacl) as g
  where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.refobjid in (select oid from ours) and d.deptype in ('a', 'i')
    and g.grantee <> q.relowner and g.privilege_type = 'UPDATE' group by q.oid, g.grantee
  union all
  select 'right on the schema ' || n.nspname || ' of ' || case g.grantee when 0 then 'public' else pg_catalog.pg_get_userbyid(g.grantee)::text end, 'CREATE'
  from pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) as g
  where n.oid in (select relnamespace from ours) and g.grantee <> n.nspowner and g.privilege_type = 'CREATE'
  union all
  select 'schema ' || n.nspname, 'of ' || pg_catalog.pg_get_userbyid(n.nspowner)
  from pg_catalog.pg_namespace n where n.oid in (select relnamespace from ours)
  union all
  select 'members of ' || pg_catalog.pg_get_userbyid(m.roleid),
    pg_catalog.string_agg(distinct pg_catalog.pg_get_userbyid(m.member)::text, ' ' order by pg_catalog.pg_get_userbyid(m.member)::text)
  from pg_catalog.pg_auth_members m where m.roleid in (select oid from reach) group by m.roleid
  union all
  select 'operator ' || p.oid::pg_catalog.regoperator::text, p.oprcode::text
  from pg_catalog.pg_operator p where p.oid >= 16384
    and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
  union all
  select 'cast of ' || pg_catalog.format_type(c.castsource, null) || ' to ' || pg_catalog.format_type(c.casttarget, null),
    pg_catalog.concat_ws(' ', c.castfunc::pg_catalog.regprocedure::text, c.castcontext::text, c.castmethod::text)
  from pg_catalog.pg_cast c where c.oid >= 16384
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'e')
  union all
  select 'operators, casts and types of PostgreSQL itself', pg_catalog.md5(pg_catalog.concat_ws(';',
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.oid, p.oprname, p.oprcode, p.oprcom, p.oprnegate, p.oprcanhash, p.oprcanmerge), ',' order by p.oid) from pg_catalog.pg_operator p where p.oid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, c.castfunc, c.castcontext, c.castmethod), ',' order by c.oid) from pg_catalog.pg_cast c where c.oid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', t.oid, t.typinput, t.typoutput, t.typreceive, t.typsend), ',' order by t.oid) from pg_catalog.pg_type t where t.oid < 16384 and t.typtype = 'b'),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.aggfnoid::oid, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn, a.agginitval), ',' order by a.aggfnoid) from pg_catalog.pg_aggregate a where a.aggfnoid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', m.oid, m.amprocfamily, m.amproclefttype, m.amprocrighttype, m.amprocnum, m.amproc), ',' order by m.oid) from pg_catalog.pg_amproc m where m.oid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', m.oid, m.amopfamily, m.amoplefttype, m.amoprighttype, m.amopstrategy, m.amopopr::oid), ',' order by m.oid) from pg_catalog.pg_amop m where m.oid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, c.opcname, c.opcfamily, c.opcintype, c.opcdefault), ',' order by c.oid) from pg_catalog.pg_opclass c where c.oid < 16384),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', m.oid, m.amname, m.amhandler), ',' order by m.oid) from pg_catalog.pg_am m where m.oid < 16384),
    -- Those of the operating system come after these.
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', c.oid, c.collname, c.collprovider, c.collisdeterministic), ',' order by c.oid) from pg_catalog.pg_collation c where c.oid < 1000),
    (select pg_catalog.string_agg(pg_catalog.concat_ws(' ', l.lanname, l.lanplcallfoid, l.laninline, l.lanvalidator), ',' order by l.lanname) from pg_catalog.pg_language l where l.oid < 16384)))
  union all
  select 'subscription ' || s.subname, case when s.subenabled then 'enabled' else 'disabled' end
  from pg_catalog.pg_subscription s where s.subdbid = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())
  union all
  select 'role of the service', pg_catalog.concat_ws(' ', case when r.rolsuper then 'superuser' end, case when r.rolbypassrls then 'bypassrls' end,
    case when r.rolcreaterole then 'createrole' end, case when r.rolcreatedb then 'createdb' end, case when r.rolreplication then 'replication' end,
    (select 'member of ' || pg_catalog.string_agg(m.rolname::text, ' ' order by m.rolname::text) from pg_catalog.pg_roles m
      where not r.rolsuper and m.oid <> r.oid and pg_catalog.pg_has_role(r.oid, m.oid, 'member')))
  from pg_catalog.pg_roles r where r.rolname = session_user
  union all
  select 'setting ' || case s.setrole when 0 then 'of the database' else 'of the role' end || ' ' || pg_catalog.split_part(c.pair, '=', 1), c.pair
  from pg_catalog.pg_db_role_setting s, pg_catalog.unnest(s.setconfig) as c(pair)
  where s.setdatabase in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
    and s.setrole in (0, (select oid from pg_catalog.pg_roles where rolname = session_user)) and pg_catalog.split_part(c.pair, '=', 1) = any($2::text[])
  union all
  select 'setting in force ' || n.name, coalesce(pg_catalog.current_setting(n.name, true), 'unknown') from pg_catalog.unnest($3::text[]) as n(name)
  union all
  select 'event trigger ' || e.evtname, pg_catalog.concat_ws(' ', e.evtevent, e.evtenabled::text, e.evtfoid::pg_catalog.regproc::text) from pg_catalog.pg_event_trigger e
  union all
  select 'functions of PostgreSQL itself', pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(' ', p.oid, p.proname, p.prosrc, p.probin, p.prolang, p.proconfig, p.proisstrict, p.provolatile, p.prosecdef, p.prosupport), ',' order by p.oid))
  from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.oid < 16384
  union all
  select 'function ' || p.oid::pg_catalog.regprocedure::text || ' beside those of PostgreSQL', pg_catalog.md5(p.prosrc)
  from pg_catalog.pg_proc p where p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace and p.oid >= 16384
    and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')`;

/** All that acts on these tables. */
export async function schemaObjects(db: Queryable, tables: readonly string[]): Promise<Map<string, string>> {
  const rows = await rowsOf(db, objectRow, OBJECTS, [tables, SETTINGS, IN_FORCE]);
  return new Map(rows.map(({ object, definition }) => [object, definition]));
}

const serverRow = z.object({ server: z.string() });
const ranRow = z.object({ name: z.string(), checksum: z.string() });

/** The scripts that are said to have run: their checksums by name, in the order of names. */
export async function scriptsRun(db: Queryable): Promise<ReadonlyMap<string, string>> {
  const rows = await rowsOf(db, ranRow, `select name, checksum from schema_migration order by name collate "C"`);
  return new Map(rows.map(({ name, checksum }) => [name, checksum]));
}

/**
 * What the objects follow from: the scripts that were run, the major version of PostgreSQL, which words them, and which
 * tables are looked at and how, which another version of the service does in another way.
 */
export async function schemaRevision(
  db: Queryable,
  tables: readonly string[],
  ran: ReadonlyMap<string, string>,
): Promise<string> {
  const [row] = await rowsOf(
    db,
    serverRow,
    `select (current_setting('server_version_num')::int / 10000)::text as server`,
  );
  const looked = JSON.stringify([tables.toSorted(), OBJECTS, SETTINGS, IN_FORCE]);
  const migrations = [...ran].map(([name, checksum]) => `${name} ${checksum}`).join(',');
  return `PostgreSQL ${row?.server ?? '?'}: ${migrations} ${looked}`;
}
