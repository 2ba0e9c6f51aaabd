import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deliverySchema, pageSchema, problemSchema, receiverSchema } from '@scc/governance-api';
import { createLogger } from '@scc/runtime';
import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { appendAudit } from '../audit/append.js';
import { aSigner, seal } from '../audit/audit-log.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { seenRuns } from '../engine/runs.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  person,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { GovernanceMetrics } from '../health/metrics.js';
import { report } from '../history/report.js';
import { governanceSuite } from '../suite.fixture.js';
import { MissedWatch } from './missed-watch.js';
import { Notifier } from './notifier.js';
import { courierOf } from './courier.fixture.js';
import type { Courier } from './courier.js';

const ORIGIN = 'scc.poc/test';
const logger = createLogger('test', 'silent');
const database = governanceSuite();
const signer = aSigner();
const secret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
const [newKey, oldKey] = [secret(), secret()];

interface Asked {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}
/** A receiver that answers what it is told to, 204 unless something else is due. */
const asked: Asked[] = [];
let answers: { status: number; headers?: Record<string, string>; body?: string }[] = [];
const receiver = createServer((request, response) => {
  void text(request).then((body) => {
    asked.push({ path: request.url ?? '', headers: request.headers, body });
    const { status, headers = {}, body: said = '' } = answers.shift() ?? { status: 204 };
    response.writeHead(status, headers).end(said);
  });
});
let url: string;
let folder: string;
let courier: Courier;
let test: TestApi;
let clock: Date;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scc-notifications-'));
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const address = receiver.address();
  url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  await writeFile(path.join(folder, 'signing'), `${newKey}\n${oldKey}\n`);
  await writeFile(path.join(folder, 'slack'), `${url}/services/T0/B0/secret-part\n`);
  await writeFile(path.join(folder, 'weak'), 'whsec_c2hvcnQ=');
  await writeFile(path.join(folder, 'elsewhere'), 'https://elsewhere.example/x');
  courier = courierOf({ NOTIFICATION_HOSTS: '127.0.0.1', NOTIFICATION_SECRETS_DIR: folder });
  test = await startTestApi(database.app, { courier });
}, 60_000);
afterAll(async () => {
  await test.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  await rm(folder, { recursive: true, force: true });
}, 60_000);

beforeEach(async () => {
  await database.app.query('delete from notification_receiver');
  asked.length = 0;
  answers = [];
  clock = new Date();
});

const notifierOf = () => new Notifier({ source: database.app, courier, origin: ORIGIN, logger, now: () => clock });

/** One look of a notifier, until what is due was sent. */
async function look(notifier = notifierOf()): Promise<void> {
  await seal(database.app, { signer });
  await notifier.look();
  await notifier.settled();
}

const later = (seconds: number): void => void (clock = new Date(clock.getTime() + seconds * 1000));

const webhook = (name: string, over: object = {}) => ({
  ...{ name, type: 'webhook', url: `${url}/${name}`, signingSecret: 'signing', kinds: ['*'] },
  ...over,
});
const slack = (name: string, over: object = {}) => ({ name, type: 'slack', urlSecret: 'slack', kinds: ['*'], ...over });

async function save(body: { name: string }, caller = 'root/admin') {
  await seal(database.app, { signer });
  const headers = { 'if-none-match': '*' };
  return test.call(caller, 'PUT', `/v1/notification-receivers/${body.name}`, { body, headers });
}
async function saved(body: { name: string }): Promise<void> {
  expect(await save(body)).toMatchObject({ status: 200 });
}
const shown = async (name: string) =>
  receiverSchema.parse((await test.call('root/admin', 'GET', `/v1/notification-receivers/${name}`)).body);
const deliveries = async (query = '') =>
  pageSchema(deliverySchema).parse((await test.call('root/admin', 'GET', `/v1/notification-deliveries${query}`)).body)
    .items;

