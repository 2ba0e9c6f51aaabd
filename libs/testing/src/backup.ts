import { readdir } from 'node:fs/promises';
import pg from 'pg';

/** A backup as docs/BACKUP.md has it where no `pg_dump` fits the server: every table by COPY. */

/** Of the schema itself: the migrations of the same version bring it. */
const OF_THE_SCHEMA = 'schema_migration';
const ENDING = '.copy';

/** Runs statements on one connection. */
async function onOne<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Writes every table as it is at one moment.
 * @param url connects as a superuser
 * @param folder where PostgreSQL may write
 */
export const copyTables = (url: string, folder: string): Promise<void> =>
  onOne(url, async (client) => {
    await client.query('begin isolation level repeatable read');
    const { rows } = await client.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'`,
    );
    for (const { name } of rows.filter((table) => table.name !== OF_THE_SCHEMA))
      await client.query(`copy ${name} to '${folder}/${name}${ENDING}' (format binary)`);
    await client.query('commit');
  });

/**
 * Puts the tables back.
 * @param url connects as a superuser to a database that the migrations of the same version made
 */
export const restoreTables = (url: string, folder: string): Promise<void> =>
  onOne(url, async (client) => {
    await client.query('set session_replication_role = replica');
    const files = (await readdir(folder)).filter((file) => file.endsWith(ENDING));
    for (const table of files.map((file) => file.slice(0, -ENDING.length))) {
      // What the migrations put there is in the backup, too.
      await client.query(`delete from ${table}`);
      await client.query(`copy ${table} from '${folder}/${table}${ENDING}' (format binary)`);
    }
    const { rows } = await client.query<{ table: string; column: string }>(
      `select table_name as table, column_name as column from information_schema.columns
       where table_schema = 'public' and is_identity = 'YES'`,
    );
    for (const { table, column } of rows)
      await client.query(
        `select setval(pg_get_serial_sequence('${table}', '${column}'), greatest((select max(${column}) from ${table}), 1))`,
      );
  });
