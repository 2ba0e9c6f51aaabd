import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MigrationEvent, RecordedEvent } from '@scc/plan';
import type { Browser } from 'playwright-core';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aBatch, aRequest, at, inTx, ownWorkload, recorded, reportCovered } from '../governance.fixture.js';
import { trackPods } from '../pods/tracking.js';
import { installDefaultPolicies } from '../policies/defaults.js';
import { governanceSuite } from '../suite.fixture.js';
import { loopbackPair, openAt, openPage, signIn } from './browser.fixture.js';
import { startBrowser } from './chromium.fixture.js';
import { courseOf } from './course.fixture.js';
import { looked } from './looked.fixture.js';

const LONG = 'a-workload-whose-name-is-as-long-as-a-name-may-be-0123456789';
const HOURS = 3_600_000;

const database = governanceSuite();
let test: TestApi;
let browser: Browser;
let done: string;

/** A plan, and what was reported of it. */
async function aPlan(
  name: string,
  approval: boolean,
  eventsOf: (assessmentId: string) => [RecordedEvent['phase'], MigrationEvent][],
): Promise<string> {
  const own = ownWorkload(name);
  const request = aRequest({ ...own, spec: { ...own.spec, approval: { required: approval } } });
  const { uid } = request.plan;
  const now = at(new Date().toISOString());
  const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, now));
  const batch = aBatch(request, recorded(eventsOf(risk.assessmentId)));
  await inTx(database.app, (tx) => reportCovered(tx, uid, batch, now));
  return uid;
}

beforeAll(async () => {
  test = await startTestApi(database.app, { keyPair: await loopbackPair() });
  await inTx(database.app, (tx) => installDefaultPolicies(tx, new Date()));
  const pod = { ...{ namespace: 'shop', subjectType: null, image: null, node: null }, plan: null };
  await trackPods(
    database.app,
    ['anyuid', 'restricted-v2', 'restricted-v2', 'nonroot-v2'].map((scc, place) => ({
      ...{ type: 'seen' as const, at: new Date(Date.now() - (20 - 5 * place) * HOURS) },
      pod: { ...pod, name: `p-${place}`, uid: `p-${place}`, scc, ownerKind: 'Deployment', ownerName: 'ledger' },
    })),
  );
  done = await aPlan('done', false, courseOf);
  await aPlan(LONG, true, (id) => courseOf(id).slice(0, 8));
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser.close();
  await test.close();
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

/** Each page by its address, its heading, and what stands there once it has loaded. */
const PAGES: [name: string, hash: () => string, heading: string, text: string][] = [
  ['overview', () => '', 'Overview', 'Pods by SCC, over time'],
  ['migrations', () => 'migrations', 'Migrations', 'shop/done'],
  ['migration', () => `migrations/${done}`, 'shop/done', 'When a gate fails'],
  ['campaigns', () => 'campaigns', 'Campaigns', 'There is no campaign'],
  ['approvals', () => 'approvals', 'Approvals', LONG],
  ['scans', () => 'scans', 'Scans', 'No scan was made yet'],
  ['policies', () => 'policies', 'Policies', 'blast-radius'],
  ['audit', () => 'audit', 'Audit log', 'migration'],
  ['unknown', () => 'nowhere', 'Unknown page', 'Go to the overview'],
];

describe('every page', () => {
  it.each([
    ['narrow-dark', { width: 390, height: 844 }],
    ['wide', { width: 1280, height: 900 }],
  ])('is accessible and as wide as its screen (%s)', async (kind, size) => {
    const watched = await openPage(browser, size);
    const { page } = watched;
    await signIn(page, test.url, 'all/viewer/operator/auditor/policy-author');
    if (kind === 'narrow-dark') await page.getByRole('button', { name: 'Use dark colours' }).click();
    for (const [name, hash, heading, text] of PAGES) {
      await openAt(page, `${test.url}/#/${hash()}`, heading);
      await page.getByText(text).filter({ visible: true }).first().waitFor();
      const width = await page.evaluate<number>('document.documentElement.scrollWidth');
      expect([name, width]).toEqual([name, Math.min(width, size.width)]);
      await looked(watched, `${name}-${kind}`, process.env['SCC_SCREENSHOTS']);
    }
  });

  it('is reached and left by the keyboard alone', async () => {
    const { page, faults } = await openPage(browser);
    await signIn(page, test.url, 'all/viewer');
    await openAt(page, `${test.url}/#/`, 'Overview');
    await page.locator('body').focus();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement?.textContent')).toBe('Skip to the content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement?.id')).toBe('main');
    const migrations = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Migrations' });
    await migrations.focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Migrations' }).waitFor();
    await page.getByLabel('Namespace').fill('nowhere');
    await page.keyboard.press('Enter');
    await page.getByText('No migration fits').waitFor();
    expect(faults).toEqual([]);
  });
});
