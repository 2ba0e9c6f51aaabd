import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import type { Logger } from 'pino';
import { z } from 'zod';

/** The schema cannot be brought to what this version needs. Trying again does not help: an operator has to look. */
export class MigrationRefused extends Error {
  override readonly name = 'MigrationRefused';
}

/** The reviewed SQL of this version. */
export const SCHEMA = path.join(import.meta.dirname, 'schema');

export interface MigrateOptions {
  /** Connects as a role that may become the owner. */
  connection: pg.ClientConfig;
  /** The NOLOGIN role that owns what is made. */
  ownerRole: string;
  /** A folder of .sql files; they run once each, in the order of their names. */
  folder: string;
  logger: Logger;
}

interface Migration {
  name: string;
  sql: string;
  checksum: string;
}

const LOCK = 7_325_801;
const OLDEST_SERVER = 15;
const recordedRows = z.array(z.object({ name: z.string(), checksum: z.string() }));

/**
 * Brings the schema to what this version needs. Of several processes one migrates and the others wait; each file runs in
 * one transaction with the record that it ran.
 * @returns the names of the files that ran now.
 * @throws MigrationRefused when a file that ran before has another content, or one that ran is missing in between.
 */
export async function migrateSchema({ connection, ownerRole, folder, logger }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client({ ...connection, application_name: 'scc-governance-migrate' });
  // The server going away ends the query at hand, which is enough to know.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await requireServer(client);
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query(`set role ${client.escapeIdentifier(ownerRole)}`);
    await client.query(RECORD);
    const pending = missingOf(migrations, await recorded(client));
    for (const migration of pending) {
      await run(client, migration);
      logger.info({ migration: migration.name, checksum: migration.checksum }, 'ran a migration');
    }
    return pending.map(({ name }) => name);
  } finally {
    // The lock ends with the session.
    await client.end();
  }
}

/**
 * Whether another process has brought the schema to what this version needs.
 * @returns the names of the files that did not run yet.
 */
export async function pendingMigrations({
  connection,
  folder,
}: Pick<MigrateOptions, 'connection' | 'folder'>): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const client = new pg.Client(connection);
  client.on('error', () => undefined);
  await client.connect();
  try {
    const { rows } = await client.query<{ found: string | null }>(`select to_regclass('schema_migration') as found`);
    if (!rows[0]?.found) return migrations.map(({ name }) => name);
    return missingOf(migrations, await recorded(client)).map(({ name }) => name);
  } finally {
    await client.end();
  }
}

/** The scripts of this version: their checksums by name. */
export async function shippedScripts(folder = SCHEMA): Promise<ReadonlyMap<string, string>> {
  return new Map((await readMigrations(folder)).map(({ name, checksum }) => [name, checksum]));
}

const RECORD = `
  create table if not exists schema_migration (
    name text primary key,
    checksum text not null,
    applied_at timestamptz not null default now(),
    applied_by text not null default session_user
  );
  revoke all on schema_migration from public, scc_app;
  grant select on schema_migration to scc_app`;

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort();
  if (names.length === 0) throw new MigrationRefused(`there are no migrations in ${folder}`);
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(path.join(folder, name), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

async function requireServer(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ version: string }>(`select current_setting('server_version_num') as version`);
  const major = Math.floor(Number(rows[0]?.version) / 10_000);
  if (major < OLDEST_SERVER)
    throw new MigrationRefused(`PostgreSQL ${major} is too old, ${OLDEST_SERVER} or newer is needed`);
}

async function recorded(client: pg.Client): Promise<Map<string, string>> {
  const { rows } = await client.query('select name, checksum from schema_migration');
  return new Map(recordedRows.parse(rows).map(({ name, checksum }) => [name, checksum]));
}

/** Scripts that did not run yet. A newer version may have run more at the end: this one then lives with its schema. */
function missingOf(migrations: Migration[], ran: Map<string, string>): Migration[] {
  const known = new Set(migrations.map(({ name }) => name));
  const newest = migrations.at(-1)?.name ?? '';
  const lost = [...ran.keys()].filter((name) => !known.has(name) && name < newest);
  if (lost.length > 0) throw new MigrationRefused(`the database has run ${lost.join(', ')}, which this version lacks`);
  const changed = migrations.filter(({ name, checksum }) => ran.has(name) && ran.get(name) !== checksum);
  if (changed.length > 0)
    throw new MigrationRefused(`${changed.map(({ name }) => name).join(', ')} has changed since the database ran it`);
  return migrations.filter(({ name }) => !ran.has(name));
}

async function run(client: pg.Client, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('insert into schema_migration (name, checksum) values ($1, $2)', [name, checksum]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw isAboutSql(error) ? new MigrationRefused(`the migration ${name} failed`, { cause: error }) : error;
  }
}

/** The server answered that the statement is wrong, rather than being away, starting, or stopping (class 08, 53, 57). */
const isAboutSql = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && !/^(08|53|57|55P03|40)/.test(error.code ?? '08');
