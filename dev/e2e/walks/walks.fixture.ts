import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, it } from '@jest/globals';
import type { KubeObject, ObjectId } from '@scc/kube';
import { PLAN_TYPE, type PlanSpecInput, type Violation } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { readPlan } from '@scc/worker/testing';
import type { Cluster } from '../activities/world.fixture.js';
import type { Stack } from '../../src/index.js';
import { accountUnder } from '../account.fixture.js';

/** Refusals on a real cluster: what each one says to do is done as it is written, and the next plan is taken. */

/** The workload of a walk, and everything that belongs to it. */
export const APP = 'app';
const PATIENCE = { timeoutMs: 60_000, everyMs: 250 };
const readiness = { readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 } };

const refusalsOf = (one: Assessment): Violation[] => (one.ok ? one.governance.violations : one.violations);

/** The cluster of one walk, in a namespace of its own. */
export interface Ground {
  namespace: string;
  stack: Stack;
  admin: Cluster['admin'];
  cluster: Cluster;
  /** Runs what a remedy says, with `kubectl` at hand as the administrator in the namespace. */
  sh: (command: string) => Promise<string>;
  create: (object: KubeObject) => Promise<KubeObject>;
  /** An object of the namespace. @throws Error when it is not there. */
  read: (apiVersion: string, kind: string, name?: string) => Promise<KubeObject>;
  /** The folder of the walk's files. */
  folder: string;
  file: (name: string, text: string) => Promise<void>;
  /** Until the workload is as its controllers make it. */
  settled: (apiVersion: string, kind: string) => Promise<unknown>;
}

type Assessment = Awaited<ReturnType<ReturnType<Cluster['run']>['assess']>>;
export type Accepted = Extract<Assessment, { ok: true }>;

/** What the same plan with a change is refused for. */
type RefusedBy = (change: Partial<PlanSpecInput>, code: string) => Promise<Violation[]>;

export interface Walk {
  code: string;
  /** Codes of the same obstacle, which go with it. */
  also?: readonly string[];
  /** The way that is walked, as the test is named. */
  way: string;
  /** Begins the name of its namespace. */
  namespace?: string;
  /** It is moved to a namespace of its own, where the plan is asked for again. */
  moves?: true;
  /** The change is made without a plan: none is asked for again. */
  isByHand?: true;
  /** All routers of a worker are asked, and not that of the mesh alone. */
  routers?: 'all';
  /** Instead of the usual workload with its Service. */
  workload?: (namespace: string) => KubeObject[];
  /** The obstacle, once the pods are there. */
  before?: (ground: Ground) => Promise<unknown>;
  plan?: Partial<PlanSpecInput>;
  /** Does what the violations say. @returns the part of the plan that changes, where they say that */
  walk: (violations: Violation[], ground: Ground, refusedBy: RefusedBy) => Promise<Partial<PlanSpecInput> | undefined>;
  /** Looks at more than that the plan is taken. */
  then?: (accepted: Accepted, ground: Ground) => Promise<unknown>;
}

/** The command that a remedy ends with. */
export function commandIn(violation: Violation | undefined): string {
  const command = /(kubectl .*?)\.$/.exec(violation?.remedy ?? '')?.[1];
  if (command === undefined) throw new Error(`no command in: ${violation?.remedy}`);
  return command;
}
/** Each violation by its own command. */
export const byCommand: Walk['walk'] = async (violations, { sh }) => {
  for (const violation of violations) await sh(commandIn(violation));
  return undefined;
};
/** The plan alone changes. */
export const byPlan =
  (change: Partial<PlanSpecInput>): Walk['walk'] =>
  () =>
    Promise.resolve(change);
/** A command that the words of a remedy stand for. */
export const bySaying =
  (command: string): Walk['walk'] =>
  (_violations, { sh }) =>
    sh(command).then(() => undefined);

