import { setTimeout as lasting } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { apiVersionOf, isTerminal, type PlanStatus, type Strategy, type WorkloadRef } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { stringify } from 'yaml';
import { z } from 'zod';
import { lostOf, readData } from '../../src/demo/data.js';
import { startLoad, type Stack } from '../../src/index.js';
import { condition, longHolds, NAMESPACE, PLANS, TIMEOUT_MS, type engineOn } from '../engine.fixture.js';

/** Processes that fail while workloads move that get no canary: each strategy ends, or is undone. */

/** `npm run verify` has more processes, steps and faults. */
const isWhole = scaled(1) > 1;
/** Longer than Temporal waits for a heartbeat. */
const STANDSTILL_MS = 9_000;
/** Nothing that is asserted: how long anything at all may take on a machine that is busy. */
const LONGEST_MS = 10 * TIMEOUT_MS;
/** How long a plan may show nothing new. */
const STILL_MS = 3 * TIMEOUT_MS;
const WRITES_PER_SECOND = 10;

type Moved = Exclude<Strategy, 'Canary'>;
/** The workload of each strategy, and how many pods it wants; a DaemonSet has one on each node. */
const WORKLOADS: Record<Moved, { kind: WorkloadRef['kind']; replicas?: number }> = {
  Ordered: { kind: 'StatefulSet', replicas: 2 },
  PerNode: { kind: 'DaemonSet' },
  Rolling: { kind: 'Deployment', replicas: 2 },
  NextRun: { kind: 'CronJob' },
};
const STRATEGIES = Object.keys(WORKLOADS) as Moved[];
/** Strategies that something happens to at the same time. */
const GROUPS: Moved[][] = isWhole
  ? [
      ['Ordered', 'PerNode'],
      ['Rolling', 'NextRun'],
    ]
  : [STRATEGIES];
/** At its template, behind its first pod (or before the first run), and on its way back. */
const STEPS = [...(isWhole ? (['begun'] as const) : []), 'moving', 'undoing'] as const;
const FAULTS = isWhole ? (['killed', 'stopped for a while'] as const) : (['killed'] as const);
const PARTS = isWhole
  ? ['worker', 'governance', 'watcher', 'temporal', 'kube-apiserver', 'kube-controller-manager']
  : ['worker'];

interface Bench {
  stack: Stack;
  engine: ReturnType<typeof engineOn>;
}

/** One migration in the middle of which something happens. */
interface Met {
  name: string;
  strategy: Moved;
  step: (typeof STEPS)[number];
}

const readySchema = z.looseObject({
  status: z.looseObject({
    readyReplicas: z.int().default(0),
    numberReady: z.int().default(0),
    desiredNumberScheduled: z.int().default(1),
  }),
});
const pathOf = ({ name, strategy }: Met): string => {
  const { kind } = WORKLOADS[strategy];
  return `/apis/${apiVersionOf(kind)}/namespaces/${NAMESPACE}/${kind.toLowerCase()}s/${name}`;
};

/**
 * Waits as long as the plan goes on: a busy machine makes it slow, and not wrong.
 * @throws Error when nothing has changed for a whole time limit
 */
async function untilStill(
  { engine }: Bench,
  name: string,
  [wanted, what]: [wanted: (status: PlanStatus) => boolean, what: string],
): Promise<void> {
  let seen = '';
  const look = async (): Promise<boolean> => {
    const { status } = await engine.read(name);
    seen = JSON.stringify(status);
    return wanted(status);
  };
  for (let before: string | null = null; before !== seen;) {
    before = seen;
    try {
      await waitFor(look, { timeoutMs: STILL_MS, everyMs: 250, what });
      return;
    } catch (error) {
      if (seen === before) throw new Error(`${name} is not ${what}: ${seen}`, { cause: error });
    }
  }
}

/** Its volumes go with it. */
const CLAIMS = {
  persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Delete' },
  volumeClaimTemplates: [
    {
      metadata: { name: 'data' },
      spec: {
        ...{ storageClassName: 'folders', accessModes: ['ReadWriteOnce'] },
        resources: { requests: { storage: '1Gi' } },
      },
    },
  ],
};

