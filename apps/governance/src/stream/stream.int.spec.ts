import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PLAN_KIND } from '@scc/plan';
import { createLogger, waitFor } from '@scc/runtime';
import { appendAudit } from '../audit/append.js';
import { aSealer, aSigner } from '../audit/audit-log.fixture.js';
import type { Sealer } from '../audit/sealer.js';
import { inTx, person, row } from '../governance.fixture.js';
import { apiSuite } from '../suite.fixture.js';
import { Feed, type Taker } from './feed.js';

const { database, test } = apiSuite();
const logger = createLogger('test', 'silent');
let sealer: Sealer;
let feed: Feed;

beforeAll(() => {
  sealer = aSealer(database.app, { signer: aSigner() });
  sealer.start();
});
afterAll(() => sealer.stop());
beforeEach(() => {
  feed = new Feed(database.app, logger);
});
afterEach(() => feed.stop());

async function record(count: number, over: { namespace?: string; kind?: string } = {}): Promise<void> {
  const { namespace = 'shop', kind = PLAN_KIND } = over;
  await inTx(database.app, async (tx) => {
    for (let number = 0; number < count; number += 1)
      await appendAudit(tx, {
        actor: person('ana'),
        action: 'migration.tested',
        object: { kind, namespace, name: `plan-${number}` },
        requestId: null,
        details: {},
      });
  });
  const unsealed = 'select (select count(*) from audit_entry) - (select count(*) from audit_seal) as open';
  const isSealed = async () => (await row(database.app, unsealed)) as { open: string };
  await waitFor(async () => (await isSealed()).open === '0', { timeoutMs: 20_000, what: 'the seals' });
}

function told(): { taker: Taker; names: string[]; at: number[]; resets: () => number } {
  const [names, at]: [string[], number[]] = [[], []];
  let resets = 0;
  const taker: Taker = {
    change: (index, { namespace, name }) => {
      at.push(index);
      names.push(`${namespace}/${name}`);
    },
    reset: () => (resets += 1),
  };
  return { taker, names, at, resets: () => resets };
}

describe('the stream of changes', () => {
  it('tells what is new in the scope of its follower, once', async () => {
    await record(1);
    const [all, some] = [told(), told()];
    feed.follow({ user: 'ana', scope: ['*'], last: null, taker: all.taker });
    feed.follow({ user: 'bo', scope: ['till'], last: null, taker: some.taker });
    await feed.look();
    await record(1);
    await record(1, { namespace: 'till' });
    await record(1, { kind: 'RoleBinding' });
    await feed.look();
    await feed.look();
    expect(all.names).toEqual(['shop/plan-0', 'till/plan-0']);
    expect(some.names).toEqual(['till/plan-0']);
    expect([all.resets(), some.resets()]).toEqual([1, 1]);
  });

  it('has a new follower load again, so that nothing is missed that was recorded since it loaded', async () => {
    const late = told();
    feed.follow({ user: 'ana', scope: ['*'], last: null, taker: late.taker });
    await record(1);
    await feed.look();
    expect([late.names.length, late.resets()]).toEqual([0, 1]);
    await record(1);
    await feed.look();
    expect([late.names, late.resets()]).toEqual([['shop/plan-0'], 1]);
  });

  it('leaves a follower that comes during a look to its first one', async () => {
    await record(1);
    const [early, late] = [told(), told()];
    feed.follow({ user: 'ana', scope: ['*'], last: -1, taker: early.taker });
    const looking = feed.look();
    feed.follow({ user: 'bo', scope: ['*'], last: null, taker: late.taker });
    await looking;
    await feed.look();
    expect(late.resets()).toBe(1);
  });

  it('tells a follower that comes back what it missed', async () => {
    await record(1);
    const before = told();
    const end = feed.follow({ user: 'ana', scope: ['*'], last: null, taker: before.taker });
    await feed.look();
    await record(1);
    await feed.look();
    end();
    await record(3);
    const after = told();
    feed.follow({ user: 'ana', scope: ['*'], last: before.at[0] ?? -1, taker: after.taker });
    await feed.look();
    expect(after.names).toEqual(['shop/plan-0', 'shop/plan-1', 'shop/plan-2']);
    expect(after.at).toEqual(after.at.toSorted((a, b) => a - b));
    expect(after.resets()).toBe(0);
  });

  it('has a follower that missed very much, or knows another log, load again', async () => {
    await record(1100);
    for (const last of [0, 1_000_000]) {
      const late = told();
      feed.follow({ user: 'ana', scope: ['*'], last, taker: late.taker });
      await feed.look();
      expect([late.names.length, late.resets()]).toEqual([0, 1]);
    }
  });

  it('is open so many times for one user', () => {
    const follow = (user: string) => feed.follow({ user, scope: ['*'], last: null, taker: told().taker });
    for (let number = 0; number < 30; number += 1) follow('ana');
    expect(() => follow('ana')).toThrow(/too many streams/);
    follow('bo')();
    expect(feed.size).toBe(30);
    feed.stop();
    expect(feed.size).toBe(0);
  });

  it('arrives over HTTP, with the place to go on from', async () => {
    const stopping = new AbortController();
    const response = await fetch(`${test.url}/v1/stream`, {
      headers: { authorization: 'Bearer vic/viewer', 'last-event-id': '1101' },
      signal: stopping.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    let text = '';
    const reading = (async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString('utf8');
    })().catch(() => undefined);
    await record(1, { namespace: 'live' });
    await waitFor(() => Promise.resolve(text.includes('"live"')), { timeoutMs: 20_000, what: 'the change' });
    stopping.abort();
    await reading;
    expect(text).toMatch(
      /id: \d+\nevent: change\ndata: \{"action":"migration\.tested","namespace":"live","name":"plan-0"\}\n\n/,
    );
  });

  it('is closed to those who may not read migrations', async () => {
    expect(await test.call('eve/none', 'GET', '/v1/stream')).toMatchObject({ status: 403 });
    expect(await test.call('', 'GET', '/v1/stream')).toMatchObject({ status: 401 });
  });
});