const record = (action: string, over: { namespace?: string; details?: object } = {}): Promise<unknown> =>
  inTx(database.app, (tx) => {
    const { namespace = 'shop', details = {} } = over;
    const object = { kind: 'SCCMigrationPlan', name: 'ledger', ...(namespace === '' ? {} : { namespace }) };
    return appendAudit(tx, { actor: person('ana'), action, object, requestId: null, details: { ...details } });
  });

const cloudEventSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string(),
  subject: z.string(),
  time: z.iso.datetime(),
  datacontenttype: z.literal('application/json'),
  data: z.object({
    namespace: z.string().nullable(),
    name: z.string().nullable(),
    actor: z.string(),
    text: z.string(),
  }),
});
const events = () => asked.map(({ body }) => cloudEventSchema.parse(JSON.parse(body)));
const headersOf = ({ headers }: Asked) =>
  z.record(z.string(), z.string()).parse({
    'webhook-id': headers['webhook-id'],
    'webhook-timestamp': headers['webhook-timestamp'],
    'webhook-signature': headers['webhook-signature'],
  });

describe('a webhook', () => {
  it('tells of a migration from its beginning to its end, signed, each event once', async () => {
    await saved(webhook('hook', { kinds: ['migration.shifted', 'migration.completed'] }));
    const request = aRequest(ownWorkload('told'));
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const batch = aBatch(request, recorded(completedEvents));
    const tell = () =>
      inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, batch, at(new Date().toISOString())));
    await tell();
    await look();
    await tell();
    await look();

    expect(events()).toMatchObject([
      { type: 'poc.scc.migration.shifted', subject: `shop/${request.plan.name}`, source: ORIGIN },
      { type: 'poc.scc.migration.completed', data: { text: 'completed: 249974 requests served, 0 failed' } },
    ]);
    for (const one of asked) {
      expect(one.headers['content-type']).toBe('application/cloudevents+json');
      for (const key of [newKey, oldKey]) new Webhook(key).verify(one.body, headersOf(one));
      expect(() => new Webhook(secret()).verify(one.body, headersOf(one))).toThrow();
      expect(() => new Webhook(newKey).verify(`${one.body} `, headersOf(one))).toThrow();
    }
    expect(asked.map((one) => headersOf(one)['webhook-id'])).toEqual(events().map(({ id }) => id));
    expect(await shown('hook')).toMatchObject({ waiting: 0, dead: 0, lastError: null });
  });

  it('is told of its namespaces and kinds alone, and of what concerns every namespace', async () => {
    await saved(webhook('some', { namespaces: ['till-*'], kinds: ['alarm.*', 'approval.granted'] }));
    await record('migration.untrusted', { namespace: 'shop' });
    await record('migration.untrusted', { namespace: 'till-1' });
    await record('approval.granted', { namespace: 'till-1' });
    await record('approval.refused', { namespace: 'till-1' });
    await record('stop.set', { namespace: '', details: { reason: 'the books are closed', takeBack: true } });
    await look();
    expect(events().map(({ type, subject }) => `${type} ${subject}`)).toEqual([
      'poc.scc.alarm.untrusted till-1/ledger',
      'poc.scc.approval.granted till-1/ledger',
      'poc.scc.alarm.stopped ledger',
    ]);
    expect(events()[2]?.data.text).toBe(
      'ana stopped migrations, and those that have begun are taken back: the books are closed',
    );
  });

  it('is told of campaigns where it is told of all namespaces', async () => {
    const kinds = ['campaign.*'];
    await saved(webhook('some', { namespaces: ['shop', 'till-*'], kinds }));
    await saved(webhook('all', { kinds }));
    await record('campaign.approvalNeeded', { namespace: '', details: { uid: 'f', wave: 2, workloads: 3 } });
    await record('campaign.waveEnded', { namespace: '', details: { uid: 'f', wave: 2, completed: 2, failed: 1 } });
    await record('campaign.budgetSpent', { namespace: '', details: { uid: 'f', count: 1, budget: 0 } });
    await look();
    expect(asked.map((one) => one.path)).toEqual(['/all', '/all', '/all']);
    expect(events().map(({ type, data }) => `${type}: ${data.text}`)).toEqual([
      'poc.scc.campaign.approvalNeeded: wave 2 (3 workloads) waits for an approval',
      'poc.scc.campaign.waveEnded: wave 2 has ended: 2 moved, 1 failed',
      'poc.scc.campaign.budgetSpent: stopped: 1 failed, and the budget is 0; no further plan is begun',
    ]);
  });

  it('has the same message with the same id until it takes it, at times that grow apart', async () => {
    await saved(webhook('busy'));
    await record('approval.granted');
    answers = [
      { status: 500, body: 'overloaded' },
      { status: 429, headers: { 'retry-after': '90' } },
    ];
    await look();
    expect(await deliveries('?state=waiting')).toMatchObject([{ attempts: 1, lastError: 'answered 500: overloaded' }]);
    expect(await shown('busy')).toMatchObject({ waiting: 1, lastError: 'answered 500: overloaded' });
    await look();
    expect(asked).toHaveLength(1);
    later(6);
    await look();
    later(80);
    await look();
    expect(asked).toHaveLength(2);
    later(11);
    await look();
    expect(new Set(asked.map((one) => headersOf(one)['webhook-id'])).size).toBe(1);
    expect(await deliveries()).toMatchObject([{ state: 'delivered', attempts: 3, lastError: null }]);
  });

  it('is sent again when the process ended before it could record the answer', async () => {
    await saved(webhook('again'));
    await record('approval.granted');
    await look();
    await database.admin.query('update notification_delivery set delivered_at = null');
    await look();
    expect(asked).toHaveLength(1);
    later(61);
    await look();
    expect(new Set(asked.map((one) => headersOf(one)['webhook-id'])).size).toBe(1);
    expect(asked).toHaveLength(2);
  });

  it('that fails is given up, shown, and tried again when it is asked for', async () => {
    await saved(webhook('dead'));
    await record('approval.granted');
    answers = Array.from({ length: 30 }, () => ({ status: 503 }));
    const notifier = notifierOf();
    const metrics = new GovernanceMetrics();
    notifier.watch(metrics);
    for (let turn = 0; turn < 30; turn += 1) {
      await look(notifier);
      later(3600);
    }
    expect(asked).toHaveLength(18);
    expect(await deliveries('?state=dead')).toMatchObject([{ receiver: 'dead', attempts: 18 }]);
    await notifier.count();
    const { body } = await metrics.scrape();
    expect(body).toContain('scc_governance_notifications_dead{receiver="dead"} 1');
    expect(body).toContain('scc_governance_notification_attempts_total{receiver="dead",outcome="failed"} 17');

    answers = [];
    const retry = await test.call('root/admin', 'POST', '/v1/notification-receivers/dead/retry');
    expect(retry).toMatchObject({ status: 200, body: { retried: 1 } });
    await look(notifier);
    expect(await shown('dead')).toMatchObject({ dead: 0, waiting: 0 });
  });

  it('that says it is gone is not asked again', async () => {
    await saved(webhook('gone'));
    await record('approval.granted');
    answers = [{ status: 410 }];
    await look();
    expect(await deliveries('?state=dead')).toMatchObject([{ attempts: 1, lastError: 'answered 410' }]);
  });

  it('does not hold what others are told', async () => {
    await saved(webhook('slow'));
    await saved(webhook('well'));
    for (let count = 0; count < 5; count += 1) await record('approval.granted');
    const away = notifierOf();
    await database.app.query(`update notification_receiver set url = 'http://127.0.0.1:1/' where name = 'slow'`);
    await look(away);
    expect(asked.map((one) => one.path)).toEqual(Array.from({ length: 5 }, () => '/well'));
    expect(await shown('slow')).toMatchObject({
      waiting: 5,
      lastError: expect.stringContaining('ECONNREFUSED') as unknown,
    });
  });

  it('follows no redirect', async () => {
    await saved(webhook('moved'));
    await record('approval.granted');
    answers = [{ status: 302, headers: { location: `${url}/elsewhere` } }];
    await look();
    expect(asked.map((one) => one.path)).toEqual(['/moved']);
    expect(await deliveries('?state=waiting')).toMatchObject([{ lastError: 'answered 302' }]);
  });

  it('is told nothing of an end that its receipts do not cover but that', async () => {
    await saved(webhook('ends', { kinds: ['migration.completed', 'alarm.*'] }));
    const request = aRequest(ownWorkload('uncovered'));
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const batch = aBatch(request, recorded(completedEvents));
    const { workflowId, runId } = batch;
    const { untrusted } = await inTx(database.app, async (tx) => {
      const isRunning = () => Promise.resolve(false);
      const seen = await seenRuns(tx, { uid: request.plan.uid, run: { workflowId, runId }, isRunning });
      return report(tx, request.plan.uid, batch, { ...at(new Date().toISOString()), seen });
    });
    expect(untrusted).not.toBeNull();
    await look();
    expect(events().map(({ type }) => type)).toEqual(['poc.scc.alarm.untrusted']);
  });
});

