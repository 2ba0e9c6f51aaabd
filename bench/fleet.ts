import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { ENFORCE_LABEL, PLAN_GROUP, type PlanSpecInput, plansPath, planStatusSchema } from '@scc/plan';
import { type Stack, startStack, waitForDeployments } from '@scc/dev';
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
export function startFleetStack(workloads: number, cachedMigrations: number): Promise<Stack> {
  const nodes = Math.min(MOST_NODES, Math.ceil((2 * workloads) / PODS_OF_A_NODE));
  return startStack({
    nodes,
    parts: { mesh: false, prometheus: false },
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

export const plansOf = async (stack: Stack, namespace: string): Promise<z.infer<typeof planSchema>[]> =>
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

/** The memory and disk that the product takes now. */
export async function takenBy(stack: Stack): Promise<Taken> {
  const found: Taken = {
    worker: 0,
    database: 0,
    tables: await bytesBelow(path.join(stack.stateDir, 'postgres', 'base')),
  };
  for (const pid of await descendantsOf(stack.pid)) {
    const read = (file: string): Promise<string> => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const command = await read('cmdline');
    if (command.includes('/app/scc.mjs\0worker')) found.worker += kibOf(await read('status'), 'VmRSS');
    if ((await read('comm')).startsWith('postgres')) found.database += kibOf(await read('smaps_rollup'), 'Pss');
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
