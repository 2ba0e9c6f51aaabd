import { setImmediate as turn } from 'node:timers/promises';
import { POLICY_MODULE, type PolicyFunctions, policyDocumentSchema } from '@scc/policy';
import { aPod, podReview } from '@scc/admission/testing';
import { DeadlineThreads, startHealthServer } from '@scc/runtime';
import {
  compileSCCs,
  defaultSCCs,
  type PodTemplate,
  REMEDIATION_MODULE,
  type RemediationFunctions,
  type WorkloadContext,
} from '@scc/scc';
import { collectedHeapHere } from './collected-heap.js';
import { drive, post, reviewIn, sampleAt } from './reviews.js';
import { collectedHeapIn, start, stop } from './servers.js';
import type { Bench, BenchResult } from './types.js';

/** What callers can make large, and what must not become slow beside it. */

const ROUNDS = 5;
const ASKED = 40;
const REVIEWS_MS = 3000;
const MIB = 1024 ** 2;

const text = Array.from({ length: 40 }, () => 'params.text').join(' + ');
const BOMB = policyDocumentSchema.parse({
  name: 'bomb',
  parameters: {
    item: { type: 'strings', default: Array.from({ length: 100 }, (_none, at) => String(at)) },
    text: { type: 'string', default: 'a'.repeat(1000) },
  },
  rules: [
    {
      name: 'rule',
      when: `!params.item.all(p, params.item.all(q, !(${text}).contains(p + "b")))`,
      ...{ verdict: 'deny', message: 'm', remedy: 'r' },
    },
  ],
});

const SCCS = compileSCCs(defaultSCCs());
const KNOWN: WorkloadContext = {
  ...{ kind: 'Deployment', name: 'web', sccs: SCCS },
  namespace: { name: 'shop', annotations: { 'openshift.io/sa.scc.uid-range': '1000650000/10000' } },
};
const template = (count: number): PodTemplate => ({
  spec: {
    containers: Array.from({ length: count }, (_none, at) => ({
      name: `c${at}`,
      ports: [{ containerPort: 80, hostPort: 8000 + at }],
      securityContext: { runAsUser: 0, privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_TIME'] } },
    })),
  },
});

const policies = () =>
  new DeadlineThreads<PolicyFunctions>({ name: 'bench-policies', module: POLICY_MODULE, deadlineMs: 60_000 });
type Patches = DeadlineThreads<RemediationFunctions>;
const PATCHES = { module: REMEDIATION_MODULE, deadlineMs: 60_000 };
/** As the worker has them. */
const patches = (): Patches => new DeadlineThreads({ ...PATCHES, name: 'bench-patches', size: 2 });
const largePatches = (): Patches => new DeadlineThreads({ ...PATCHES, name: 'bench-large', priority: 'lowest' });

/** Work that goes on until it is ended. */
interface Attack {
  name: string;
  begin: () => { end: () => Promise<void> };
}

function repeated(work: () => Promise<unknown>, close: () => Promise<void>): { end: () => Promise<void> } {
  const state = { isOver: false };
  const running = (async () => {
    while (!state.isOver) await work().catch(() => undefined);
  })();
  return {
    end: async () => {
      state.isOver = true;
      await close();
      await running;
    },
  };
}

const ATTACKS: readonly Attack[] = [
  {
    name: 'an expression of minutes',
    begin: () => {
      const threads = policies();
      return repeated(
        () => threads.call('evaluateEach', [{ document: BOMB, parameters: {} }], [], {}),
        () => threads.close(),
      );
    },
  },
  {
    name: 'a patch of 250 containers',
    begin: () => {
      const threads = largePatches();
      const target = SCCS.byName.get('restricted-v2');
      return repeated(
        () => (target ? threads.call('remediate', template(250), target, KNOWN) : Promise.resolve()),
        () => threads.close(),
      );
    },
  },
];

/** Milliseconds of one call after the other. */
async function timed(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let at = 0; at < ASKED; at += 1) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
    await turn();
  }
  return times;
}

const p50 = (times: readonly number[]): number =>
  sampleAt(
    times.toSorted((a, b) => a - b),
    0.5,
  );

/** The same work alone and beside an attack, in turns. */
async function beside(
  { name, begin }: Attack,
  { subject, work }: { subject: string; work: () => Promise<unknown> },
): Promise<BenchResult> {
  const [alone, loaded]: [number[], number[]] = [[], []];
  await timed(work);
  for (let round = 0; round < ROUNDS; round += 1) {
    alone.push(...(await timed(work)));
    const attack = begin();
    await timed(work);
    loaded.push(...(await timed(work)));
    await attack.end();
  }
  const [value, reference] = [p50(loaded), p50(alone)];
  return {
    ...{ name: 'beside', metric: `${subject}, p50 beside ${name}` },
    ...{ value, unit: 'ms', reference, ratio: value / reference },
  };
}

/** The heap after a full collection, before and after what callers made large. */
const heapAfter = (attack: string, { value, reference }: { value: number; reference: number }): BenchResult => ({
  ...{ name: 'beside', metric: `heap after a full collection, after ${attack}` },
  ...{ value: value / MIB, unit: 'MiB', reference: reference / MIB, ratio: value / reference },
});

/** Reviews of ordinary pods, alone and while one client sends pods of 400 containers to the same webhook. */
async function reviewsBesideLarge(): Promise<BenchResult[]> {
  const webhook = await start('webhook');
  const ports = Array.from({ length: 400 }, (_none, at) => ({
    ...{ name: `c${at}`, image: 'i', ports: [{ containerPort: 80, hostPort: 8000 + at }] },
  }));
  const large = Buffer.from(JSON.stringify(podReview(aPod({ spec: { containers: ports } }))));
  const body = reviewIn('shop');
  const measure = async (): Promise<number> => p50((await drive(webhook, REVIEWS_MS, body)).latencies);
  await measure();
  const reference = await measure();
  await post(webhook, large);
  const heapBefore = await collectedHeapIn(webhook);
  const attack = repeated(
    () => post(webhook, large),
    () => Promise.resolve(),
  );
  const value = await measure();
  await attack.end();
  const heap = heapAfter('pods of 400 containers', { value: await collectedHeapIn(webhook), reference: heapBefore });
  stop(webhook);
  return [
    {
      ...{ name: 'beside', metric: "a pod's review, p50 beside pods of 400 containers" },
      ...{ value, unit: 'ms', reference, ratio: value / reference },
    },
    heap,
  ];
}

const bench: Bench = {
  name: 'beside',
  async run() {
    const health = await startHealthServer({ port: 0, live: () => null, ready: () => null });
    const webhook = await start('webhook');
    const others = patches();
    const target = SCCS.byName.get('restricted-v2');
    const results: BenchResult[] = [];
    const subjects: [string, () => Promise<unknown>][] = [
      ['health', async () => (await fetch(`http://127.0.0.1:${health.port}/livez`)).text()],
      ["a pod's review", () => post(webhook, reviewIn('shop'))],
      [
        "another migration's patch",
        () => (target ? others.call('remediate', template(10), target, KNOWN) : Promise.resolve()),
      ],
    ];
    for (const attack of ATTACKS) {
      for (const [, work] of subjects) await timed(work);
      await attack.begin().end();
      const reference = await collectedHeapHere();
      for (const [subject, work] of subjects) results.push(await beside(attack, { subject, work }));
      results.push(heapAfter(attack.name, { value: await collectedHeapHere(), reference }));
    }
    stop(webhook);
    await others.close();
    await health.close();
    return [...results, ...(await reviewsBesideLarge())];
  },
};
export default bench;