/** A container that acknowledges a write once it is in its volume to stay. */
const databaseOf = (env: object[]) => ({
  env: [...env, { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
  ports: [{ name: 'http', containerPort: 8080 }],
  volumeMounts: [{ name: 'data', mountPath: '/data' }],
  readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
});

/** Writes to the databases until it is stopped; what they acknowledged is then in their volumes. */
async function startWrites(stack: Stack, met: readonly Met[]) {
  const databases = met.filter(({ strategy }) => strategy === 'Ordered');
  if (databases.length === 0) return { stop: () => Promise.resolve(), expectKept: () => Promise.resolve() };
  const streams = databases.map(({ name }) => ({
    ...{ name, via: 'sidecar' as const, host: name, rate: WRITES_PER_SECOND },
    requests: [{ method: 'POST' as const, path: '/' }],
  }));
  const load = await startLoad(stack, { streams, timeoutMs: 5_000 });
  let stopped: ReturnType<typeof load.stop> | undefined;
  const stop = () => (stopped ??= load.stop());
  const expectKept = async (): Promise<void> => {
    const { acknowledged } = await stop();
    expect(lostOf(acknowledged, await readData(stack.api, stack.stateDir))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(10 * WRITES_PER_SECOND);
  };
  return { stop, expectKept };
}

/** The template of pods in the spec of its kind; the schedule of a CronJob never comes. */
function specOfKind({ name, strategy }: Met, template: { metadata: object; spec: object }): object {
  const { kind, replicas } = WORKLOADS[strategy];
  if (kind === 'CronJob') {
    const spec = { ...template.spec, restartPolicy: 'Never' };
    return { schedule: '0 0 1 1 *', jobTemplate: { spec: { backoffLimit: 0, template: { ...template, spec } } } };
  }
  return {
    ...{ selector: { matchLabels: { app: name } }, template },
    ...(strategy === 'Ordered' ? { serviceName: name, ...CLAIMS } : {}),
    ...(replicas === undefined ? {} : { replicas }),
  };
}

const IMAGES: Record<Moved, string> = {
  ...{ Ordered: 'database', PerNode: 'healthy', Rolling: 'healthy', NextRun: 'batch' },
};

function manifestsOf(met: Met): string {
  const { name, strategy } = met;
  const { kind } = WORKLOADS[strategy];
  const labels = { app: name };
  const metadata = { name, namespace: NAMESPACE };
  const resources = { requests: { cpu: '10m' } };
  // Nobody sends it requests that it would have to end.
  const env = [{ name: 'DRAIN_SECONDS', value: '0' }];
  const isDatabase = strategy === 'Ordered';
  const containers = [
    {
      ...{ name: 'app', image: `scc.poc/${IMAGES[strategy]}:1`, resources },
      ...(isDatabase ? databaseOf(env) : { env }),
    },
  ];
  const spec = { serviceAccountName: name, terminationGracePeriodSeconds: 1, containers };
  const rbac = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      ...{ apiVersion: `${rbac}/v1`, kind: 'RoleBinding', metadata: { ...metadata, name: `${name}-anyuid` } },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:openshift:scc:anyuid' },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
    {
      ...{ apiVersion: apiVersionOf(kind), kind, metadata },
      spec: specOfKind(met, { metadata: { labels }, spec }),
    },
    ...(isDatabase
      ? [
          {
            ...{ apiVersion: 'v1', kind: 'Service', metadata },
            spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
          },
        ]
      : []),
  ]
    .map((object) => stringify(object))
    .join('---\n');
}

async function deploy(stack: Stack, met: readonly Met[]): Promise<void> {
  const manifests = met.map(manifestsOf).join('---\n');
  // A webhook that a busy machine answers too late refuses what it should have judged.
  const applied = (): Promise<true> => stack.apply(manifests).then(() => true);
  await waitFor(applied, { timeoutMs: LONGEST_MS, everyMs: 1_000, what: 'the workloads to be admitted' });
  const isReady = async (one: Met): Promise<boolean> => {
    if (one.strategy === 'NextRun') return true;
    const { readyReplicas, numberReady, desiredNumberScheduled } = readySchema.parse(
      await stack.api.get(pathOf(one)),
    ).status;
    const wanted = WORKLOADS[one.strategy].replicas ?? desiredNumberScheduled;
    return Math.max(readyReplicas, numberReady) === wanted && wanted > 0;
  };
  await Promise.all(
    met.map((one) =>
      waitFor(() => isReady(one), { timeoutMs: LONGEST_MS, everyMs: 500, what: `${one.name} to be ready` }),
    ),
  );
}

async function begin(bench: Bench, { name, strategy, step }: Met): Promise<void> {
  const { kind } = WORKLOADS[strategy];
  await bench.engine.apply(name, name, {
    ...{
      workloadRef: { kind, name, ...(kind === 'CronJob' ? { apiVersion: 'batch/v1' as const } : {}) },
      traffic: longHolds,
      justification: 'no pod shows what it runs under',
    },
    gates: { metrics: [], readiness: { timeout: '10m' } },
  });
  const isOnItsWay = (status: PlanStatus): boolean => {
    if (step === 'begun') return status.phase === 'Migrating';
    return strategy === 'NextRun' ? isAwaited(status) : status.ordinals?.moved === 1;
  };
  await untilStill(bench, name, [isOnItsWay, 'on its way']);
}

const isAwaited = (status: PlanStatus): boolean => condition(status, 'RunAwaited')?.status === 'True';

const cronJobSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string() }),
  spec: z.looseObject({ jobTemplate: z.looseObject({ spec: z.looseObject({}) }) }),
});

