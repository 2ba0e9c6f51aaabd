import { once } from 'node:events';
import { CONNECTIONS, drive, sampleAt, post, reviewIn } from './reviews.js';
import { type BenchServer, start, stop } from './servers.js';
import type { Bench, BenchResult } from './types.js';

/** Echo and webhook take short turns, so that other load of the machine meets both. */
const TURNS = 60;
const TURN_MS = 500;
const WARM_UP_MS = 3_000;
const MANY = Number(process.env['BENCH_WEBHOOK_REVIEWS'] ?? 100_000);
/** Before the memory of a Node process has found its size. */
const SETTLING = 20_000;

interface Usage {
  readonly rssMiB: number;
  readonly cpuUs: number;
}

async function usage({ child }: BenchServer): Promise<Usage> {
  child.send('usage');
  const [{ rss, cpuUs }] = (await once(child, 'message')) as [{ rss: number; cpuUs: number }];
  return { rssMiB: rss / 1024 / 1024, cpuUs };
}

const body = reviewIn('shop');

async function closedLoop(server: BenchServer, count: number): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await post(server, body);
      }
    }),
  );
}

const bench: Bench = {
  name: 'webhook',
  async run() {
    const [echo, webhook] = [await start('echo'), await start('webhook')];
    for (const server of [echo, webhook]) await drive(server, WARM_UP_MS, body);
    const measured = { echo: [] as number[], webhook: [] as number[] };
    let failed = 0;
    for (let turn = 0; turn < TURNS; turn += 1)
      for (const [name, server] of [
        ['echo', echo],
        ['webhook', webhook],
      ] as const) {
        const { latencies, failed: missed } = await drive(server, TURN_MS, body);
        measured[name].push(...latencies);
        failed += missed;
      }
    for (const latencies of Object.values(measured)) latencies.sort((a, b) => a - b);
    const latency = (metric: string, share: number): BenchResult => {
      const [value, reference] = [sampleAt(measured.webhook, share), sampleAt(measured.echo, share)];
      return { name: 'webhook-review', metric, value, unit: 'ms', reference, ratio: value / reference };
    };
    const busy = async (server: BenchServer, count: number) => {
      await closedLoop(server, SETTLING);
      const [before, began] = [await usage(server), performance.now()];
      await closedLoop(server, count);
      const [after, seconds] = [await usage(server), (performance.now() - began) / 1000];
      return { before, after, seconds, cpuUs: (after.cpuUs - before.cpuUs) / count };
    };
    const plain = await busy(echo, SETTLING);
    const full = await busy(webhook, MANY);
    stop(echo);
    stop(webhook);
    return [
      latency('p50', 0.5),
      latency('p99', 0.99),
      latency('p99.9', 0.999),
      { name: 'webhook-review', metric: 'failed calls', value: failed, unit: 'calls' },
      {
        name: 'webhook-review',
        metric: 'processor time',
        value: full.cpuUs,
        unit: 'us',
        reference: plain.cpuUs,
        ratio: full.cpuUs / plain.cpuUs,
      },
      {
        name: 'webhook-review',
        metric: `throughput, ${CONNECTIONS} connections`,
        value: MANY / full.seconds,
        unit: '/s',
      },
      { name: 'webhook-memory', metric: 'resident', value: full.after.rssMiB, unit: 'MiB' },
      {
        name: 'webhook-memory',
        metric: `growth over ${MANY} reviews`,
        value: (full.after.rssMiB / full.before.rssMiB - 1) * 100,
        unit: '%',
      },
    ];
  },
};
export default bench;
