import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';
import { AuditKeyEntity } from './audit/audit.entity.js';
import { IdempotencyKeyEntity } from './database/idempotency-key.entity.js';
import { migrateSchema, SCHEMA } from './database/migrate.js';
import { MAPPING } from './entities.js';

/** The table of the migrator itself. */
const NO_ENTITY = ['schema_migration'];

type Class = new () => object;

let server: PostgresServer;
let migrated: Tables;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
  const source = await database([]);
  await source.query('create role scc_app');
  await migrateSchema({
    connection: { connectionString: String(source.options.type === 'postgres' && source.options.url) },
    ownerRole: 'postgres',
    folder: SCHEMA,
    logger: createLogger('test', 'silent'),
  });
  migrated = await tablesOf(source);
}, 30_000);
afterAll(() => server.stop());

/** An empty database of its own. */
async function database(entities: readonly Class[]): Promise<DataSource> {
  databases += 1;
  const root = await new DataSource({ type: 'postgres', url: server.url }).initialize();
  await root.query(`create database entities_${databases}`);
  await root.destroy();
  const url = new URL(server.url);
  url.pathname = `/entities_${databases}`;
  return new DataSource({ type: 'postgres', url: url.href, ...MAPPING, entities: [...entities] }).initialize();
}

/** The schema that the entities would make of an empty database, as PostgreSQL shows it afterwards. */
async function declared(entities: readonly Class[]): Promise<Tables> {
  const source = await database(entities);
  const { upQueries } = await source.driver.createSchemaBuilder().log();
  for (const { query, parameters } of upQueries) await source.query(query, parameters);
  return tablesOf(source);
}

type Tables = Record<string, string[]>;

/**
 * Each table with its columns, keys and indexes in the words of PostgreSQL. What TypeORM has no words for is left out:
 * checks, triggers, the direction of an index and its storage parameters.
 */
async function tablesOf(source: DataSource): Promise<Tables> {
  const facts = await source.query<{ name: string; fact: string }[]>(`
    with tables as (select oid as relation, relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace)
    select relname as name, concat_ws(' ', 'column', attname, format_type(atttypid, atttypmod),
        case when attnotnull then 'not null' end, 'default ' || pg_get_expr(adbin, adrelid),
        case attidentity when 'a' then 'always identity' when 'd' then 'by default identity' end) as fact
      from tables join pg_attribute on attrelid = relation left join pg_attrdef on adrelid = relation and adnum = attnum
      where attnum > 0 and not attisdropped
    union all select relname, concat_ws(' ', 'constraint', conname, pg_get_constraintdef(c.oid))
      from tables join pg_constraint c on conrelid = relation where contype in ('p', 'u', 'f')
    union all select relname, replace(regexp_replace(pg_get_indexdef(indexrelid), ' WITH \\(.*?\\)', ''), ' DESC', '')
      from tables join pg_index on indrelid = relation
    order by 1, 2`);
  await source.destroy();
  const tables: Tables = {};
  for (const { name, fact } of facts) if (!NO_ENTITY.includes(name)) (tables[name] ??= []).push(fact);
  return tables;
}

/** Members that one side has and the other lacks. */
function differences(entities: Tables): { missing: string[]; excess: string[] } {
  const [there, here] = [migrated, entities].map((tables) =>
    Object.entries(tables).flatMap(([table, facts]) => facts.map((fact) => `${table}: ${fact}`)),
  ) as [string[], string[]];
  return {
    missing: there.filter((fact) => !here.includes(fact)),
    excess: here.filter((fact) => !there.includes(fact)),
  };
}

/** The entities with one less, and another one for its table when one is given. */
const instead = (of: Class, ...by: Class[]): Class[] => [...MAPPING.entities.filter((entity) => entity !== of), ...by];

describe('entities', () => {
  it('are what the migrations made: tables, columns, keys, references and indexes', async () => {
    expect(differences(await declared(MAPPING.entities))).toEqual({ missing: [], excess: [] });
    expect(Object.keys(migrated)).toHaveLength(MAPPING.entities.length);
    expect(migrated['view_weight']).toContain('column canary integer not null');
  });

  it('differ when a table has no entity, or an entity no table', async () => {
    const { missing, excess } = differences(await declared(instead(AuditKeyEntity, NoTable)));
    expect(missing).toContain('audit_key: column vkey text not null');
    expect(missing).toContain('audit_key: constraint audit_key_pkey PRIMARY KEY (vkey)');
    expect(excess).toContain('no_table: column vkey text not null');
  });

  it('differ by a name, a type, whether there may be null, a default, and an index', async () => {
    const { missing, excess } = differences(await declared(instead(IdempotencyKeyEntity, WrongColumns)));
    expect(missing).toEqual([
      'idempotency_key: CREATE INDEX idempotency_key_age ON public.idempotency_key USING btree (created_at)',
      'idempotency_key: column answer json',
      'idempotency_key: column created_at timestamp with time zone not null default now()',
      'idempotency_key: column request_hash bytea not null',
      'idempotency_key: column seal bytea',
    ]);
    expect(excess).toEqual([
      'idempotency_key: column answer jsonb',
      'idempotency_key: column created_at timestamp with time zone default now()',
      'idempotency_key: column hash bytea not null',
    ]);
  });
});

@Entity('no_table')
class NoTable {
  @PrimaryColumn('text')
  vkey!: string;
}

@Entity('idempotency_key')
class WrongColumns {
  @PrimaryColumn('text')
  principal!: string;

  @PrimaryColumn('text')
  key!: string;

  @Column('bytea')
  hash!: Buffer;

  @Column('jsonb', { nullable: true })
  answer!: unknown;

  @Column('timestamptz', { nullable: true, default: () => 'now()' })
  createdAt!: Date | null;
}