describe('Slack', () => {
  it('has a line of text in which nothing is a mark, at an address that is a secret', async () => {
    await saved(slack('team', { template: '{{ kind }}: {{namespace}}/{{name}} {{text}} ({{actor}})' }));
    await record('approval.refused', { details: { reason: '<!channel> & <https://x|y>' } });
    answers = [{ status: 403, body: 'action_prohibited' }];
    await look();
    expect(asked).toMatchObject([{ path: '/services/T0/B0/secret-part' }]);
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      text: 'approval.refused: shop/ledger ana refused: &lt;!channel&gt; &amp; &lt;https://x|y&gt; (ana)',
    });
    const { body } = await test.call('root/admin', 'GET', '/v1/notification-deliveries');
    expect(JSON.stringify(body)).toContain('answered 403: action_prohibited');
    const audit = await database.app.query<{ body: Buffer }[]>(
      `select body from audit_entry where action like 'notification.%'`,
    );
    const kept = JSON.stringify([body, await shown('team'), ...audit.map((entry) => entry.body.toString())]);
    expect(kept).not.toContain('secret-part');
    expect(kept).not.toContain(newKey);
  });
});

/** The table of cases is made before the receiver listens. */
const aHook = (over: object) => webhook('a', { url: 'https://127.0.0.1/a', ...over });