/** A pod template, with something else in its container or its spec. */
export const templateOf = (container: object = {}, spec: object = {}, labels: object = { app: APP }) => ({
  metadata: { labels },
  spec: {
    ...{ serviceAccountName: APP, terminationGracePeriodSeconds: 1 },
    containers: [
      {
        ...{ name: APP, image: 'scc.poc/healthy:1', ports: [{ name: 'http', containerPort: 8080 }] },
        ...readiness,
        ...container,
      },
    ],
    ...spec,
  },
});
export const deployment = (namespace: string, spec: object = {}, metadata: object = {}): KubeObject => ({
  ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: APP, namespace, ...metadata } },
  spec: { replicas: 1, selector: { matchLabels: { app: APP } }, template: templateOf(), ...spec },
});
export const service = (namespace: string, selector: object = { app: APP }): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: APP, namespace } },
  spec: { selector, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});

/** Has the cluster serve a kind that keeps what is written to it, such as that of an operator. @returns what takes it away */
export async function serveKind(
  { admin, create }: Ground,
  { group, version, kind, schema = {} }: { group: string; version: string; kind: string; schema?: object },
): Promise<() => Promise<unknown>> {
  const singular = kind.toLowerCase();
  const plural = singular.endsWith('y') ? `${singular.slice(0, -1)}ies` : `${singular}s`;
  const crd = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' };
  const name = `${plural}.${group}`;
  const spec = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, ...schema };
  await create({
    ...{ ...crd, metadata: { name, annotations: { 'api-approved.kubernetes.io': 'unapproved, of a test' } } },
    spec: {
      ...{ group, scope: 'Namespaced', names: { kind, plural, singular, listKind: `${kind}List` } },
      versions: [
        {
          ...{ name: version, served: true, storage: true },
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
        },
      ],
    },
  });
  const isServed = () => admin.list({ apiVersion: `${group}/${version}`, kind }).then(Boolean, () => false);
  await waitFor(isServed, { ...PATIENCE, what: `the cluster to serve a ${kind}` });
  return () => admin.delete({ ...crd, name });
}

const spaceOf = (name: string): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'Namespace' },
  metadata: {
    name,
    labels: { 'scc.poc/enforce': 'true' },
    annotations: {
      'openshift.io/sa.scc.uid-range': '1000650000/10000',
      'openshift.io/sa.scc.supplemental-groups': '1000650000/10000',
      'openshift.io/sa.scc.mcs': 's0:c26,c5',
    },
  },
});

interface Status {
  replicas?: number;
  observedGeneration?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
}

function groundIn(namespace: string, stack: Stack, cluster: Cluster): Ground {
  const { admin } = cluster;
  const idOf = (apiVersion: string, kind: string, name = APP): ObjectId => ({ apiVersion, kind, namespace, name });
  const read: Ground['read'] = async (apiVersion, kind, name) => {
    const object = await admin.get(idOf(apiVersion, kind, name));
    if (!object) throw new Error(`there is no ${kind} ${name ?? APP}`);
    return object;
  };
  const folder = path.join(stack.stateDir, namespace);
  const kubectl = `'${stack.binary('kubectl')}' --kubeconfig '${stack.kubeconfig.inside}' -n ${namespace}`;
  return {
    ...{ namespace, stack, admin, cluster, read },
    sh: (command) => stack.exec('sh', ['-euc', `kubectl() { ${kubectl} "$@"; }; ${command}`]),
    create: (object) => admin.create(object),
    folder,
    file: async (name, text) => {
      await mkdir(folder, { recursive: true });
      await writeFile(path.join(folder, name), text);
    },
    settled: (apiVersion, kind) =>
      waitFor(
        async () => {
          const { metadata, ...object } = await read(apiVersion, kind);
          const { replicas = 1 } = object['spec'] as { replicas?: number };
          const status = (object['status'] ?? {}) as Status;
          const { updatedReplicas = 0, availableReplicas = 0, observedGeneration = 0 } = status;
          const isSeen = observedGeneration >= (metadata.generation ?? 0);
          return isSeen && updatedReplicas >= replicas && availableReplicas === (status.replicas ?? replicas);
        },
        { ...PATIENCE, what: `${kind} of ${namespace}` },
      ),
  };
}

