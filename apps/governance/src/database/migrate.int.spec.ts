import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import pg from 'pg';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';
import { migrateSchema, MigrationRefused, pendingMigrations, SCHEMA } from './migrate.js';

let server: PostgresServer;
let folder: string;
let databases = 0;
beforeAll(async () => {
  server = await startPostgres();
  await query(server.url, 'create role scc_owner nologin', 'create role scc_app login');
  await query(server.url, 'create role scc_migrator login in role scc_owner');
  folder = await mkdtemp(path.join(tmpdir(), 'scc-migrations-'));
}, 30_000);
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true });
});

async function query(connectionString: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** An empty database, and what migrates it. */
async function database() {
  databases += 1;
  const name = `scc_${databases}`;
  await query(server.url, `create database ${name} owner scc_owner`);
  const as = (role: string): string => {
    const url = new URL(server.url);
    url.username = role;
    url.pathname = `/${name}`;
    return url.href;
  };
  const connection = { connectionString: as('scc_migrator') };
  const logger = createLogger('test', 'silent');
  return {
    as,
    run: (from: string) => migrateSchema({ connection, ownerRole: 'scc_owner', folder: from, logger }),
    pending: (from: string) => pendingMigrations({ connection: { connectionString: as('scc_app') }, folder: from }),
  };
}

async function files(contents: Record<string, string>): Promise<string> {
  const made = await mkdtemp(path.join(folder, 'files-'));
  for (const [name, sql] of Object.entries(contents)) await writeFile(path.join(made, name), sql);
  return made;
}

const FIRST = { '010-first.sql': 'create table first (id int)' };
const SECOND = { '020-second.sql': 'create table second (id int)' };

describe('migrate', () => {
  it('brings an empty database to the schema of this version, once', async () => {
    const { run, as } = await database();
    const ran = await run(SCHEMA);
    expect(ran).toContain('040-migrations.sql');
    expect(ran).toEqual([...ran].sort());
    expect(await run(SCHEMA)).toEqual([]);
    expect(
      await query(as('postgres'), `select distinct tableowner from pg_tables where schemaname = 'public'`),
    ).toEqual([{ tableowner: 'scc_owner' }]);
  });

  it('runs each file once when many processes start at once', async () => {
    const { run, as } = await database();
    const ran = await Promise.all(Array.from({ length: 8 }, () => run(SCHEMA)));
    expect(ran.filter((names) => names.length > 0)).toHaveLength(1);
    const [row] = await query(as('postgres'), 'select count(*)::int as files from schema_migration');
    expect(row).toEqual({ files: ran.flat().length });
  });

  it('runs what a newer version adds', async () => {
    const { run, pending } = await database();
    const [old, newer] = [await files(FIRST), await files({ ...FIRST, ...SECOND })];
    expect(await pending(old)).toEqual(['010-first.sql']);
    await run(old);
    expect(await pending(old)).toEqual([]);
    expect(await pending(newer)).toEqual(['020-second.sql']);
    expect(await run(newer)).toEqual(['020-second.sql']);
    // The version before it goes on with the newer schema while it is being replaced.
    expect(await run(old)).toEqual([]);
  });

  it('refuses a file that was changed after it ran', async () => {
    const { run, pending } = await database();
    await run(await files(FIRST));
    const edited = await files({ '010-first.sql': 'create table first (id bigint)', ...SECOND });
    await expect(run(edited)).rejects.toThrow('010-first.sql has changed');
    await expect(run(edited)).rejects.toBeInstanceOf(MigrationRefused);
    await expect(pending(edited)).rejects.toBeInstanceOf(MigrationRefused);
  });

  it('refuses a database that ran what this version lacks in between', async () => {
    const { run } = await database();
    await run(await files({ ...FIRST, '015-other.sql': 'create table other (id int)' }));
    await expect(run(await files({ ...FIRST, ...SECOND }))).rejects.toThrow('has run 015-other.sql');
  });

  it('leaves nothing of a file that fails, and keeps those before it', async () => {
    const { run, as } = await database();
    const broken = await files({ ...FIRST, '020-second.sql': 'create table second (id int); select 1 / 0' });
    await expect(run(broken)).rejects.toThrow('020-second.sql failed');
    expect(
      await query(as('postgres'), `select to_regclass('first') is not null as first, to_regclass('second') as second`),
    ).toEqual([{ first: true, second: null }]);
    expect(await run(await files({ ...FIRST, ...SECOND }))).toEqual(['020-second.sql']);
  });

  it('is not for the application: it owns nothing and rewrites no record', async () => {
    const { run, as } = await database();
    await run(await files(FIRST));
    const app = as('scc_app');
    await expect(query(app, 'create table mine (id int)')).rejects.toThrow('permission denied');
    await expect(query(app, 'drop table first')).rejects.toThrow('must be owner');
    await expect(query(app, `update schema_migration set checksum = ''`)).rejects.toThrow('permission denied');
    await expect(query(app, 'set role scc_owner')).rejects.toThrow('permission denied');
  });
});
