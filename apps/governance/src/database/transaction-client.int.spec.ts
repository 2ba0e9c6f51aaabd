import { type EventEmitter } from 'node:events';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { type PostgresServer, startPostgres } from '@scc/testing/postgres';
import { TransactionClient } from './transaction-client.js';

let server: PostgresServer;
let source: DataSource;
let other: DataSource;
const connect = (extra: object): Promise<DataSource> =>
  new DataSource({ type: 'postgres', url: server.url, poolSize: 1, extra }).initialize();
beforeAll(async () => {
  server = await startPostgres();
  // One connection, so that what a transaction leaves behind meets the next one.
  source = await connect({ Client: TransactionClient });
  other = await connect({});
  await other.query('create table item (name text primary key)');
}, 60_000);
afterAll(async () => {
  await source.destroy();
  await other.destroy();
  await server.stop();
});
beforeEach(() => other.query('delete from item'));

const INSERT = 'insert into item (name) values ($1)';
const names = async (): Promise<string[]> =>
  (await other.query<{ name: string }[]>('select name from item order by name')).map(({ name }) => name);
/** The second transaction of a connection is the first that opens with its statement. */
const warmUp = (): Promise<void> => source.transaction(() => Promise.resolve());

describe('a transaction that starts with its first statement', () => {
  beforeEach(warmUp);

  it('shows nothing before it commits, then everything', async () => {
    await source.transaction(async (tx) => {
      await tx.query(INSERT, ['a']);
      await tx.query(INSERT, ['b']);
      expect(await names()).toEqual([]);
    });
    expect(await names()).toEqual(['a', 'b']);
  });

  it('answers what the statement answered', async () => {
    const found = await source.transaction((tx) => tx.query<unknown>(`${INSERT} returning name`, ['a']));
    expect(found).toEqual([{ name: 'a' }]);
  });

  it('leaves nothing when the work fails', async () => {
    const work = source.transaction(async (tx) => {
      await tx.query(INSERT, ['a']);
      throw new Error('the work failed');
    });
    await expect(work).rejects.toThrow('the work failed');
    expect(await names()).toEqual([]);
  });

  it('fails with its first statement, and the connection goes on', async () => {
    await expect(source.transaction((tx) => tx.query(INSERT, [null]))).rejects.toThrow(/not-null/);
    await expect(source.transaction((tx) => tx.query('no such $1', ['statement']))).rejects.toThrow(/syntax error/);
    await source.query(INSERT, ['a']);
    expect(await names()).toEqual(['a']);
  });

  it('takes several statements in one text, an isolation level and savepoints', async () => {
    await source.transaction(async (tx) => {
      await tx.query(`insert into item values ('a'); insert into item values ('b')`);
      await expect(tx.transaction((inner) => inner.query(INSERT, ['a']))).rejects.toThrow(/duplicate/);
      expect(await names()).toEqual([]);
    });
    expect(await names()).toEqual(['a', 'b']);
    const level = await source.transaction('SERIALIZABLE', (tx) =>
      tx.query<unknown>('select current_setting($1) as level', ['transaction_isolation']),
    );
    expect(level).toEqual([{ level: 'serializable' }]);
  });

  it('costs two round trips, and none without a statement', async () => {
    const runner = source.createQueryRunner();
    const { connection } = (await runner.connect()) as { connection: EventEmitter };
    await runner.release();
    let trips = 0;
    const count = (): number => (trips += 1);
    connection.on('readyForQuery', count);
    await source.transaction((tx) => tx.query(INSERT, ['a']));
    expect(trips).toBe(2);
    await warmUp();
    expect(trips).toBe(2);
    connection.off('readyForQuery', count);
    await source.query(INSERT, ['b']);
    expect(await names()).toEqual(['a', 'b']);
  });

  it('does not run the statement when it cannot be started', async () => {
    await source.query('deallocate all');
    await expect(source.transaction((tx) => tx.query(INSERT, ['a']))).rejects.toThrow(/does not exist/);
    expect(await names()).toEqual([]);
  });
});
