import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { asyncLocalStorage } from '@temporalio/activity';
import { createGovernanceClient, type GovernanceClient } from '@scc/governance-api';
import { IstioRouter } from '@scc/istio';
import { connectKube, type KubeClient, type KubeObject } from '@scc/kube';
import { type MigrationTarget, type StoredImage, workflowIdOf } from '@scc/migration/contract';
import { FIELD_MANAGER, PLAN_TYPE, type PlanRef } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { activityContext } from '@scc/testing/activity-context';
import {
  createInstruments,
  noMetrics,
  readPlan,
  type ReadPlan,
  routersOf,
  unguardedActivities,
} from '@scc/worker/testing';
import { parseAllDocuments, stringify } from 'yaml';
import { ROOT, type Stack } from '../../src/index.js';

/** The activities on a real API server and a real governance, with the rights of the worker; the cluster's administrator looks. */

const SAMPLES = path.join(ROOT, 'dev', 'samples');
const PATIENCE_MS = 60_000;

/** The part of an activity's context that a test decides. */
interface Run {
  ref: PlanRef;
  attempt?: number;
  /** How long ago the activity was scheduled, in milliseconds. */
  agoMs?: number;
  /** All routers of a worker work, and not that of the mesh alone. */
  routers?: 'all';
}

const runOf = (ref: PlanRef) => ({
  workflowId: workflowIdOf(ref),
  runId: '00000000-0000-4000-8000-000000000000',
});

type Activities = ReturnType<typeof unguardedActivities>;

export interface Cluster {
  /** As the cluster's administrator. */
  admin: KubeClient;
  /** The work of activities, with the rights of a worker of the stack, in any order. */
  run: (run: Run) => Activities;
  /** Calls of the API server so far, by the activities; and those of them that write. */
  called: () => string[];
  written: () => string[];
  /**
   * Has governance allow the first step and let the recording of pre-images begin, as the workflow of the plan does: it
   * keeps the target from then on. Twice is once.
   * @throws Error when governance refuses
   */
  begin: (ref: PlanRef, contentHash: string) => Promise<void>;
  /** The material that governance keeps for an undo. */
  kept: (uid: string) => Promise<StoredImage[]>;
  close: () => void;
}

const WRITES: ReadonlySet<string> = new Set([
  'apply',
  'applyStatus',
  'create',
  'replace',
  'patch',
  'delete',
  'recordEvent',
]);

/** A client that keeps a list of its calls; what the API server only tries is left out. */
function recording(kube: KubeClient, called: string[]): KubeClient {
  return new Proxy(kube, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        const isTried = args.some((arg) => typeof arg === 'object' && arg !== null && 'dryRun' in arg);
        if (!isTried) called.push(String(name));
        return Reflect.apply(value, target, args);
      };
    },
  });
}

export async function clusterOf(stack: Stack): Promise<Cluster> {
  const admin = await connectKube({ kubeconfig: stack.kubeconfig.outside, userAgent: 'test' });
  const tokenFile = path.join(stack.stateDir, 'tokens', 'worker.kube');
  const kubeconfig = path.join(stack.stateDir, 'kubeconfig-activities');
  const outside = await readFile(stack.kubeconfig.outside, 'utf8');
  await writeFile(kubeconfig, outside.replace(/token: \S+/, `tokenFile: ${tokenFile}`));
  const called: string[] = [];
  const worker = await connectKube({ kubeconfig, userAgent: 'scc-worker' });
  const kube = recording(worker, called);
  const governance: GovernanceClient = createGovernanceClient({
    url: stack.addresses.governance,
    caFile: path.join(stack.stateDir, 'tls', 'ca.crt'),
    token: async () => (await readFile(path.join(stack.stateDir, 'tokens', 'worker.governance'), 'utf8')).trim(),
  });
  const routing = { kube, fieldManager: FIELD_MANAGER, boundMs: 1, signal: () => undefined };
  const others = {
    kube,
    governance,
    metrics: noMetrics,
    reviewGates: () => Promise.resolve({ violations: [], warnings: [] }),
    readImages: () => Promise.resolve(new Map()),
    callWebhook: () => Promise.reject(new Error('no webhook is called here')),
    instruments: createInstruments(),
    drainMs: 0,
    domain: 'cluster.local',
    root: 'istio-system',
  };
  const ofMesh = unguardedActivities({ ...others, router: new IstioRouter(routing) });
  const ofAll = unguardedActivities({ ...others, router: routersOf({ ...routing, reloadMs: 1 }) });
  return {
    admin,
    called: () => [...called],
    written: () => called.filter((name) => WRITES.has(name)),
    run: ({ routers, ...run }) =>
      new Proxy(routers === 'all' ? ofAll : ofMesh, {
        get: (target, name) => {
          const activity: unknown = Reflect.get(target, name);
          if (typeof activity !== 'function') return activity;
          return (...args: unknown[]): unknown =>
            asyncLocalStorage.run(activityContext({ ...run, workflowExecution: runOf(run.ref) }), (): unknown =>
              Reflect.apply(activity, undefined, args),
            );
        },
      }),
    begin: async (ref, contentHash) => {
      const step = await governance.authorizeStep(ref.uid, { step: 'Prepare', contentHash, detail: 'test' });
      if (!step.allowed) throw new Error(step.reason);
      const asked = { activity: 'recordPreImages', way: 'forward', weight: null } as const;
      const verdict = await governance.begin(ref.uid, { ...runOf(ref), activityId: '1', ...asked });
      if (!verdict.allowed) throw new Error(verdict.reason);
    },
    kept: async (uid) => (await governance.preImages(uid)).images,
    close: () => {
      admin.close();
      worker.close();
      governance.close();
    },
  };
}

