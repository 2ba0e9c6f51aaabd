import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { aSealer, aSigner } from '../audit/audit-log.fixture.js';
import type { Sealer } from '../audit/sealer.js';
import { evaluatePlan } from '../engine/evaluate.js';
import {
  aBatch,
  aRequest,
  at,
  completedEvents,
  domainDatabase,
  type DomainDatabase,
  inTx,
  ownWorkload,
  recorded,
  reportCovered,
} from '../governance.fixture.js';
import { trackPods } from '../pods/tracking.js';
import { installDefaultPolicies } from '../policies/defaults.js';
import { courseOf } from './course.fixture.js';
import { loopbackPair, openAt, openPage, signIn } from './browser.fixture.js';
import { startBrowser } from './chromium.fixture.js';
import { looked as lookedAt } from './looked.fixture.js';
import { readPages } from './pages.js';

const LIMIT_BYTES = 450 * 1024;
/** The texts that the author of a plan controls. */
const HOSTILE = `<img src=x onerror="alert('xss')">"'><script>alert('xss')</script>`;

let database: DomainDatabase;
let test: TestApi;
let sealer: Sealer;
let browser: Browser;
let page: Page;
let faults: string[];

/** A plan that was evaluated now. */
async function aPlan(name: string, over: { author?: string; approval?: boolean; facts?: object } = {}) {
  const own = ownWorkload(name);
  const request = aRequest({
    ...own,
    author: over.author ?? 'ana',
    facts: { ...own.facts, ...over.facts },
    spec: { ...own.spec, approval: { required: over.approval ?? false } },
  });
  const now = at(new Date().toISOString());
  const { risk } = await inTx(database.app, (tx) => evaluatePlan(tx, request, now));
  const begun = recorded(completedEvents.slice(0, 1));
  await inTx(database.app, (tx) => reportCovered(tx, request.plan.uid, aBatch(request, begun), now));
  return { ...request, assessmentId: risk.assessmentId };
}

beforeAll(async () => {
  database = await domainDatabase();
  const origin = 'scc.poc/test';
  sealer = aSealer(database.app, { origin, signer: aSigner(origin) });
  sealer.start();
  test = await startTestApi(database.app, {
    keyPair: await loopbackPair(),
    temporalUi: 'http://temporal.example/namespaces/scc',
  });
  await inTx(database.app, (tx) => installDefaultPolicies(tx, new Date()));
  browser = await startBrowser();
  const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * 3_600_000);
  const pod = { ...{ name: 'pod', namespace: 'shop', subjectType: null, image: null, node: null }, plan: null };
  const owned = { ...pod, ownerKind: 'Deployment', ownerName: 'ledger' };
  await trackPods(database.app, [
    { type: 'seen', pod: { ...owned, uid: 'old', scc: 'anyuid' }, at: hoursAgo(20) },
    { type: 'seen', pod: { ...owned, uid: 'new', scc: 'restricted-v2' }, at: hoursAgo(3) },
  ]);
  const done = await aPlan('done');
  await inTx(database.app, (tx) =>
    reportCovered(
      tx,
      done.plan.uid,
      aBatch(done, recorded(courseOf(done.assessmentId))),
      at('2026-03-10T13:00:00.000Z'),
    ),
  );
}, 120_000);
afterAll(async () => {
  await browser.close();
  await test.close();
  await sealer.stop();
  await database.close();
});
beforeEach(async () => {
  ({ page, faults } = await openPage(browser));
});

afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

const looked = (name: string): Promise<void> => lookedAt({ page, faults }, name, process.env['SCC_SCREENSHOTS']);
const open = (hash: string, heading: string | RegExp): Promise<void> => openAt(page, `${test.url}/#/${hash}`, heading);

