import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { startBrowser } from '@scc/governance/testing';
import type { Browser } from 'playwright-core';
import { z } from 'zod';
import { drive, reviewIn, sampleAt } from './reviews.js';
import { start, stop } from './servers.js';
import type { Bench, BenchResult } from './types.js';

/** How soon consoles are told and one shows it, what its first page takes, and what reviews take beside 200 of them. */

const CONSOLES = 200;
/** Turns without and with consoles follow each other, so that other load of the machine meets both. */
const TURNS = 8;
const TURN_MS = 4_000;
const WARM_UP_MS = 3_000;
const LOADS = 5;
const SHOWN = 10;

const sorted = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);
const median = (values: readonly number[]): number => sampleAt(sorted(values), 0.5);

const nothing = z.object({});
const waits = z.object({ told: z.array(z.number()), loaded: z.array(z.number()) });
const record = z.object({ name: z.string() });

async function asked<Answer extends z.ZodType>(
  server: ChildProcess,
  act: 'open' | 'close' | 'record',
  answer: Answer,
): Promise<z.infer<Answer>> {
  server.send({ act, consoles: CONSOLES });
  const [message] = (await once(server, 'message')) as [unknown];
  return answer.parse(message);
}

/** Milliseconds until the first page of a browser that knows nothing stands there. */
async function firstLoad(browser: Browser, url: string): Promise<number> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const from = performance.now();
  await page.goto(url);
  await page.getByLabel('Token').waitFor();
  const took = performance.now() - from;
  await context.close();
  return took;
}

/** Milliseconds from each record until the list of migrations shows it. */
async function untilShown(browser: Browser, url: string, server: ChildProcess): Promise<number[]> {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await page.goto(`${url}/#/migrations`);
  await page.getByLabel('Token').fill('vic/viewer');
  await page.getByRole('button', { name: 'Sign in with the token' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  const took: number[] = [];
  for (let turn = 0; turn < SHOWN; turn += 1) {
    const { name } = await asked(server, 'record', record);
    const from = performance.now();
    await page.getByText(`shop/${name}`, { exact: true }).filter({ visible: true }).first().waitFor();
    took.push(performance.now() - from);
  }
  await context.close();
  return took;
}

interface Turn {
  p50: number;
  p99: number;
}

/** Each turn without consoles, and the one with them that followed it. */
async function besideConsoles(server: ChildProcess) {
  const webhook = await start('webhook');
  const body = reviewIn('shop');
  const turn = async (): Promise<Turn> => {
    const latencies = sorted((await drive(webhook, TURN_MS, body)).latencies);
    return { p50: sampleAt(latencies, 0.5), p99: sampleAt(latencies, 0.99) };
  };
  const turns: { alone: Turn; beside: Turn }[] = [];
  const [told, loaded]: [number[], number[]] = [[], []];
  await drive(webhook, WARM_UP_MS, body);
  for (let at = 0; at < TURNS; at += 1) {
    const alone = await turn();
    await asked(server, 'open', nothing);
    turns.push({ alone, beside: await turn() });
    const waited = await asked(server, 'close', waits);
    told.push(...waited.told);
    loaded.push(...waited.loaded);
  }
  stop(webhook);
  return { turns, told: sorted(told), loaded: sorted(loaded) };
}

const bench: Bench = {
  name: 'console',
  async run() {
    const server = fork(new URL('./console-server.js', import.meta.url));
    const [{ url }] = (await once(server, 'message')) as [{ url: string }];
    const { turns, told, loaded } = await besideConsoles(server);
    const browser = await startBrowser();
    const loads: number[] = [];
    for (let load = 0; load < LOADS; load += 1) loads.push(await firstLoad(browser, url));
    const shown = await untilShown(browser, url, server);
    await browser.close();
    server.disconnect();
    const reviews = (metric: 'p50' | 'p99'): BenchResult => ({
      ...{ name: `reviews beside ${CONSOLES} consoles`, metric: `${metric}, median of turns`, unit: 'ms' },
      value: median(turns.map(({ beside }) => beside[metric])),
      reference: median(turns.map(({ alone }) => alone[metric])),
      ratio: median(turns.map(({ alone, beside }) => beside[metric] / alone[metric])),
    });
    const ofAll = (what: string, times: readonly number[]): BenchResult[] =>
      [0.5, 0.99].map((share) => ({
        ...{ name: `record ${what} ${CONSOLES} consoles`, metric: `p${share * 100}`, unit: 'ms' },
        value: sampleAt(times, share),
      }));
    return [
      reviews('p50'),
      reviews('p99'),
      ...ofAll('told to', told),
      ...ofAll('loaded by', loaded),
      { name: 'record shown by a browser', metric: 'median', value: median(shown), unit: 'ms' },
      { name: 'first page', metric: 'median', value: median(loads), unit: 'ms' },
    ];
  },
};
export default bench;
