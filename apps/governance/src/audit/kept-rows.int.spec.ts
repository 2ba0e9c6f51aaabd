import { beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import type { Queryable } from '../database/rows.js';
import { governanceSuite } from '../suite.fixture.js';
import { Adoption } from './adoption.js';
import { AuthorityWatch, contradictionsIn } from './authority-watch.js';
import { KeptRows } from './kept-rows.js';

const WORKLOADS = 6_000;

const database = governanceSuite();
let watch: AuthorityWatch;
beforeAll(async () => {
  await database.admin.query(
    `insert into scc_activation (namespace, kind, name, scc, actor, reason, source_key, activated_at)
     select 'shop', 'Deployment', 'app-' || number, 'restricted-v2', 'carla', 'observed', number, now()
     from generate_series(1, $1::int) number`,
    [WORKLOADS],
  );
  await new Adoption(database.app, contradictionsIn).adopt();
  watch = new AuthorityWatch({ source: database.app, logger: createLogger('watch', 'silent') });
}, 60_000);

/** What a look of the watch that has seen all rows finds, and every look of another one. */
async function found(): Promise<string[]> {
  const kept = await watch.look();
  const fresh = await database.app.transaction((tx) => contradictionsIn(tx));
  const named = kept.filter((one) => !('isOver' in one)).map(({ fault, key }) => `${fault} ${key}`);
  expect(named.toSorted()).toEqual(fresh.map(({ fault, key }) => `${fault} ${key}`).toSorted());
  return named;
}

describe('the registry, when its rows are kept from one look to the next', () => {
  it('agrees with the log', async () => {
    expect(await found()).toEqual([]);
    expect(await found()).toEqual([]);
  });

  it.each([
    [
      'a row that says something else',
      `update scc_activation set scc = 'anyuid' where name = 'app-5000'`,
      `update scc_activation set scc = 'restricted-v2' where name = 'app-5000'`,
      1,
    ],
    [
      'two rows that changed places',
      `update scc_activation set scc = case name when 'app-1' then 'privileged' else 'anyuid' end where name in ('app-1', 'app-5999')`,
      `update scc_activation set scc = 'restricted-v2' where name in ('app-1', 'app-5999')`,
      2,
    ],
    [
      'a row that nobody wrote',
      `insert into scc_activation (namespace, kind, name, scc, reason, source_key, activated_at) values ('shop', 'Deployment', 'ghost', 'anyuid', 'observed', 'ghost', now())`,
      `delete from scc_activation where name = 'ghost'`,
      1,
    ],
    [
      'columns that changed names, without a row being written',
      `alter table scc_activation rename column manager to held; alter table scc_activation rename column actor to manager; alter table scc_activation rename column held to actor`,
      `alter table scc_activation rename column manager to held; alter table scc_activation rename column actor to manager; alter table scc_activation rename column held to actor`,
      WORKLOADS,
    ],
    [
      'rows that are gone, and are there again',
      `create table kept as select * from scc_activation where name like 'app-20%'; delete from scc_activation where name like 'app-20%'`,
      `insert into scc_activation overriding system value select * from kept; drop table kept`,
      111,
    ],
  ])('finds %s, and no longer when it is as before', async (_what, change, back, count) => {
    await database.admin.query(change);
    expect(await found()).toHaveLength(count);
    expect(await found()).toHaveLength(count);
    await database.admin.query(back);
    expect(await found()).toEqual([]);
  });

  it('is read as a whole again after twenty looks, and else only where rows changed', async () => {
    const registry = new KeptRows();
    const reads: number[] = [];
    for (let look = 0; look < 22; look += 1) {
      if (look === 5) await database.admin.query(`update scc_activation set scc = scc where name = 'app-7'`);
      let rows = 0;
      await database.app.transaction(async (tx) => {
        const query: Queryable['query'] = async (sql, parameters) => {
          const answer: never = await tx.query(sql, parameters);
          if (sql.startsWith('fetch')) rows += (answer as unknown[]).length;
          return answer;
        };
        expect(await registry.read({ query })).toHaveLength(WORKLOADS);
      });
      reads.push(rows);
    }
    const [first, , , , , changed = 0] = reads;
    expect([first, reads[20]]).toEqual([WORKLOADS, WORKLOADS]);
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThan(WORKLOADS);
    expect(reads.filter((rows) => rows > 0)).toHaveLength(3);
  });
});
