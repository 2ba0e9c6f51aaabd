import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { type Stack, startStack, TOKEN_AUDIENCE } from '../dev/src/index.js';
import { drive, type Driven, percentile, reviewIn } from './reviews.js';
import { start, stop } from './servers.js';
import type { Bench } from './types.js';

/** With and without load, of the webhook and of a process that shares nothing with it but the machine. */
const TURNS = 5;
const TURN_MS = 5_000;
const API_CONNECTIONS = 8;
const [API_PORT, WEBHOOK_PORT] = [9443, 9444];
const NAMESPACE = 'shop';
const ADMIN = { namespace: 'scc-system', name: 'admin' };
const DRIVER = new URL('./isolation-driver.js', import.meta.url).pathname;
const ALONE = { mesh: false, temporal: false, prometheus: false, worker: false, watcher: false };

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
      labels: { 'scc.poc/enforce': 'true' },
    },
  });
  await stack.api.create(`/api/v1/namespaces/${ADMIN.namespace}/serviceaccounts`, { metadata: { name: ADMIN.name } });
  const tokenFile = path.join(stack.stateDir, 'admin.token');
  await writeFile(tokenFile, await stack.token(ADMIN, TOKEN_AUDIENCE), { mode: 0o600 });
  return { ca: path.join(stack.stateDir, 'tls', 'ca.crt'), tokenFile };
}

async function measure(stack: Stack) {
  const { ca, tokenFile } = await prepare(stack);
  const driver = (...args: string[]): Lines =>
    new Lines(stack.spawn(process.execPath, [DRIVER, ...args], { stdio: ['pipe', 'pipe', 'inherit'] }));
  const reviews = driver('reviews', ca, String(WEBHOOK_PORT), NAMESPACE);
  const turn = async (): Promise<Driven> => {
    reviews.child.stdin?.write(`${JSON.stringify({ forMs: TURN_MS })}\n`);
    return drivenSchema.parse(await reviews.next());
  };
  const echo = await start('echo');
  const echoTurn = (): Promise<Driven> => drive(echo, TURN_MS, reviewIn(NAMESPACE));
  const busy = async (driven: () => Promise<Driven>): Promise<Driven & { served: number }> => {
    const load = driver('api', ca, String(API_PORT), tokenFile, String(API_CONNECTIONS));
    await load.next();
    const [turn, served] = await Promise.all([driven(), lastOf(load)]);
    return { ...turn, served };
  };
  await waitFor(async () => (await turn()).failed === 0, { timeoutMs: 60_000, what: 'the webhook to answer' });
  const measured = { quiet: [] as number[], busy: [] as number[], echo: [] as number[], busyEcho: [] as number[] };
  let [failed, requests] = [0, 0];
  for (let round = 0; round < TURNS; round += 1) {
    const alone = await turn();
    const beside = await busy(turn);
    measured.quiet.push(...alone.latencies);
    measured.busy.push(...beside.latencies);
    measured.echo.push(...(await echoTurn()).latencies);
    measured.busyEcho.push(...(await busy(echoTurn)).latencies);
    requests += beside.served;
    failed += alone.failed + beside.failed;
  }
  reviews.child.kill();
  stop(echo);
  for (const latencies of Object.values(measured)) latencies.sort((a, b) => a - b);
  return { ...measured, failed, apiPerSecond: (requests * 1000) / (TURNS * TURN_MS) };
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

const bench: Bench = {
  name: 'isolation',
  async run() {
    const stack = await startStack({
      nodes: 1,
      parts: ALONE,
      env: { governance: { API_RATE_PER_SECOND: '1000000', LOG_LEVEL: 'warn' } },
    });
    try {
      const { quiet, busy, echo, busyEcho, failed, apiPerSecond } = await measure(stack);
      const of = (metric: string, share: number, [loud, calm]: [number[], number[]]) => {
        const [value, reference] = [percentile(loud, share), percentile(calm, share)];
        return { name: 'webhook-beside-api', metric, value, unit: 'ms', reference, ratio: value / reference };
      };
      return [
        of('p50 under a busy API', 0.5, [busy, quiet]),
        of('p99 under a busy API', 0.99, [busy, quiet]),
        of('p50 of an echo elsewhere', 0.5, [busyEcho, echo]),
        of('p99 of an echo elsewhere', 0.99, [busyEcho, echo]),
        { name: 'webhook-beside-api', metric: 'failed reviews', value: failed, unit: 'calls' },
        { name: 'webhook-beside-api', metric: 'API requests', value: apiPerSecond, unit: '/s' },
      ];
    } finally {
      await stack.stop();
    }
  },
};
export default bench;