describe('a receiver', () => {
  it.each<[string, object, number, string[]]>([
    ['an unknown kind', aHook({ kinds: ['migration.nothing'] }), 422, ['kinds[0]']],
    ['an unknown word', aHook({ template: 'see {{link}}' }), 422, ['template']],
    ['braces without an end', aHook({ template: 'see {{text' }), 422, ['template']],
    ['an address of Slack in clear', slack('a', { urlSecret: null, url: 'https://hooks.example/x' }), 422, ['url']],
    ['a token in the address', aHook({ url: 'https://127.0.0.1/?token=x' }), 422, ['url']],
    ['no signature', aHook({ signingSecret: null }), 422, ['signingSecret']],
    ['a path for a secret', aHook({ signingSecret: '../key' }), 400, ['signingSecret']],
    ['a host that is not allowed', aHook({ url: 'https://elsewhere.example/' }), 422, ['url']],
    ['a secret host that is not allowed', slack('a', { urlSecret: 'elsewhere' }), 422, ['urlSecret']],
    ['a secret that is not there', aHook({ signingSecret: 'nothing' }), 422, ['signingSecret']],
    ['a secret that is too short', aHook({ signingSecret: 'weak' }), 422, ['signingSecret']],
  ])('is refused with %s', async (_, body, status, fields) => {
    const answer = await save({ name: 'a', ...body });
    expect(answer.status).toBe(status);
    expect(problemSchema.parse(answer.body).errors.map(({ field }) => field)).toEqual(fields);
  });

  it('is kept by an admin alone, each change in the audit log', async () => {
    for (const role of ['viewer', 'operator', 'approver', 'policy-author', 'auditor'])
      expect((await save(webhook('mine'), `eve/${role}`)).status).toBe(403);
    await saved(webhook('mine'));
    const path = '/v1/notification-receivers/mine';
    const body = webhook('mine', { kinds: ['alarm.*'] });
    expect((await test.call('root/admin', 'PUT', path, { body })).status).toBe(428);
    const headers = { 'if-match': '"1"' };
    expect(await test.call('root/admin', 'PUT', path, { body, headers })).toMatchObject({
      status: 200,
      body: { kinds: ['alarm.*'], rowVersion: 2 },
    });
    expect((await test.call('root/admin', 'DELETE', path, { headers })).status).toBe(412);
    expect((await test.call('root/admin', 'DELETE', path, { headers: { 'if-match': '"2"' } })).status).toBe(204);
    const entries = await database.app.query<{ action: string }[]>(
      `select action from audit_entry where object_name = 'mine' order by id`,
    );
    expect(entries.map(({ action }) => action)).toEqual([
      'notification.receiverSaved',
      'notification.receiverSaved',
      'notification.receiverRemoved',
    ]);
  });
});