/** @param on asked at each use: a suite starts its stack after it has named its tests */
export function walksSuite(on: () => { stack: Stack; cluster: Cluster }, walks: readonly Walk[]): void {
  /** @returns the answer to a plan, as soon as it is as wanted: controllers learn of a change a moment later */
  async function answerTo(
    { ground, routers }: { ground: Ground; routers: Walk['routers'] },
    { name, spec }: { name: string; spec: PlanSpecInput },
    wanted: (one: Assessment) => boolean,
  ) {
    const { cluster } = on();
    const { metadata } = await ground.create({
      ...PLAN_TYPE,
      metadata: { namespace: ground.namespace, name },
      spec,
    });
    const ref = { namespace: ground.namespace, name, uid: metadata.uid ?? '' };
    let last: unknown;
    return waitFor(
      async () => {
        const run = cluster.run({ ref, ...(routers ? { routers } : {}) });
        const answer = await run.assess(ref, await readPlan(cluster.admin, ref));
        last = refusalsOf(answer);
        return wanted(answer) ? answer : null;
      },
      { ...PATIENCE, timeoutMs: 30_000, what: 'the answer' },
    ).catch((error: unknown) => {
      throw new Error(`the answer to ${name} is ${JSON.stringify(last)}`, { cause: error });
    });
  }

  /** The workload of a walk, with pods where it has any. */
  async function prepared({ workload }: Walk, namespace: string): Promise<{ ground: Ground; kind: string }> {
    const { stack, cluster } = on();
    const ground = groundIn(namespace, stack, cluster);
    await ground.create(spaceOf(namespace));
    await stack.apply(accountUnder('anyuid', namespace, APP));
    const made = workload?.(namespace) ?? [deployment(namespace), service(namespace)];
    for (const object of made) await ground.create(object);
    const [{ apiVersion, kind } = deployment(namespace)] = made;
    if (kind === 'Deployment' || kind === 'StatefulSet') await ground.settled(apiVersion, kind);
    return { ground, kind };
  }

  describe('what a refusal says to do is done, and the plan is taken:', () => {
    const named = walks.map(
      (walk, index) => [`${walk.code}: ${walk.way}`, walk, `${walk.namespace ?? 'walk'}-${index}`] as const,
    );
    let grounds: Map<string, PromiseSettledResult<Awaited<ReturnType<typeof prepared>>>>;
    beforeAll(async () => {
      const all = await Promise.allSettled(named.map(([, walk, namespace]) => prepared(walk, namespace)));
      grounds = new Map(all.map((one, index) => [named[index]?.[2] ?? '', one]));
    }, 240_000);

    it.each(named)('%s', async (_title, walk, namespace) => {
      const found = grounds.get(namespace);
      if (found?.status !== 'fulfilled') throw new Error(`${namespace} has no workload`, { cause: found?.reason });
      const { ground, kind } = found.value;
      await walk.before?.(ground);
      const spec: PlanSpecInput = {
        ...{ workloadRef: { kind: kind as 'Deployment', name: APP }, targetSCC: 'restricted-v2' },
        ...{ justification: 'its refusal is walked', ...walk.plan },
      };
      const refusedBy: RefusedBy = async (change, code) => {
        const isMeant = (one: Assessment): boolean => {
          const refusals = refusalsOf(one);
          const isOfIt = (each: Violation): boolean => each.code === code || walk.also?.includes(each.code) === true;
          return refusals.some((each) => each.code === code) && refusals.every(isOfIt);
        };
        const plan = { name: `refused-${code.toLowerCase()}`, spec: { ...spec, ...change } };
        return refusalsOf(await answerTo({ ground, routers: walk.routers }, plan, isMeant)).filter(
          (each) => each.code === code,
        );
      };
      const changed = await walk.walk(await refusedBy({}, walk.code), ground, refusedBy);
      if (walk.isByHand !== true) {
        const after = walk.moves ? (await prepared(walk, `own-${namespace}`)).ground : ground;
        const plan = { name: 'taken', spec: { ...spec, ...changed } };
        const isTaken = (one: Assessment): boolean => one.ok && refusalsOf(one).length === 0;
        const accepted = await answerTo({ ground: after, routers: walk.routers }, plan, isTaken);
        if (!accepted.ok) throw new Error('not taken');
        await walk.then?.(accepted, after);
      }
      await ground.admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
    });
  });
}
