import { readFile } from 'node:fs/promises';
import { commonConfig, createLogger, loadConfig } from '@scc/runtime';
import { z } from 'zod';
import { databaseConfig } from './database/connect.js';
import { migrateSchema, SCHEMA } from './database/migrate.js';

/** Brings the schema to what this version needs, as the owner of its tables, and ends: governance itself never owns them. */
const { DATABASE_OWNER_ROLE, DATABASE_CA_FILE } = databaseConfig;
const variables = z.object({
  LOG_LEVEL: commonConfig.LOG_LEVEL,
  DATABASE_OWNER_URL: z.url().describe('the database as a role that is a member of the owner role'),
  DATABASE_OWNER_ROLE,
  DATABASE_CA_FILE,
});

const config = loadConfig(variables);
const logger = createLogger('migrate', config.LOG_LEVEL);
const ca = config.DATABASE_CA_FILE;
const ran = await migrateSchema({
  connection: {
    connectionString: config.DATABASE_OWNER_URL,
    connectionTimeoutMillis: 5000,
    ...(ca === undefined ? {} : { ssl: { ca: await readFile(ca, 'utf8') } }),
  },
  ownerRole: config.DATABASE_OWNER_ROLE,
  folder: SCHEMA,
  logger,
});
logger.info({ ran }, 'the schema is what this version needs');
