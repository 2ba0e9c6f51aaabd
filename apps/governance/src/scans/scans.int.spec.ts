import { describe, expect, it } from '@jest/globals';
import { itemsSchema, pageSchema } from '@scc/governance-api';
import {
  aimOf,
  clusterObjectSchema,
  firstStepSchema,
  inventoryOf,
  keptScanDetailSchema,
  keptScanSchema,
  scan,
  scanChangesSchema,
  type ScanRequest,
  scanRowSchema,
} from '@scc/scc/scan';
import { apiSuite } from '../suite.fixture.js';

const workload = (namespace: string, name: string, runAsUser?: number) =>
  clusterObjectSchema.parse({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      template: {
        spec: { containers: [{ name: 'app', ...(runAsUser === undefined ? {} : { securityContext: { runAsUser } }) }] },
      },
    },
  });

/** The cluster as it is now; specs change it between scans. */
const cluster = { workloads: [workload('shop', 'catalog'), workload('bank', 'ledger', 0)], isAway: false };
/** Holds a scan up until a spec lets it go on. */
let held: Promise<undefined> = Promise.resolve(undefined);

async function scanCluster({ namespace, target }: ScanRequest) {
  await held;
  if (cluster.isAway) throw new Error('connect ECONNREFUSED');
  const inventory = inventoryOf(
    cluster.workloads.filter(({ metadata }) => namespace === null || metadata.namespace === namespace),
  );
  const aim = aimOf(inventory, target ?? undefined);
  if (!aim) throw new RangeError(`there is no SCC ${target ?? ''}`);
  return scan(inventory, aim);
}

const { database, test } = apiSuite({ scan: scanCluster });
const OPERATOR = 'olga/operator';
const OF_SHOP = 'sam/shop-viewers';

const begin = (caller = OPERATOR, body: object = {}, headers: Record<string, string> = {}) =>
  test.call(caller, 'POST', '/v1/scans', { body, headers });
const get = (caller: string, path: string) => test.call(caller, 'GET', `/v1/scans${path}`);
const detail = async (id: string, caller = OPERATOR) => keptScanDetailSchema.parse((await get(caller, `/${id}`)).body);
const workloads = async (id: string, query = '', caller = OPERATOR) =>
  pageSchema(scanRowSchema).parse((await get(caller, `/${id}/workloads${query}`)).body);

/** Asks for a scan and follows it until it has ended. */
async function scanned(body: object = {}) {
  const { id } = keptScanSchema.parse((await begin(OPERATOR, body)).body);
  for (;;) {
    const kept = await detail(id);
    if (kept.state !== 'running') return kept;
  }
}