describe('the console in a browser', () => {
  it('was built, and its first page is small', async () => {
    const first = await page.goto(test.url);
    expect(first?.status()).toBe(200);
    await page.getByRole('heading', { name: 'Sign in to SCC migrations' }).waitFor();
    const loaded = await page.evaluate<string[]>('performance.getEntriesByType("resource").map(({ name }) => name)');
    expect(loaded.every((name) => name.startsWith(test.url))).toBe(true);
    const pages = await readPages();
    const bytes = [test.url + '/', ...loaded].map((name) => {
      const file = pages.get(new URL(name).pathname);
      return file && !file.type.startsWith('font') ? (file.gzip ?? file.body).length : 0;
    });
    expect(bytes.filter((size) => size > 0).length).toBeGreaterThan(2);
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThan(LIMIT_BYTES);
    await looked('sign-in');
  });

  it('says why a token is not taken, and ends a session with the sign-out', async () => {
    await page.goto(test.url);
    await page.getByLabel('Token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in with the token' }).click();
    await page.getByText('the token is not accepted').waitFor();
    await signIn(page, test.url, 'vic/viewer');
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    await page.reload();
    await page.getByLabel('Token').waitFor();
  });

  it('shows the overview and a migration that is over', async () => {
    await signIn(page, test.url, 'vic/viewer');
    await page.getByRole('heading', { name: 'Running migrations' }).waitFor();
    await page.getByRole('img', { name: /^Pods of each SCC over time/ }).waitFor();
    await looked('overview');
    await open('migrations', 'Migrations');
    await page.getByRole('link', { name: 'shop/done' }).click();
    await page.getByText('249974 requests served, 0 failed').first().waitFor();
    for (const text of ['success-rate', 'ledger-2', 'the migrated workload serves all requests'])
      await page.getByText(text).first().waitFor();
    for (const name of [
      /^Requests per second of both sides over time/,
      /^Success in percent of both sides over time \(success-rate: at least 99.9\)/,
      /^p99 in milliseconds of both sides over time/,
      /^Samples of the gate queue-length over time/,
    ])
      await page.getByRole('img', { name }).waitFor();
    const workflow = page.getByRole('link', { name: /^scc\/shop\/done\// });
    expect(await workflow.getAttribute('href')).toMatch(
      /^http:\/\/temporal\.example\/namespaces\/scc\/workflows\/scc%2Fshop%2Fdone%2F/,
    );
    await looked('migration');
  });

  it('lets a second person approve, and tells a viewer and the author why not they', async () => {
    const { plan } = await aPlan('asked', { approval: true });
    for (const [token, why] of [
      ['vic/viewer', 'You lack approvals:decide in the namespace shop'],
      ['ana/approver', 'You wrote or edited this plan, so another person has to decide.'],
    ] as const) {
      ({ page, faults } = await openPage(browser));
      await signIn(page, test.url, token);
      await open(`migrations/${plan.uid}`, 'shop/asked');
      await page.getByText(why).waitFor();
      expect(await page.getByRole('button', { name: 'Approve' }).isDisabled()).toBe(true);
      // The two parts of the page load apart from each other, so each of them is waited for.
      await page.getByText('You lack commands:grant').waitFor();
    }
    ({ page, faults } = await openPage(browser));
    await signIn(page, test.url, 'bob/approver');
    await page.getByRole('link', { name: 'Approvals' }).click();
    // The overview names the plan, too.
    await page.getByRole('heading', { level: 1, name: 'Approvals' }).waitFor();
    await page.getByRole('link', { name: 'shop/asked' }).waitFor();
    await looked('approvals');
    await page.getByRole('link', { name: 'shop/asked' }).click();
    await page.getByText('Your decision is about this content').waitFor();
    await page.getByLabel('Reason of your decision').fill('read it word for word');
    await looked('approval');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByText('by bob').first().waitFor();
    const [state] = await database.app.query<{ status: string }[]>(
      'select status from approval_request where plan_uid = $1',
      [plan.uid],
    );
    expect(state).toEqual({ status: 'granted' });
  });

  it('shows by itself what is recorded', async () => {
    const request = await aPlan('followed');
    const report = (events: ReturnType<typeof recorded>) =>
      inTx(database.app, (tx) =>
        reportCovered(tx, request.plan.uid, aBatch(request, events), at(new Date().toISOString())),
      );
    await signIn(page, test.url, 'vic/viewer');
    await open(`migrations/${request.plan.uid}`, 'shop/followed');
    await page.getByText('live', { exact: true }).waitFor();
    await report(recorded(completedEvents));
    await page.getByText('249974 requests served').first().waitFor();
  });

  it('names the strategy of a Deployment whose own pods change, and shows no share of a canary', async () => {
    const request = await aPlan('rolled');
    const strategy = { type: 'Rolling', reason: 'no Service picks its pods' } as const;
    const pod = { name: 'rolled-1', uid: 'rolled-1', scc: 'restricted-v2', node: 'node-1' };
    const events = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
      ['Validating', { type: 'PlanValidated', patch: '', warnings: [], strategy }],
      ['Migrating', { type: 'PreparationStarted', strategy: 'Rolling' }],
      ['Migrating', { type: 'PodMoved', pod, ordinal: 0, moved: 1, total: 3 }],
      ['Migrating', { type: 'WaitStarted', reason: 'Paused', message: 'paused by an operator' }],
    ]);
    await inTx(database.app, (tx) =>
      reportCovered(tx, request.plan.uid, aBatch(request, events), at(new Date().toISOString())),
    );
    await signIn(page, test.url, 'vic/viewer');
    await open(`migrations/${request.plan.uid}`, 'shop/rolled');
    await page.getByText('not divided: its own pods change').waitFor();
    await page.getByText('This plan moves its workload by changing one of its pods first, then the rest').waitFor();
    await page.getByText('Rolling', { exact: true }).waitFor();
    await page.getByText('Held: paused by an operator').waitFor();
    await page.getByText('Resume it when you are ready.').waitFor();
    expect(await page.getByRole('progressbar', { name: 'requests that go to the canary' }).count()).toBe(0);
    await looked('migration-rolling');
  });

  it('shows what happened last of a migration with more events than one page of the API holds', async () => {
    const request = await aPlan('eventful');
    const events = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: 'ana' }],
      ...Array.from({ length: 510 }, (): (typeof completedEvents)[number] => [
        'Migrating',
        { type: 'GatePassed', samples: [] },
      ]),
      ['Migrating', { type: 'WaitStarted', reason: 'Suspended', message: 'the plan is suspended' }],
    ]);
    for (let from = 0; from < events.length; from += 200)
      await inTx(database.app, (tx) =>
        reportCovered(
          tx,
          request.plan.uid,
          aBatch(request, events.slice(from, from + 200)),
          at(new Date().toISOString()),
        ),
      );
    await signIn(page, test.url, 'vic/viewer');
    await open(`migrations/${request.plan.uid}`, 'shop/eventful');
    await page.getByText('Held: the plan is suspended').waitFor();
    await page.getByText('Set spec.suspend of the plan to false.').waitFor();
    await page.getByRole('cell', { name: 'the plan is suspended' }).waitFor();
  });

  it('proves an audit entry in the browser', async () => {
    await signIn(page, test.url, 'aud/auditor');
    await open('audit', 'Audit log');
    await page.getByLabel('Action').fill('migration.completed');
    await looked('audit');
    await page.getByLabel('Action').fill('');
    await page
      .getByRole('link', { name: /^number/ })
      .first()
      .click();
    await page.getByText('Proved in this browser').waitFor();
    await looked('audit-entry');
  });

  it('does not believe a changed entry', async () => {
    await signIn(page, test.url, 'aud/auditor');
    await page.route('**/v1/audit/entries/*', async (route) => {
      const answer = await route.fetch();
      const entry = (await answer.json()) as { bytes: string };
      const bytes = Buffer.from(Buffer.from(entry.bytes, 'base64').toString('utf8').replace('"actor"', '"Actor"'));
      await route.fulfill({ response: answer, json: { ...entry, bytes: bytes.toString('base64') } });
    });
    await open('audit', 'Audit log');
    await page
      .getByRole('link', { name: /^number/ })
      .first()
      .click();
    await page.getByText('The proof is broken').waitFor();
  });

  it('tries a policy before it is stored, and shows the line of a fault', async () => {
    await signIn(page, test.url, 'pam/policy-author');
    await open('policies', 'Policies');
    await page.getByRole('table').getByRole('link').first().click();
    const text = page.getByLabel('Text of the policy');
    const right = await text.inputValue();
    await text.fill(right.replace('"rules": [', '"rules": ['.replace('[', '{')));
    await page.getByText(/line \d+: is not JSON here/).waitFor();
    await text.fill(right.replace(/"when": "[^"]*"/, '"when": "this is no CEL ("'));
    const store = page.getByRole('button', { name: /Store as version/ });
    expect(await store.isDisabled()).toBe(true);
    await page.getByRole('button', { name: 'Try it on past plans' }).click();
    await page.getByText(/line \d+: .*rules/).waitFor();
    await looked('policy');
    await text.fill(right);
    await page.getByRole('button', { name: 'Try it on past plans' }).click();
    await page.getByText(/Tried on the \d+ newest plans/).waitFor();
    expect(await store.isEnabled()).toBe(true);
  });

  it('shows what an author wrote as text', async () => {
    const templateOf = (command: string) => ({
      metadata: { labels: { app: 'hostile' }, annotations: { [HOSTILE]: HOSTILE } },
      spec: { containers: [{ name: 'app', image: HOSTILE, command: [command] }] },
    });
    const facts = { podTemplate: templateOf(HOSTILE), patchedTemplate: templateOf(`${HOSTILE} patched`) };
    const { plan } = await aPlan('hostile', { author: HOSTILE, approval: true, facts });
    const hostile = aRequest({ ...ownWorkload('hostile'), uid: plan.uid });
    const events = recorded([
      ['Validating', { type: 'PlanAccepted', generation: 1, author: HOSTILE }],
      ['Validating', { type: 'WaitStarted', reason: 'Approval', message: HOSTILE }],
    ]);
    await inTx(database.app, (tx) =>
      reportCovered(tx, plan.uid, aBatch(hostile, events), at(new Date().toISOString())),
    );
    await signIn(page, test.url, 'bob/approver');
    for (const hash of ['', 'migrations', 'approvals']) {
      await page.goto(`${test.url}/#/${hash}`);
      await page
        .getByRole('link', { name: /hostile/ })
        .first()
        .waitFor();
    }
    await open(`migrations/${plan.uid}`, 'shop/hostile');
    await page.getByText("alert('xss')").first().waitFor();
    await page.getByText(`${HOSTILE} patched`).waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.goto(`${test.url}/#/migrations/${encodeURIComponent(HOSTILE)}`);
    await page.getByText('Correct what is named above').waitFor();
    expect(faults).toEqual([]);
  });

  it('is usable with 1,000 migrations, on a narrow screen and in dark colours', async () => {
    await database.admin.query(`insert into migration select (jsonb_populate_record(m, jsonb_build_object(
      'plan_uid', 'bulk-' || n, 'name', 'bulk-' || n, 'evaluation', null))).* from migration m, generate_series(1, 1000) n where m.name = 'done'`);
    await database.admin.query(`insert into view_migration select (jsonb_populate_record(v, jsonb_build_object(
      'plan_uid', 'bulk-' || n, 'name', 'bulk-' || n))).* from view_migration v, generate_series(1, 1000) n where v.name = 'done'`);
    ({ page, faults } = await openPage(browser, { width: 390, height: 844 }));
    await signIn(page, test.url, 'vic/viewer');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await open('migrations', 'Migrations');
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'Newest' }).waitFor();
    await page.getByRole('table').getByRole('row').nth(50).waitFor();
    expect(await page.getByRole('table').getByRole('row').count()).toBe(51);
    const width = await page.evaluate<number>('document.documentElement.scrollWidth');
    expect(width).toBeLessThanOrEqual(390);
    await looked('migrations-narrow-dark');
  });
});