describe('a receiver that is past an event of which it has no message', () => {
  it('contradicts the log, and one that has yet to come to it does not', async () => {
    await saved(webhook('kept', { kinds: ['approval.granted'] }));
    await look();
    const watch = new MissedWatch(database.app);
    const set = (forward: number) =>
      database.app.query('update notification_receiver set cursor = cursor + $1::bigint', [forward]);
    // Before any event has passed.
    const ahead = { fault: 'row-differs', table: 'notification_receiver.cursor', key: 'kept' };
    await set(1000);
    expect(await watch.look()).toMatchObject([ahead]);
    await set(-1000);
    await record('approval.granted');
    await record('approval.refused');
    await seal(database.app, { signer });
    expect(await watch.look()).toEqual([]);
    await set(1000);
    await look();
    const found = { fault: 'entry-without-row', table: 'notification_delivery', key: expect.stringMatching(/^kept /) };
    expect(await watch.look()).toMatchObject([ahead, found]);
    await set(-1000);
    await look();
    expect(await watch.look()).toEqual([]);
    expect(asked).toHaveLength(1);
    await database.app.query('delete from notification_delivery');
    expect(await watch.look()).toMatchObject([found]);
  });
});

describe('sccctl notifications', () => {
  const sccctl = (...args: string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(
      process.execPath,
      [
        path.resolve(import.meta.dirname, '../../../cli/dist/main.js'),
        ...['--server', test.url, '--token', 'root/admin', '-o', 'json', 'notifications', ...args],
      ],
      { env: { PATH: process.env['PATH'], HOME: folder } },
    );
  const answered = async (...args: string[]): Promise<unknown> => JSON.parse((await sccctl(...args)).stdout) as unknown;

  it('keeps receivers as a file describes them, and shows what failed and why', async () => {
    await seal(database.app, { signer });
    const file = path.join(folder, 'receivers.yaml');
    const described = (kinds: string) =>
      writeFile(
        file,
        `{ name: desk, type: webhook, url: '${url}/desk', signingSecret: signing, kinds: ['${kinds}'] }\n`,
      );
    await described('*');
    expect(await answered('apply', '-f', file)).toMatchObject({ name: 'desk', rowVersion: 1 });
    await described('approval.*');
    expect(await answered('apply', '-f', file)).toMatchObject({ kinds: ['approval.*'], rowVersion: 2 });
    await described('nothing');
    await expect(sccctl('apply', '-f', file)).rejects.toThrow('takes no kind of event');
    await record('approval.granted');
    answers = [{ status: 410 }];
    await look();
    expect(await answered('failures')).toMatchObject([{ receiver: 'desk', state: 'dead', lastError: 'answered 410' }]);
    expect(await answered('list')).toMatchObject([{ name: 'desk', dead: 1 }]);
    expect(await answered('retry', 'desk')).toEqual({ retried: 1 });
    expect(await answered('remove', 'desk')).toEqual({ removed: 'desk' });
    await expect(sccctl('remove', 'desk')).rejects.toThrow('there is no receiver desk');
  });
});
