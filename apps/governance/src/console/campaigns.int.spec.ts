import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { CampaignDetail } from '@scc/governance-api';
import type { KubeObject } from '@scc/kube';
import {
  AUTHOR_ANNOTATION,
  CAMPAIGN_TYPE,
  type CampaignSpecInput,
  type CampaignStatus,
  type MemberStatus,
} from '@scc/plan';
import type { Browser, Page } from 'playwright-core';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  inTx,
  NOON,
  ownWorkload,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { loopbackPair, openAt, openPage, signIn } from './browser.fixture.js';
import { startBrowser } from './chromium.fixture.js';
import { looked as lookedAt } from './looked.fixture.js';

const HOSTILE = `<img src=x onerror="alert('xss')">`;
const HASHES = ['a', 'b', 'c'].map((letter) => letter.repeat(64));

const member = (place: string, state: MemberStatus['state'], over: Partial<MemberStatus> = {}): MemberStatus => {
  const [namespace = '', name = ''] = place.split('/');
  return {
    ...{ namespace, name, kind: 'Deployment', serviceAccount: 'sa', targetSCC: 'restricted-v2', risk: 20, state },
    ...over,
  };
};

const campaign = (name: string, spec: CampaignSpecInput, status: CampaignStatus): KubeObject => ({
  ...CAMPAIGN_TYPE,
  metadata: { name, uid: name, creationTimestamp: NOON, annotations: { [AUTHOR_ANNOTATION]: 'ana' } },
  ...{ spec, status },
});

const FLEET = campaign(
  'fleet',
  {
    selector: { namespaces: ['shop', 'bank'] },
    approval: { required: true },
    approvals: [{ wave: 1, hash: HASHES[0] ?? '', by: 'bob' }],
  },
  {
    ...{ phase: 'Running', message: 'wave 2 of 3 waits for approval', wave: 2, attempt: 1 },
    unread: `callers in ConfigMaps not read: no right to get shop/urls ${HOSTILE}`,
    counts: { waves: 3, workloads: 6, waiting: 4, running: 0, completed: 1, failed: 1, left: 2 },
    waves: [
      [
        member('shop/catalog', 'Completed', { plan: 'fleet-catalog' }),
        member('bank/mailer', 'Failed', { plan: 'fleet-mailer', message: `its plan was undone: ${HOSTILE}` }),
      ],
      [member('shop/orders', 'Waiting'), member('shop/ledger', 'Waiting', { kind: 'StatefulSet' })],
      [member('bank/payments', 'Waiting', { targetSCC: 'nonroot-v2', risk: 80 }), member('bank/vault', 'Waiting')],
    ].map((workloads, wave) => ({ hash: HASHES[wave] ?? '', workloads })),
    left: [
      { workload: 'shop/CronJob/report', reason: 'the kind is none that a campaign moves' },
      { workload: 'bank/Deployment/agent', reason: 'it needs the network of its node' },
    ],
  },
);
/** Of a later version, so that nothing of it can be read but its name. */
const STRANGE = campaign('strange', { selector: {} }, {});
Object.assign(STRANGE, { spec: { of: 'another version' }, status: { phase: 'Dreaming' } });

const database = governanceSuite();
let test: TestApi;
/** The same without TLS, for callers that are no browsers. */
let plain: TestApi;
let browser: Browser;
let page: Page;
let faults: string[];
let planUid: string;

beforeAll(async () => {
  test = await startTestApi(database.app, { keyPair: await loopbackPair(), campaigns: () => [STRANGE, FLEET] });
  plain = await startTestApi(database.app, { campaigns: () => [STRANGE, FLEET] });
  for (const [role, namespaces] of [
    ['viewer', 'shop'],
    ['viewer', 'bank'],
  ] as const)
    await database.app.query(
      `insert into role_binding (role, subject_kind, subject_name, namespaces, created_by) values ($1, 'User', $2, $3, 'test')`,
      [role, `only-${namespaces}`, namespaces],
    );
  const request = aRequest(ownWorkload('fleet-catalog'));
  planUid = request.plan.uid;
  await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
  await inTx(database.app, (tx) =>
    reportCovered(tx, planUid, aBatch(request, recorded(completedEvents)), at('2026-03-10T13:00:00.000Z')),
  );
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser.close();
  await test.close();
  await plain.close();
});
beforeEach(async () => {
  ({ page, faults } = await openPage(browser));
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});
const looked = (name: string): Promise<void> => lookedAt({ page, faults }, name, process.env['SCC_SCREENSHOTS']);

