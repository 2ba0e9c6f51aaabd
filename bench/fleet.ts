import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ENFORCE_LABEL, PLAN_GROUP, type PlanSpecInput, plansPath, planStatusSchema } from '@scc/plan';
import { type Stack, startStack, waitForDeployments } from '@scc/dev';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { descendantsOf } from './processors.js';

/** Workloads whose pods only say that they are ready, on the whole stack, and the memory and disk that moving them takes. */

export const MIB = 1024 * 1024;
const PODS_OF_A_NODE = 180;
const MOST_NODES = 20;
const START_MS = 10 * 60_000;
/** Objects that are created at once. */
const AT_ONCE = 8;
/** Of the stack's own registry. */
const IMAGE = `${PLAN_GROUP}/healthy:1`;

/** A stack with room for the pods of so many workloads and for as many beside them. */
export function startFleetStack(
  workloads: number,
  cachedMigrations: number,
  { mesh }: { mesh: boolean } = { mesh: false },
): Promise<Stack> {
  const nodes = Math.min(MOST_NODES, Math.ceil((2 * workloads) / PODS_OF_A_NODE));
  return startStack({
    nodes,
    parts: { mesh, prometheus: mesh },
    env: { worker: { MAX_CACHED_WORKFLOWS: String(cachedMigrations) } },
  });
}

export const nameOfWorkload = (at: number): string => `w${at}`;

/** Each has a ServiceAccount of its own: those that share one never move at once. */
function workload(namespace: string, at: number): string {
  const name = nameOfWorkload(at);
  return `
{ apiVersion: v1, kind: ServiceAccount, metadata: { name: ${name}, namespace: ${namespace} } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: { name: ${name}, namespace: ${namespace} }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: 'system:openshift:scc:anyuid' }
subjects: [{ kind: ServiceAccount, name: ${name}, namespace: ${namespace} }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}
      terminationGracePeriodSeconds: 1
      containers: [{ name: app, image: '${IMAGE}' }]
---`;
}

/** Runs the work for each number, a few at once. */
async function forEach(from: number, to: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < to; at = next++) await work(at);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Workloads in a namespace of their own, all of them ready. */
export async function deployWorkloads(stack: Stack, namespace: string, count: number): Promise<void> {
  await stack.apply(`
{ apiVersion: v1, kind: Namespace, metadata: { name: ${namespace}, labels: { ${ENFORCE_LABEL}: 'true' } } }
---
`);
  await forEach(0, count, (at) => stack.apply(workload(namespace, at)));
  await waitForDeployments(stack.api, namespace, START_MS);
}

export const PLAN_SPEC = {
  targetSCC: 'restricted-v2',
  traffic: { mirror: { duration: '0s' }, interval: '0s' },
  gates: { metrics: [], readiness: { timeout: '120s' } },
} satisfies Partial<PlanSpecInput>;

const planSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), creationTimestamp: z.string() }),
  status: planStatusSchema.prefault({}),
});

export type FleetPlan = z.infer<typeof planSchema>;

/** Seconds from the creation of a plan, which the API server rounds to seconds, to its completion; null before that. */
export function secondsOf({ metadata, status }: FleetPlan): number | null {
  const end = status.conditions?.find(({ type, status: isSo }) => type === 'Completed' && isSo === 'True');
  return end ? (Date.parse(end.lastTransitionTime) - Date.parse(metadata.creationTimestamp)) / 1000 : null;
}

export const plansOf = async (stack: Stack, namespace: string): Promise<FleetPlan[]> =>
  z.array(planSchema).parse((await stack.api.list(plansPath(namespace))).items);

async function bytesBelow(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true });
  const sizes = files.map((file) =>
    stat(path.join(folder, file)).then(
      (one) => (one.isFile() ? one.size : 0),
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

const kibOf = (text: string, field: string): number =>
  1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);

/** What the product takes. */
export interface Taken {
  /** Bytes of memory of the worker. */
  worker: number;
  /** Bytes of memory of all processes of PostgreSQL; what they share counts once. */
  database: number;
  /** Bytes of the databases' files. */
  tables: number;
}

interface FleetProcess {
  pid: string;
  /** A file of /proc; one of a process that has ended reads as empty. */
  read: (file: string) => Promise<string>;
  part: 'worker' | 'database' | null;
}

async function processesOf(stack: Stack): Promise<FleetProcess[]> {
  return Promise.all(
    (await descendantsOf(stack.pid)).map(async (pid) => {
      const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      const isWorker = (await read('cmdline')).includes('/app/scc.mjs\0worker');
      const isDatabase = (await read('comm')).startsWith('postgres');
      return { pid, read, part: isWorker ? 'worker' : isDatabase ? 'database' : null };
    }),
  );
}

/** Where Node listens once a signal has started its inspector. */
const INSPECTOR_PORT = 9229;

/** Bytes of the worker's heap after a full collection, of all its threads together. */
export async function collectedHeapOf(stack: Stack): Promise<number> {
  const worker = (await processesOf(stack)).find(({ part }) => part === 'worker');
  if (!worker) throw new Error('the worker is not among the processes');
  // Of a process with an inspector the signal changes nothing.
  process.kill(Number(worker.pid), 'SIGUSR1');
  const script = path.join(import.meta.dirname, 'collected-heap.js');
  return waitFor(
    async () => {
      const said = await stack.exec(process.execPath, [script, String(INSPECTOR_PORT)]).catch(() => null);
      return said === null ? null : Number(said);
    },
    { timeoutMs: 60_000, everyMs: 500, what: 'the inspector of the worker' },
  );
}

/** The memory and disk that the product takes now. */
export async function takenBy(stack: Stack): Promise<Taken> {
  const found: Taken = {
    worker: 0,
    database: 0,
    tables: await bytesBelow(path.join(stack.stateDir, 'postgres', 'base')),
  };
  for (const { read, part } of await processesOf(stack)) {
    if (part === 'worker') found.worker += kibOf(await read('status'), 'VmRSS');
    if (part === 'database') found.database += kibOf(await read('smaps_rollup'), 'Pss');
  }
  if (found.worker === 0 || found.database === 0)
    throw new Error('the worker or PostgreSQL is not among the processes');
  return found;
}

/** The most that was taken while the work ran, asked for each second. */
export async function mostDuring<T>(stack: Stack, work: Promise<T>): Promise<{ most: Taken; result: T }> {
  const most: Taken = { worker: 0, database: 0, tables: 0 };
  const look = async (): Promise<void> => {
    const now = await takenBy(stack);
    for (const key of ['worker', 'database', 'tables'] as const) most[key] = Math.max(most[key], now[key]);
  };
  const ended = work.then(
    () => true,
    () => true,
  );
  while (
    !(await Promise.race([ended, look().then(() => new Promise<false>((next) => setTimeout(next, 1000, false)))]))
  );
  const result = await work;
  await look();
  return { most, result };
}