/** The sample workload `ledger` in a namespace of its own, two pods large. */
async function manifests(namespace: string, without: readonly string[]): Promise<string> {
  const texts = await Promise.all(
    ['00-shop.yaml', 'ledger.yaml'].map((file) => readFile(path.join(SAMPLES, file), 'utf8')),
  );
  return texts
    .join('\n---\n')
    .replaceAll(/\bshop\b/g, namespace)
    .replace('replicas: 3', 'replicas: 2')
    .replace('minReplicas: 3', 'minReplicas: 2')
    .split(/^---$/m)
    .filter((text) => !without.some((kind) => text.includes(`kind: ${kind}\n`)))
    .join('---');
}

export interface World {
  namespace: string;
  ref: PlanRef;
  plan: ReadPlan;
  target: MigrationTarget;
  activities: Activities;
  /** Begins its migration at governance. @throws Error when governance refuses. */
  begin: () => Promise<void>;
  /** Reads an object of the namespace. @throws Error when it is not there. */
  read: (kind: Kind, name: string) => Promise<KubeObject>;
  find: (kind: Kind, name: string) => Promise<KubeObject | undefined>;
}

const API = {
  Deployment: 'apps/v1',
  Service: 'v1',
  Pod: 'v1',
  RoleBinding: 'rbac.authorization.k8s.io/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  PodDisruptionBudget: 'policy/v1',
  NetworkPolicy: 'networking.k8s.io/v1',
  VirtualService: 'networking.istio.io/v1',
  DestinationRule: 'networking.istio.io/v1',
} as const;
export type Kind = keyof typeof API;
export const idIn = (namespace: string, kind: Kind, name: string) => ({ apiVersion: API[kind], kind, namespace, name });

export async function createPlan(admin: KubeClient, namespace: string, name: string): Promise<PlanRef> {
  const spec = { workloadRef: { kind: 'Deployment', name: 'ledger' }, targetSCC: 'restricted-v2' };
  const { metadata } = await admin.create({ ...PLAN_TYPE, metadata: { namespace, name }, spec });
  return { namespace, name, uid: metadata.uid ?? '' };
}

/** A running workload with an accepted and assessed plan. */
export async function aWorld(
  { stack, cluster }: { stack: Stack; cluster: Cluster },
  namespace: string,
  { without = [] }: { without?: readonly string[] } = {},
): Promise<World> {
  const texts = parseAllDocuments(await manifests(namespace, without)).map((document) => stringify(document.toJS()));
  await stack.apply(texts.join('---\n'));
  const find = (kind: Kind, name: string) => cluster.admin.get(idIn(namespace, kind, name));
  const read = async (kind: Kind, name: string): Promise<KubeObject> => {
    const object = await find(kind, name);
    if (!object) throw new Error(`there is no ${kind} ${name}`);
    return object;
  };
  await waitFor(
    async () => {
      const { status } = await read('Deployment', 'ledger');
      return (status as { availableReplicas?: number } | undefined)?.availableReplicas === 2;
    },
    { timeoutMs: PATIENCE_MS, what: `the pods of ${namespace}` },
  );
  const ref = await createPlan(cluster.admin, namespace, 'ledger');
  const activities = cluster.run({ ref });
  const accepted = await activities.acceptPlan(ref);
  if (!accepted.accepted) throw new Error(JSON.stringify(accepted));
  const plan = await readPlan(cluster.admin, ref);
  // Governance answers health before it has made its default policies, without which it judges nothing.
  const assessment = await waitFor(() => activities.assess(ref, plan), {
    timeoutMs: PATIENCE_MS,
    what: 'governance to judge a plan',
  });
  if (!assessment.ok) throw new Error(JSON.stringify(assessment.violations));
  const { target, governance } = assessment;
  const begin = () => cluster.begin(ref, governance.contentHash);
  return { namespace, ref, plan, target, activities, begin, read, find };
}