const detailFor = async (caller: string): Promise<CampaignDetail> => {
  const { status, body } = await plain.call(caller, 'GET', '/v1/campaigns/fleet');
  expect(status).toBe(200);
  return body as CampaignDetail;
};

describe('the campaigns of the API', () => {
  it('are told with their waves, and from a workload to its migration', async () => {
    const { items } = (await plain.call('vic/viewer', 'GET', '/v1/campaigns')).body as { items: { name: string }[] };
    expect(items.map(({ name }) => name)).toEqual(['fleet', 'strange']);
    const { waves, author, left } = await detailFor('vic/viewer');
    expect(author).toBe('ana');
    expect(waves.map(({ isApproved, approvedBy }) => [isApproved, approvedBy])).toEqual([
      [true, ['bob']],
      [false, []],
      [false, []],
    ]);
    expect(waves[0]?.workloads.map(({ plan }) => plan)).toEqual([
      { name: 'fleet-catalog', uid: planUid },
      { name: 'fleet-mailer', uid: null },
    ]);
    expect(left).toHaveLength(2);
  });

  it.each([
    ['shop', [1, 2, 0], [1, 0, 2], ['shop/CronJob/report']],
    ['bank', [1, 0, 2], [1, 2, 0], ['bank/Deployment/agent']],
  ])('name to a viewer of %s nothing of another namespace', async (namespace, seen, hidden, left) => {
    const detail = await detailFor(`only-${namespace}/nobody`);
    expect(detail.waves.map(({ workloads }) => workloads.length)).toEqual(seen);
    expect(detail.waves.map((wave) => wave.hidden)).toEqual(hidden);
    expect(detail.left.map(({ workload }) => workload)).toEqual(left);
    expect(detail.message).toBeNull();
  });

  it('are refused to who holds no role', async () => {
    for (const path of ['/v1/campaigns', '/v1/campaigns/fleet'])
      expect((await plain.call('nobody/none', 'GET', path)).status).toBe(403);
    expect((await plain.call('vic/viewer', 'GET', '/v1/campaigns/none')).status).toBe(404);
  });
});

describe('the campaigns of the console', () => {
  it('stand as a board, from whose cards the plans are reached', async () => {
    await signIn(page, test.url, 'mia/viewer');
    await page.getByRole('link', { name: 'Campaigns' }).click();
    await page.getByRole('heading', { level: 1, name: 'Campaigns' }).waitFor();
    await page.getByRole('link', { name: 'fleet' }).waitFor();
    await looked('campaigns');
    await page.getByRole('link', { name: 'fleet' }).click();
    const now = page.getByRole('region', { name: 'Wave 2' });
    await now.getByText('0 of 2 moved').waitFor();
    expect(await now.getAttribute('aria-current')).toBe('step');
    const command = await now.getByLabel('Approve wave 2 as it stands here', { exact: true }).textContent();
    expect(command).toContain(
      `{"wave":1,"hash":"${HASHES[0]}","by":"bob"},{"wave":2,"hash":"${HASHES[1]}","by":"mia"}`,
    );
    await page.getByText('kubectl patch sccmc fleet --type merge').first().waitFor();
    await page.getByText(`its plan was undone: ${HOSTILE}`).waitFor();
    await page.getByText('without all it should know: callers in ConfigMaps not read').waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await looked('campaign');
    await page.getByRole('link', { name: 'plan fleet-catalog' }).click();
    await page.getByRole('heading', { level: 1, name: 'shop/fleet-catalog' }).waitFor();
  });

  it('offer no approval to their author, and fit a narrow screen in dark colours', async () => {
    ({ page, faults } = await openPage(browser, { width: 390, height: 844 }));
    await signIn(page, test.url, 'ana/viewer');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await openAt(page, `${test.url}/#/campaigns/fleet`, 'fleet');
    await page.getByText('You created this campaign').first().waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await looked('campaign-narrow-dark');
  });
});
