import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { ENFORCE_LABEL } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { webhookIn } from '@scc/dev/testing';
import { type Stack, startStack, TOKEN_AUDIENCE } from '@scc/dev';
import { reserveProcessor } from './processors.js';
import { drive, type Driven, sampleAt, reviewIn } from './reviews.js';
import { start, stop } from './servers.js';
import type { Bench, BenchResult } from './types.js';

/** With and without load: of the webhook, in its thread or alone, and of a process that shares only the machine. */
const TURNS = 5;
const TURN_MS = 5_000;
const API_CONNECTIONS = 8;
const [API_PORT, WEBHOOK_PORT, ALONE_PORT] = [9443, 9444, 9445];
const NAMESPACE = 'shop';
const ADMIN = { namespace: 'scc-system', name: 'admin' };
const DRIVER = new URL('./isolation-driver.js', import.meta.url).pathname;
const ALONE = { mesh: false, temporal: false, prometheus: false, worker: false, watcher: false };

/** The webhook, in a thread or alone, and what drives it. */
const reserve = (): Promise<void> =>
  reserveProcessor(
    ({ command, name }) =>
      name === 'admission' || /dist\/apps\/governance\/src\/webhook\.js|driver\.js reviews/.test(command),
  );

const drivenSchema = z.object({ latencies: z.array(z.number()), failed: z.number() });
const busySchema = z.object({ answered: z.number(), other: z.number() });

/** A child that writes JSON lines. */
class Lines {
  readonly #lines: Interface;
  constructor(readonly child: ChildProcess) {
    if (!child.stdout) throw new Error('the driver has no output');
    this.#lines = createInterface({ input: child.stdout });
  }

  async next(): Promise<unknown> {
    const [line] = (await once(this.#lines, 'line')) as [string];
    return JSON.parse(line);
  }
}

async function prepare(stack: Stack): Promise<{ ca: string; tokenFile: string }> {
  await stack.api.create('/api/v1/namespaces', {
    metadata: {
      name: NAMESPACE,
      labels: { [ENFORCE_LABEL]: 'true' },
    },
  });
  await stack.api.create(`/api/v1/namespaces/${ADMIN.namespace}/serviceaccounts`, { metadata: { name: ADMIN.name } });
  const tokenFile = path.join(stack.stateDir, 'admin.token');
  await writeFile(tokenFile, await stack.token(ADMIN, TOKEN_AUDIENCE), { mode: 0o600 });
  return { ca: path.join(stack.stateDir, 'tls', 'ca.crt'), tokenFile };
}

/** Milliseconds of reviews without and with load, and how often the API answered meanwhile. */
interface Compared {
  readonly quiet: number[];
  readonly busy: number[];
  failed: number;
  served: number;
}

/** Turns of each of them without and with load, one after the other, so that other load meets all. */
async function compare(
  subjects: Readonly<Record<string, () => Promise<Driven>>>,
  { startLoad, settle }: { startLoad: () => Lines; settle: () => Promise<void> },
): Promise<[string, Compared][]> {
  const compared = Object.entries(subjects).map(([name, turn]) => {
    const of: Compared = { quiet: [], busy: [], failed: 0, served: 0 };
    return { name, turn, of };
  });
  for (let round = 0; round < TURNS; round += 1)
    for (const { turn, of } of compared) {
      await settle();
      const alone = await turn();
      const load = startLoad();
      await load.next();
      await settle();
      const [beside, served] = await Promise.all([turn(), lastOf(load)]);
      of.quiet.push(...alone.latencies);
      of.busy.push(...beside.latencies);
      of.failed += alone.failed + beside.failed;
      of.served += served;
    }
  return compared.map(({ name, of }) => [name, of]);
}

async function measure(stack: Stack) {
  const { ca, tokenFile } = await prepare(stack);
  const alone = webhookIn(stack, { WEBHOOK_PORT: String(ALONE_PORT), LOG_LEVEL: 'warn' });
  await alone.start();
  const driver = (...args: string[]): Lines =>
    new Lines(stack.spawn(process.execPath, [DRIVER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] }));
  const reviewsAt = (port: number): (() => Promise<Driven>) => {
    const reviews = driver('reviews', ca, String(port), NAMESPACE);
    return async () => {
      reviews.child.stdin?.write(`${JSON.stringify({ forMs: TURN_MS })}\n`);
      return drivenSchema.parse(await reviews.next());
    };
  };
  const [inThread, inProcess] = [reviewsAt(WEBHOOK_PORT), reviewsAt(ALONE_PORT)];
  for (const turn of [inThread, inProcess])
    await waitFor(async () => (await turn()).failed === 0, { timeoutMs: 60_000, what: 'the webhook to answer' });
  const echo = await start('echo');
  const startLoad = (): Lines => driver('api', ca, String(API_PORT), tokenFile, String(API_CONNECTIONS));
  const shared = await compare(
    {
      'under a busy API': inThread,
      'of one in a process of its own': inProcess,
      'of an echo elsewhere': () => drive(echo, TURN_MS, reviewIn(NAMESPACE)),
    },
    { startLoad, settle: () => Promise.resolve() },
  );
  stop(echo);
  const apart = await compare(
    { 'with a processor of its own': inThread, 'of a process with one': inProcess },
    { startLoad, settle: reserve },
  );
  return [...shared, ...apart];
}

/** Ends the load after a turn. @returns how many requests were answered in it; @throws Error when one was not */
async function lastOf(load: Lines): Promise<number> {
  const before = busySchema.parse(await load.next());
  let now = before;
  for (const end = performance.now() + TURN_MS; performance.now() < end;) now = busySchema.parse(await load.next());
  load.child.kill();
  if (now.other > 0) throw new Error(`${now.other} requests to the API were not answered with 200`);
  return now.answered - before.answered;
}

function results(name: string, { quiet, busy, failed, served }: Compared): BenchResult[] {
  const [calm, loud] = [quiet, busy].map((latencies) => latencies.sort((a, b) => a - b)) as [number[], number[]];
  const of = (figure: string, share: number): BenchResult => {
    const [value, reference] = [sampleAt(loud, share), sampleAt(calm, share)];
    return {
      name: 'webhook-beside-api',
      metric: `${figure} ${name}`,
      value,
      unit: 'ms',
      reference,
      ratio: value / reference,
    };
  };
  return [
    of('p50', 0.5),
    of('p99', 0.99),
    { name: 'webhook-beside-api', metric: `failed ${name}`, value: failed, unit: 'calls' },
    { name: 'webhook-beside-api', metric: `API ${name}`, value: (served * 1000) / (TURNS * TURN_MS), unit: '/s' },
  ];
}

const bench: Bench = {
  name: 'isolation',
  async run() {
    const stack = await startStack({
      nodes: 1,
      parts: ALONE,
      env: { governance: { API_RATE_PER_SECOND: '1000000', LOG_LEVEL: 'warn' } },
    });
    try {
      return (await measure(stack)).flatMap(([name, of]) => results(name, of));
    } finally {
      await stack.stop();
    }
  },
};
export default bench;