/** Runs a CronJob once, as `kubectl create job --from` does. */
async function runByHand(stack: Stack, met: Met): Promise<void> {
  const { name } = met;
  const jobs = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`;
  const made = await stack.api.get(`${jobs}/${name}`).catch(() => undefined);
  if (made !== undefined) return;
  const { metadata, spec } = cronJobSchema.parse(await stack.api.get(pathOf(met)));
  const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name, uid: metadata.uid, controller: true };
  await stack.api.create(jobs, {
    ...{ apiVersion: 'batch/v1', kind: 'Job', spec: spec.jobTemplate.spec },
    metadata: { name, namespace: NAMESPACE, ownerReferences: [owner] },
  });
}

/** Sends a request to go back until Temporal takes it, and sees that it is on its way back. */
async function goBack(bench: Bench, { name }: Met): Promise<void> {
  const sent = async (): Promise<true> => {
    await (await bench.engine.handleOf(name)).signal('rollback');
    return true;
  };
  await waitFor(sent, { timeoutMs: LONGEST_MS, what: 'Temporal to take a signal' });
  await untilStill(bench, name, [({ phase = '' }) => phase.startsWith('Roll'), 'undone']);
}

async function strike({ stack }: Bench, part: string, fault: (typeof FAULTS)[number]): Promise<void> {
  const parts = (part === 'worker' ? ['worker-1', 'worker-2'] : [part]).map((name) => stack.part(name));
  if (fault === 'killed') {
    await Promise.all(parts.map((one) => one.kill()));
    for (const one of parts) await one.start();
    return;
  }
  await Promise.all(parts.map((one) => one.signal('SIGSTOP')));
  await lasting(STANDSTILL_MS);
  await Promise.all(parts.map((one) => one.signal('SIGCONT')));
}

/** Lets those that wait go on to their end: holds are over, and what waits for a run gets one. */
async function finish(bench: Bench, met: readonly Met[]): Promise<void> {
  const { stack, engine } = bench;
  const hurried = async (one: Met): Promise<true> => {
    const { name, strategy } = one;
    const { status } = await engine.read(name);
    if (isTerminal(status.phase)) return true;
    await stack.api.merge(`${PLANS}/${name}`, { spec: { traffic: { interval: '0s' } } });
    if (strategy === 'NextRun') {
      await untilStill(bench, name, [isAwaited, 'waiting for its run']);
      await runByHand(stack, one);
    }
    return true;
  };
  await Promise.all(
    met
      .filter(({ step }) => step !== 'undoing')
      .map((one) => waitFor(() => hurried(one), { timeoutMs: LONGEST_MS, what: `${one.name} to go on` })),
  );
  await Promise.all(met.map(({ name }) => untilStill(bench, name, [({ phase }) => isTerminal(phase), 'over'])));
}

/** Each strategy without a canary, at each of its steps: it completes or is undone, and nothing is left. */
export function crashesOfStrategies(benchOf: () => Bench): void {
  describe('processes that fail while pods move one by one', () => {
    let turn = 0;
    /** Ends what a test that failed left running. */
    const stops: (() => Promise<unknown>)[] = [];
    afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));
    const faults = GROUPS.flatMap((group) =>
      PARTS.flatMap((part) => FAULTS.map((fault) => ({ part, fault, group, strategies: group.join(', ') }))),
    );

    it.each(faults)(
      '$part $fault at each step of $strategies',
      async ({ part, fault, group }) => {
        const bench = benchOf();
        const { stack, engine } = bench;
        turn += 1;
        const met = group.flatMap((strategy) =>
          STEPS.map((step): Met => ({ name: `${strategy}-${step}-${turn}`.toLowerCase(), strategy, step })),
        );
        await deploy(stack, met);
        const before = await Promise.all(met.map((one) => engine.specOf(pathOf(one))));
        const writes = await startWrites(stack, met);
        stops.push(writes.stop);
        await Promise.all(met.map((one) => begin(bench, one)));
        await Promise.all(met.filter(({ step }) => step === 'undoing').map((one) => goBack(bench, one)));
        await strike(bench, part, fault);
        await finish(bench, met);
        for (const [index, one] of met.entries()) {
          const { status } = await engine.read(one.name);
          expect([one.name, status.phase]).toEqual([one.name, one.step === 'undoing' ? 'RolledBack' : 'Completed']);
          if (one.step === 'undoing') expect(await engine.specOf(pathOf(one))).toEqual(before[index]);
          else
            expect(status.pods).toMatchObject({
              migrated: status.pods?.total,
              bySCC: { 'restricted-v2': status.pods?.total },
            });
        }
        expect(await engine.remains()).toEqual([]);
        await writes.expectKept();
        await Promise.all(met.map((one) => stack.api.call('DELETE', pathOf(one))));
        const services = `/api/v1/namespaces/${NAMESPACE}/services`;
        const databases = met.filter(({ strategy }) => strategy === 'Ordered');
        await Promise.all(databases.map(({ name }) => stack.api.call('DELETE', `${services}/${name}`)));
      },
      2 * LONGEST_MS,
    );
  });
}
