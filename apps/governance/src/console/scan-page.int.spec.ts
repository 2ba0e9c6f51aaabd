import 'reflect-metadata';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { aimOf, clusterObjectSchema, inventoryOf, scan, type ScanRequest } from '@scc/scc/scan';
import type { Browser, Page } from 'playwright-core';
import { parse } from 'yaml';
import { createLogger } from '@scc/runtime';
import { startTestApi, type TestApi } from '../api.fixture.js';
import { EVERYWHERE } from '../call/scope.js';
import { person } from '../governance.fixture.js';
import { requestScan, ScanParts } from '../scans/request.js';
import { scanOf } from '../scans/store.js';
import { governanceSuite } from '../suite.fixture.js';
import { loopbackPair, openAt, openPage, signIn } from './browser.fixture.js';
import { startBrowser } from './chromium.fixture.js';
import { looked as lookedAt } from './looked.fixture.js';

/** The texts that the author of a workload controls. */
const HOSTILE = `<img src=x onerror="alert('xss')">"'><script>alert('xss')</script>`;

interface Parts {
  kind?: string;
  namespace?: string;
  container?: object;
  pod?: object;
}
const workload = (name: string, { kind = 'Deployment', namespace = 'shop', container, pod }: Parts = {}) =>
  clusterObjectSchema.parse({
    apiVersion: 'apps/v1',
    kind,
    metadata: { namespace, name },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'app', image: 'shop/app:1', ...container }], ...pod },
      },
    },
  });
const ROOT = { securityContext: { runAsUser: 0 } };
const OBJECTS = [
  workload('catalog'),
  workload('orders', { container: ROOT }),
  workload('reports', { pod: { volumes: [{ name: 'logs', hostPath: { path: '/var/log' } }] } }),
  workload('ledger', { namespace: 'bank', kind: 'StatefulSet', container: ROOT }),
  workload(HOSTILE, { namespace: 'bank', container: { ...ROOT, name: HOSTILE } }),
];

/** Holds a scan up until a test lets it go on. */
let held: Promise<unknown> = Promise.resolve();
async function scanCluster({ namespace, target }: ScanRequest) {
  await held;
  if (target !== null) throw new Error(HOSTILE);
  const inventory = inventoryOf(
    OBJECTS.filter(({ metadata }) => namespace === null || metadata.namespace === namespace),
  );
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('there is no SCC to aim at');
  return scan({ ...inventory, assumed: [HOSTILE] }, aim);
}

const database = governanceSuite();
let test: TestApi;
let browser: Browser;
let page: Page;
let faults: string[];
beforeAll(async () => {
  test = await startTestApi(database.app, { keyPair: await loopbackPair(), scan: scanCluster });
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser.close();
  await test.close();
});
beforeEach(async () => {
  ({ page, faults } = await openPage(browser));
});
afterEach(async () => {
  await Promise.all(browser.contexts().map((context) => context.close()));
});

/** Asks for a scan and waits for its end. @returns its id */
async function scanned(target: string | null = null): Promise<string> {
  const parts = new ScanParts(scanCluster, createLogger('test', 'silent'));
  const call = { actor: person('olga', 'operator'), requestId: null, now: new Date() };
  const { id } = await requestScan(database.app, parts, { namespace: null, target }, call);
  while ((await scanOf(database.app, id, EVERYWHERE)).state === 'running');
  return id;
}
/** Pictures of the pages are kept where they are asked for. */
const looked = (name: string): Promise<void> => lookedAt({ page, faults }, name, process.env['SCC_SCREENSHOTS']);
const rows = () => page.getByRole('region', { name: 'Workloads' }).locator('tbody > tr');

