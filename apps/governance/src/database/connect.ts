import { readFile } from 'node:fs/promises';
import { backoffMs, pause } from '@scc/runtime';
import type { Logger } from 'pino';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { z } from 'zod';
import { APPLICATION } from './application.js';
import { migrateSchema, MigrationRefused, pendingMigrations, SCHEMA } from './migrate.js';
import { isDatabaseAway } from './outage.js';
import { TransactionClient } from './transaction-client.js';

/** The variables that the database knows; spread into the schema of the process. */
export const databaseConfig = {
  DATABASE_URL: z.url().describe('the PostgreSQL (15 or newer) as the role scc_app, which owns nothing'),
  DATABASE_OWNER_URL: z
    .url()
    .optional()
    .describe('the same database as a role that is a member of scc_owner; absent, another process migrates'),
  DATABASE_OWNER_ROLE: z.string().default('scc_owner').describe('the NOLOGIN role that owns every table'),
  DATABASE_POOL: z.coerce.number().int().min(3).max(200).default(20).describe('how many connections are kept'),
  DATABASE_CA_FILE: z.string().optional().describe('the CA of PostgreSQL, as PEM; set, the connection uses TLS'),
};
type DatabaseConfig = z.infer<z.ZodObject<typeof databaseConfig>>;

const BACKOFF = { firstMs: 250, lastMs: 5000 };
/** A statement of ours takes milliseconds: what takes longer waits for a lock that will not be released. */
const STATEMENT_TIMEOUT_MS = 20_000;

export interface DatabaseConnectOptions {
  config: DatabaseConfig;
  /** The entities of the service, and how they are named. */
  mapping: Pick<DataSourceOptions, 'entities' | 'namingStrategy' | 'synchronize'>;
  logger: Logger;
  signal: AbortSignal;
  /** Called after each failed attempt with what is missing, and whether the database is merely unreachable. */
  missing: (what: string, isAway: boolean) => void;
}

/**
 * Migrates the schema and connects as the application. PostgreSQL may come later: this waits for it and says so.
 * @throws MigrationRefused when waiting does not help, and the signal's reason when it is aborted.
 */
export async function connectDatabase(options: DatabaseConnectOptions): Promise<DataSource> {
  const { config, logger, mapping } = options;
  const ca = config.DATABASE_CA_FILE;
  const ssl = ca === undefined ? {} : { ssl: { ca: await readFile(ca, 'utf8') } };
  await patiently(options, 'the migrations', () => prepareSchema(config, ssl, logger));
  const source = new DataSource({
    type: 'postgres',
    url: config.DATABASE_URL,
    ...ssl,
    ...mapping,
    applicationName: APPLICATION,
    poolSize: config.DATABASE_POOL,
    connectTimeoutMS: 5000,
    poolErrorHandler: (error: unknown) => logger.warn({ err: error }, 'a database connection was lost'),
    extra: {
      Client: TransactionClient,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
      keepAlive: true,
    },
  });
  await patiently(options, 'the database', () => source.initialize());
  return source;
}

async function prepareSchema(config: DatabaseConfig, ssl: object, logger: Logger): Promise<void> {
  const timeout = { connectionTimeoutMillis: 5000, ...ssl };
  if (config.DATABASE_OWNER_URL !== undefined) {
    const connection = { connectionString: config.DATABASE_OWNER_URL, ...timeout };
    await migrateSchema({ connection, ownerRole: config.DATABASE_OWNER_ROLE, folder: SCHEMA, logger });
    return;
  }
  const connection = { connectionString: config.DATABASE_URL, ...timeout };
  const pending = await pendingMigrations({ connection, folder: SCHEMA });
  if (pending.length > 0) throw new Error(`another process has not migrated yet: ${pending.join(', ')}`);
}

/** Tries what the start needs of the database until it succeeds; the pauses grow to 5 s. */
export async function patiently<T>(
  { logger, signal, missing }: Pick<DatabaseConnectOptions, 'logger' | 'signal' | 'missing'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (error instanceof MigrationRefused) throw error;
      missing(what, isDatabaseAway(error));
      const retryMs = backoffMs(failures, BACKOFF);
      logger.warn({ err: error, what, retryMs }, 'database not ready, trying again');
      await pause(retryMs, signal);
    }
  }
}
