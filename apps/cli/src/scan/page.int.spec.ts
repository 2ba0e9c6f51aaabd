import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aimOf, type ClusterObject, inventoryOf, scan } from '@scc/scc/scan';
import chromium from '@sparticuz/chromium';
import { type Browser, chromium as driver, type Page } from 'playwright-core';
import { objectsOf } from './files.js';
import { htmlOf } from './html.js';
import { sixtyWorkloads } from './sixty.fixture.js';

const EVIL = '</script><img src=x onerror=alert(1)>"\'&';
const workload = (name: string, { kind = 'Deployment', namespace = 'shop', user = 1000650001 } = {}) => ({
  apiVersion: 'apps/v1',
  kind,
  metadata: { name, namespace },
  spec: { template: { spec: { containers: [{ name: 'app', securityContext: { runAsUser: user } }] } } },
});

function reportOf(objects: readonly ClusterObject[] = few()) {
  const inventory = inventoryOf(objects);
  const aim = aimOf(inventory, undefined);
  if (!aim) throw new Error('there is no SCC to aim at');
  return scan(inventory, aim);
}

function few(): ClusterObject[] {
  const items = [
    workload('catalog'),
    workload('orders', { user: 0 }),
    workload('ledger', { namespace: 'bank', user: 0, kind: 'StatefulSet' }),
    workload(EVIL, { namespace: 'bank' }),
  ];
  return objectsOf(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), 'here').objects;
}

let folder: string;
let browser: Browser;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'scan-page-'));
  await writeFile(path.join(folder, 'scan.html'), htmlOf(reportOf()));
  await writeFile(path.join(folder, 'sixty.html'), htmlOf(reportOf(sixtyWorkloads())));
  browser = await driver.launch({
    executablePath: await chromium.executablePath(),
    args: chromium.args.filter((argument) => !['--single-process', '--no-zygote'].includes(argument)),
    headless: true,
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
}, 60_000);

/** The page, and all that went wrong in it or left it. */
async function opened({ width = 1280, file = 'scan.html' } = {}): Promise<{ page: Page; faults: string[] }> {
  const page = await (await browser.newContext({ viewport: { width, height: 800 } })).newPage();
  const faults: string[] = [];
  const own = pathToFileURL(path.join(folder, file)).href;
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('dialog', (dialog) => {
    faults.push(`a script ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== own) faults.push(`asked for ${request.url()}`);
  });
  await page.goto(own);
  return { page, faults };
}
const namesIn = (page: Page) => page.locator('#rows > tr > td:nth-child(2)').allTextContents();

describe('the page of a scan in a browser', () => {
  it('shows totals, charts and rows, asks for nothing, and runs no name of a workload', async () => {
    const { page, faults } = await opened();
    expect(await page.locator('#summary').textContent()).toContain('4 workloads, held against restricted-v2');
    expect(await page.locator('#categories .bar').count()).toBeGreaterThan(0);
    expect(await page.locator('#first li').count()).toBeGreaterThan(0);
    expect(await namesIn(page)).toContain(`Deployment/${EVIL}`);
    expect(await page.locator('img').count()).toBe(0);
    expect(faults).toEqual([]);
  }, 60_000);

  it('filters by namespace, way, restart and words, and by a bar', async () => {
    const { page, faults } = await opened();
    await page.selectOption('#namespace', 'shop');
    expect(await namesIn(page)).toEqual(['Deployment/catalog', 'Deployment/orders']);
    await page.fill('#search', 'ORD');
    expect(await namesIn(page)).toEqual(['Deployment/orders']);
    expect(await page.locator('#shown').textContent()).toBe('1 workload');
    await page.fill('#search', '');
    await page.selectOption('#namespace', '');
    await page.selectOption('#restart', 'refused');
    expect(await namesIn(page)).toEqual(
      reportOf()
        .rows.filter(({ nextRestart }) => nextRestart.refusal !== null)
        .map(({ kind, name }) => `${kind}/${name}`),
    );
    await page.selectOption('#restart', '');
    const bar = page.locator('#categories .bar').first();
    const number = Number(await bar.locator('b').textContent());
    await bar.click();
    expect(await namesIn(page)).toHaveLength(number);
    expect(faults).toEqual([]);
  }, 60_000);

  it('opens a row by the keyboard, with the patch and the way of moving it', async () => {
    const { page } = await opened();
    await page.fill('#search', 'ledger');
    await page.locator('#rows > tr').first().press('Enter');
    const detail = await page.locator('#rows .detail').textContent();
    expect(detail).toContain('changing its pods one by one');
    expect(detail).toContain('Patch of the template');
  }, 60_000);

  it('says of sixty mixed workloads what to do first, and why', async () => {
    const { page, faults } = await opened({ file: 'sixty.html' });
    expect(await page.locator('#summary').textContent()).toContain('60 workloads, held against restricted-v2');
    const urgent = page.locator('#urgent p');
    expect(await urgent.allTextContents()).toEqual([
      'Before anything else: 5 workloads would not start again: SCC admission refuses their next pods (DaemonSet bank/agent, DaemonSet legacy/agent, DaemonSet media/agent and 2 more). Show them',
    ]);
    await urgent.locator('button').click();
    expect(await namesIn(page)).toEqual(Array.from({ length: 5 }, () => 'DaemonSet/agent'));
    await page.selectOption('#restart', '');

    const first = page.locator('#first > li').first();
    expect(await first.locator('strong, strong + span').allTextContents()).toEqual([
      'Deployment bank/ledger',
      ': it runs under privileged, and restricted-v2 admits it after 1 edit; 5 things to check first. ',
    ]);
    expect(await first.locator('li').allTextContents()).toEqual([
      'Change: remove spec.containers[app].securityContext.privileged.',
      expect.stringMatching(/^Check before: list the directories .*, and 4 more in its row\.$/),
    ]);
    await first.locator('button').click();
    expect(await namesIn(page)).toEqual(['Deployment/ledger']);
    expect(await page.locator('#rows .detail').textContent()).toContain('Patch of the template');
    expect(await page.locator('#then').textContent()).toMatch(
      /sccctl scan --plans FOLDER writes a plan for each of the \d+ workloads/,
    );
    expect(faults).toEqual([]);
  }, 60_000);

  it('fits a telephone', async () => {
    const { page } = await opened({ width: 390 });
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  }, 60_000);
});