describe('the scans in a browser', () => {
  it('are asked for by an operator, and followed to their report', async () => {
    const gate = Promise.withResolvers<undefined>();
    held = gate.promise;
    await signIn(page, test.url, 'olga/operator');
    await page.getByRole('link', { name: 'Scans' }).click();
    await page.getByText('No scan was made yet').waitFor();
    await page.getByRole('button', { name: 'Scan now' }).click();
    await page.getByText('Loading the cluster, which is being scanned').waitFor({ state: 'attached' });
    gate.resolve(undefined);
    await page.getByText('5 workloads, held against restricted-v2').waitFor();
    await page.getByRole('link', { name: 'All scans' }).click();
    await page.getByRole('link', { name: /^scan \d+/ }).waitFor();
    await looked('scans');
  });

  it('say what to do first, and why, and lead from there to a plan that is tried first', async () => {
    const id = await scanned();
    await signIn(page, test.url, 'vic/viewer');
    await openAt(page, `${test.url}/#/scans/${id}`, `Scan ${id}`);
    const first = page.getByRole('listitem').filter({ hasText: 'StatefulSet bank/ledger' });
    await first.getByText(/restricted-v2 admits it after \d+ edits?; /).waitFor();
    await first.getByRole('button', { name: 'StatefulSet bank/ledger' }).click();
    const [trial, plan] = await Promise.all(
      [/Try it/, /Do it/].map((title) => first.getByLabel(title).and(page.locator('pre')).textContent()),
    );
    expect(parse(trial ?? '')).toMatchObject({ spec: { dryRun: true, workloadRef: { name: 'ledger' } } });
    expect(parse(plan ?? '')).toMatchObject({ metadata: { name: 'ledger' }, spec: { targetSCC: 'restricted-v2' } });
    await looked('scan');
  });

  it('are filtered by namespace, category, SCC and restart, and a row opens', async () => {
    const id = await scanned();
    await signIn(page, test.url, 'vic/viewer');
    await openAt(page, `${test.url}/#/scans/${id}`, `Scan ${id}`);
    await page.getByLabel('Namespace', { exact: true }).fill('bank');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('shop/catalog').waitFor({ state: 'detached' });
    await rows().nth(1).waitFor();
    expect(await rows().count()).toBe(2);
    await rows().getByRole('button', { name: 'StatefulSet bank/ledger' }).press('Enter');
    await page.getByText('changing its pods one by one').waitFor();
    for (const [title, value] of [
      ['What can be done', 'Exempt'],
      ['At its next restart', 'captured'],
    ] as const) {
      await page.getByRole('search').getByLabel(title).selectOption(value);
      await page.getByText('No workload fits').waitFor();
      await page.getByRole('link', { name: 'Show all of them' }).click();
      await page.getByRole('button', { name: 'Deployment shop/catalog' }).first().waitFor();
    }
    await page.getByRole('search').getByLabel('Runs under').selectOption('restricted-v2');
    await page.getByText('shop/reports').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: /^Strict:/ }).click();
    await page.getByRole('button', { name: 'Deployment shop/catalog' }).waitFor();
  });

  it('show what an author wrote as text, and why a scan came to nothing', async () => {
    const id = await scanned();
    await signIn(page, test.url, 'olga/operator');
    await openAt(page, `${test.url}/#/scans/${id}?namespace=bank`, `Scan ${id}`);
    const hostile = page.getByRole('region', { name: 'Workloads' }).getByRole('button', { name: /alert/ });
    await hostile.click();
    await page.getByText('ServiceAccount').first().waitFor();
    await page.getByText(`Assumed: ${HOSTILE}`).waitFor();
    const failed = await scanned('other');
    await openAt(page, `${test.url}/#/scans/${failed}`, `Scan ${failed}`);
    await page.getByText("alert('xss')").waitFor();
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(faults).toEqual([]);
  });

  it('are read on a narrow screen and in dark colours, and a viewer is told why they may not scan', async () => {
    const id = await scanned();
    ({ page, faults } = await openPage(browser, { width: 390, height: 844 }));
    await signIn(page, test.url, 'vic/viewer');
    await page.getByRole('button', { name: 'Use dark colours' }).click();
    await openAt(page, `${test.url}/#/scans`, 'Scans');
    await page.getByText('You lack scans:run').waitFor();
    expect(await page.getByRole('button', { name: 'Scan now' }).isDisabled()).toBe(true);
    await openAt(page, `${test.url}/#/scans/${id}`, `Scan ${id}`);
    await page.getByRole('button', { name: 'StatefulSet bank/ledger' }).first().click();
    await page.getByText('From here to a plan').waitFor();
    await rows().first().waitFor();
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    await looked('scan-narrow-dark');
  });
});