describe('POST /v1/scans', () => {
  it('scans every workload, and keeps the scan with its rows', async () => {
    const kept = await scanned();
    expect(kept).toMatchObject({ state: 'done', aim: 'restricted-v2', by: 'olga', totals: { workloads: 2 } });
    expect(kept.totals.byCategory).toMatchObject({ Strict: 1, Patch: 1 });
    const { items } = await workloads(kept.id);
    expect(items.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual(['bank/ledger', 'shop/catalog']);
    expect((await workloads(kept.id, '?category=Patch')).items.map(({ name }) => name)).toEqual(['ledger']);
    const first = await workloads(kept.id, '?limit=1');
    expect((await workloads(kept.id, `?limit=1&cursor=${first.nextCursor ?? ''}`)).items[0]?.name).toBe('catalog');
    expect((await workloads(kept.id, '?restart=refused')).items.map(({ name }) => name)).toEqual(['ledger']);
    const steps = itemsSchema(firstStepSchema).parse((await get(OPERATOR, `/${kept.id}/first-steps`)).body).items;
    expect(steps.map(({ workload: { name } }) => name)).toEqual(['ledger']);
    expect(steps[0]?.why).toMatch(/^it is refused now, and restricted-v2 admits it after \d+ edits?; /);
    const listed = itemsSchema(keptScanSchema).parse((await get(OPERATOR, '')).body).items;
    expect(listed[0]).toMatchObject({ id: kept.id, totals: kept.totals });
  });

  it('makes one at a time, and one for a request that is sent again', async () => {
    const gate = Promise.withResolvers<undefined>();
    held = gate.promise;
    const sent = await begin(OPERATOR, {}, { 'Idempotency-Key': 'scan-once' });
    expect((await begin(OPERATOR, {}, { 'Idempotency-Key': 'scan-once' })).body).toEqual(sent.body);
    expect((await begin()).status).toBe(409);
    gate.resolve(undefined);
    held = Promise.resolve(undefined);
    const { id } = keptScanSchema.parse(sent.body);
    while ((await detail(id)).state === 'running');
    expect(await detail(id)).toMatchObject({ state: 'done' });
  });

  it('keeps why a scan came to nothing, and the next one is made', async () => {
    cluster.isAway = true;
    expect(await scanned()).toMatchObject({ state: 'failed', failure: 'connect ECONNREFUSED', aim: null });
    cluster.isAway = false;
    expect(await scanned({ target: 'nothing' })).toMatchObject({ state: 'failed', failure: 'there is no SCC nothing' });
    expect(await scanned({ namespace: 'shop' })).toMatchObject({ state: 'done', totals: { workloads: 1 } });
  });

  it('gives up a scan whose process has ended', async () => {
    await database.app.query(
      `insert into workload_scan (requested_by, requested_at, state) values ('olga', now() - interval '1 hour', 'running')`,
    );
    expect(await scanned()).toMatchObject({ state: 'done' });
    const { items } = itemsSchema(keptScanSchema).parse((await get(OPERATOR, '')).body);
    expect(items[1]).toMatchObject({ state: 'failed', failure: 'the process that made it has ended' });
  });

  it('is in the audit log, with how it ended', async () => {
    const { id } = await scanned();
    const entries = await database.app.query<{ action: string }[]>(
      `select action from audit_entry where action like 'scan.%' order by id desc limit 2`,
    );
    expect(entries.map(({ action }) => action)).toEqual(['scan.ended', 'scan.requested']);
    expect(Number(id)).toBeGreaterThan(0);
  });
});

describe('who may', () => {
  it('scan: those who hold the permission where it reads', async () => {
    expect((await begin('vera/viewer')).status).toBe(403);
    expect((await begin('', {})).status).toBe(401);
  });

  it('see: those of a namespace what lies there, and the totals of it alone', async () => {
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ('viewer', 'Group', 'shop-viewers', 'shop', 'test')`,
    );
    const { id } = await scanned();
    expect((await detail(id, OF_SHOP)).totals).toMatchObject({ workloads: 1, bySCC: { 'restricted-v2': 1 } });
    expect((await workloads(id, '', OF_SHOP)).items.map(({ namespace }) => namespace)).toEqual(['shop']);
    expect((await get(OF_SHOP, `/${id}/first-steps`)).body).toEqual({ items: [] });
    const bank = await scanned({ namespace: 'bank' });
    expect((await get(OF_SHOP, `/${bank.id}`)).status).toBe(404);
    expect((await begin(OF_SHOP, { namespace: 'shop' })).status).toBe(403);
  });
});

describe('GET /v1/scans/{id}/changes', () => {
  it('says what changed since the scan before, or since one that is named', async () => {
    const before = await scanned();
    cluster.workloads = [workload('shop', 'catalog', 0), workload('bank', 'ledger', 0), workload('bank', 'new')];
    const between = await scanned();
    const after = await scanned();
    const changes = async (id: string, query = '') =>
      scanChangesSchema.parse((await get(OPERATOR, `/${id}/changes${query}`)).body);
    expect((await changes(between.id)).items.map(({ workload: name, change }) => `${change} ${name}`)).toEqual([
      'added Deployment bank/new',
      'changed Deployment shop/catalog',
    ]);
    expect(await changes(after.id)).toMatchObject({ before: between.id, items: [] });
    expect((await changes(after.id, `?since=${before.id}`)).items).toHaveLength(2);
    expect((await get(OPERATOR, '/999999/changes')).status).toBe(404);
  });
});

describe('what is kept', () => {
  it('is the newest scans', async () => {
    await database.admin.query(
      `insert into workload_scan (requested_by, requested_at, state, finished_at, failure)
       select 'olga', now(), 'failed', now(), 'as told' from generate_series(1, 40)`,
    );
    const { id } = await scanned();
    const { items } = itemsSchema(keptScanSchema).parse((await get(OPERATOR, '')).body);
    expect(items).toHaveLength(30);
    expect(items[0]?.id).toBe(id);
  });
});
