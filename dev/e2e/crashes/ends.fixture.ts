import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as lasting } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isNotFound } from '@scc/kube';
import { canaryName, PLAN_TYPE, plansPath, type PlanStatus, planStatusSchema } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import type { Client } from '@temporalio/client';
import { workflowIdOf } from '@scc/migration/contract';
import { z } from 'zod';
import { startLoad, waitForDeployments, type Stack } from '../../src/index.js';
import { refusalOf } from '../../src/webhook.fixture.js';
import { condition, DEPLOYMENTS, longHolds, NAMESPACE, TIMEOUT_MS, type engineOn } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';
import { deploy, manifestsOf, remove, streamsOf } from './workload.fixture.js';

/** Ends of migrations that only a whole stack shows. */

const isWhole = scaled(1) > 1;
/** Longer than another worker needs to take over and to end what was begun; a minute in `npm run verify`. */
const STANDSTILL_MS = isWhole ? 60_000 : 5_000;
const NAME = 'ends';
const SYSTEM_NAMESPACE = 'scc-system';
const ADMIN = `${SYSTEM_NAMESPACE}/admin`;
const scaleSchema = z.looseObject({ spec: z.looseObject({ replicas: z.int() }) });

export function ends(benchOf: () => { stack: Stack; engine: ReturnType<typeof engineOn>; temporal: Client }): void {
  describe('the end of a migration', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'scc-ends-'));
      await deploy(benchOf().stack, [NAME]);
    }, TIMEOUT_MS);
    afterAll(async () => {
      await remove(benchOf().stack, [NAME]);
      await rm(folder, { recursive: true });
    });

    it(
      'is reached by a release under the name of an admin when an undo cannot finish, and says what is left',
      async () => {
        const { stack, engine } = benchOf();
        await stack.apply(
          `apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: admin, namespace: ${SYSTEM_NAMESPACE} }\n`,
        );
        await engine.apply('kept', NAME, { traffic: longHolds });
        await engine.untilWeight('kept', 10);
        await stack.apply(KEEPING);
        await untilKept(stack);
        try {
          await (await engine.handleOf('kept')).signal('rollback');
          const { message } = await engine.untilPhase('kept', 'Failed');
          expect(message).toContain('kept by a test');
          const sccctl = sccctlOn(
            () => stack,
            () => folder,
          );
          const released = await sccctl(ADMIN, 'release', 'kept', '-n', 'shop', '--reason', 'it stays for good');
          expect(released).toMatchObject({ code: 0, err: '' });
          const status = await engine.untilPhase('kept', 'RolledBack');
          expect(JSON.stringify(status)).toContain('the grant of the target SCC (left undone');
          const { out } = await sccctl(ADMIN, '-o', 'json', 'audit', 'list', '--action', 'command.granted');
          expect(out).toContain('it stays for good');
          expect(await engine.remains()).toEqual([]);
          await waitFor(async () => (await engine.read('kept')).metadata.finalizers.length === 0, {
            timeoutMs: TIMEOUT_MS,
            what: 'the plan to be released',
          });
        } finally {
          for (const kind of ['validatingadmissionpolicybindings', 'validatingadmissionpolicies'])
            await stack.api.call('DELETE', `/apis/admissionregistration.k8s.io/v1/${kind}/kept-by-a-test`);
        }
      },
      3 * TIMEOUT_MS,
    );

    it(
      'costs no request when a drain evicts the pods of its canary at 50 % as their budget lets it, and the migration goes on',
      async () => {
        const { stack, engine } = benchOf();
        await stack.apply(BUDGET);
        const load = await startLoad(stack, { streams: streamsOf(NAME, 20) });
        let stopped: Awaited<ReturnType<typeof load.stop>> | undefined;
        try {
          // Held for longer than a drain takes on a machine that is busy with other tests.
          const traffic = { ...longHolds, interval: '10m', weights: [50, 100] };
          await engine.apply('evicted', NAME, { traffic });
          await engine.untilWeight('evicted', 50);
          const selector = encodeURIComponent(`app=${canaryName(NAME)}`);
          const listed = async () =>
            podsSchema.parse((await stack.api.list(`${PODS}?labelSelector=${selector}`)).items);
          const pods = await listed();
          expect(pods).toHaveLength(2);
          // As `kubectl drain` does: one that the budget keeps is tried again.
          for (const { metadata } of pods)
            await waitFor(() => evicted(stack, metadata.name), {
              timeoutMs: TIMEOUT_MS,
              what: `${metadata.name} to go`,
            });
          const areOthers = async (): Promise<boolean> => {
            const now = await listed();
            return (
              now.length === 2 && now.every(({ metadata }) => pods.every((pod) => pod.metadata.uid !== metadata.uid))
            );
          };
          await waitFor(areOthers, { timeoutMs: TIMEOUT_MS, what: 'two other pods' });
          expect((await engine.read('evicted')).status).toMatchObject({ phase: 'TrafficShifting', weight: 50 });
          await (await engine.handleOf('evicted')).signal('rollback');
          await engine.untilPhase('evicted', 'RolledBack');
        } finally {
          stopped = await load.stop();
          await stack.api.call('DELETE', BUDGETS);
        }
        expect(stopped.failures).toEqual([]);
        expect(stopped.total.requests).toBeGreaterThan(200);
        expect(await engine.remains()).toEqual([]);
      },
      3 * TIMEOUT_MS,
    );

    it(
      'stays what it is when a worker goes on that stood still, and the next migration has a canary as large as its share',
      async () => {
        const { stack, engine } = benchOf();
        await engine.apply('stale', NAME, { traffic: longHolds });
        await engine.untilWeight('stale', 10);
        const stopped = stack.part('worker-1');
        await stopped.signal('SIGSTOP');
        await (await engine.handleOf('stale')).signal('rollback');
        const { sequence } = await engine.untilPhase('stale', 'RolledBack');
        await lasting(STANDSTILL_MS);
        await stopped.signal('SIGCONT');
        // Alone, it has to go on, with all that still lay on its connections.
        await stack.part('worker-2').kill();
        const traffic = { mirror: { duration: '0s' }, weights: [50, 100], interval: '4s' };
        await engine.apply('sized', NAME, { traffic, canary: { replicas: 'Weight' } });
        const size = async (): Promise<number> =>
          scaleSchema.parse(await stack.api.get(`${DEPLOYMENTS}/${canaryName(NAME)}`)).spec.replicas;
        await engine.untilWeight('sized', 50);
        expect(await size()).toBe(1);
        await engine.untilWeight('sized', 100);
        expect(await size()).toBe(2);
        await engine.untilPhase('sized', 'Completed');
        expect(await engine.remains()).toEqual([]);
        expect((await engine.read('stale')).status).toMatchObject({ phase: 'RolledBack', sequence });
        await stack.part('worker').start();
      },
      3 * TIMEOUT_MS,
    );

    it(
      'comes with the end of its namespace, while it waits for an approval and while it shifts: nothing waits, and no workflow goes on',
      async () => {
        const { stack, temporal } = benchOf();
        const leaving = Object.entries(LEAVING);
        const manifests = leaving.map(
          ([namespace, { range }]) => `${namespaceOf(namespace, range)}---${manifestsOf('going', namespace)}`,
        );
        await stack.apply(manifests.join('---\n'));
        for (const [namespace] of leaving) await waitForDeployments(stack.api, namespace);
        const ids = await Promise.all(
          leaving.map(async ([namespace, { over, isReached }]) => {
            const plans = plansPath(namespace);
            const spec = {
              ...{ workloadRef: { kind: 'Deployment', name: 'going' }, targetSCC: 'restricted-v2', traffic: longHolds },
              ...{ gates: { metrics: [], readiness: { timeout: '60s' } }, ...over },
            };
            await stack.api.create(plans, { ...PLAN_TYPE, metadata: { name: 'going', namespace }, spec });
            const last: { status: unknown } = { status: null };
            const reached = async (): Promise<string | null> => {
              const { metadata, status } = planSchema.parse(await stack.api.get(`${plans}/going`));
              last.status = status;
              return isReached(status) ? workflowIdOf({ namespace, name: 'going', uid: metadata.uid }) : null;
            };
            return waitFor(reached, { timeoutMs: TIMEOUT_MS, what: namespace }).catch((error: unknown) => {
              throw new Error(`it does not come to ${namespace}: ${JSON.stringify(last.status)}`, { cause: error });
            });
          }),
        );
        for (const [namespace] of leaving) await stack.api.call('DELETE', `/api/v1/namespaces/${namespace}`);
        const isGone = (namespace: string): Promise<boolean> =>
          stack.api.get(`/api/v1/namespaces/${namespace}`).then(() => false, isNotFound);
        const isOver = async (id: string | null): Promise<boolean> =>
          (await temporal.workflow.getHandle(id ?? '').describe()).status.name !== 'RUNNING';
        for (const [namespace] of leaving)
          await waitFor(() => isGone(namespace), { timeoutMs: 2 * TIMEOUT_MS, what: `${namespace} to be gone` }).catch(
            async (error: unknown) => {
              const left: unknown = await stack.api.get(`/api/v1/namespaces/${namespace}`);
              throw new Error(`it stays: ${JSON.stringify(left)}`, { cause: error });
            },
          );
        for (const id of ids) await waitFor(() => isOver(id), { timeoutMs: TIMEOUT_MS, what: `${id} to end` });
      },
      3 * TIMEOUT_MS,
    );
  });
}

const planSchema = z.looseObject({
  metadata: z.looseObject({ uid: z.string() }),
  status: planStatusSchema.prefault({}),
});
const podsSchema = z.array(z.looseObject({ metadata: z.looseObject({ name: z.string(), uid: z.string() }) }));

/** Namespaces that end while their plan is somewhere. */
const LEAVING: Readonly<Record<string, { range: number; over: object; isReached: (status: PlanStatus) => boolean }>> = {
  'leaving-asked': {
    range: 1000670000,
    over: { approval: { required: true } },
    isReached: (status) => condition(status, 'Approved')?.status === 'False',
  },
  'leaving-shifted': { range: 1000660000, over: {}, isReached: ({ weight }) => weight === 10 },
};

const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const BUDGETS = `/apis/policy/v1/namespaces/${NAMESPACE}/poddisruptionbudgets/${NAME}`;
const BUDGET = `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: ${NAME}, namespace: ${NAMESPACE} }
spec: { minAvailable: 1, selector: { matchLabels: { app: ${NAME} } } }
`;

/** Whether the API lets a pod go, with its grace. */
async function evicted(stack: Stack, name: string): Promise<boolean> {
  const metadata = { name, namespace: NAMESPACE };
  const refusal = await refusalOf(
    stack.api.create(`${PODS}/${name}/eviction`, { apiVersion: 'policy/v1', kind: 'Eviction', metadata }),
  );
  if (refusal !== undefined && !refusal.includes('disruption budget')) throw new Error(refusal);
  return refusal === undefined;
}

const namespaceOf = (name: string, range: number): string => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels: { scc.poc/enforce: 'true', scc.poc/managed: 'true' }
  annotations:
    openshift.io/sa.scc.uid-range: ${range}/10000
    openshift.io/sa.scc.supplemental-groups: ${range}/10000
    openshift.io/sa.scc.mcs: 's0:c27,c5'
`;

const KEPT = 'kept by a test';
/** Lets the worker delete no RoleBinding. */
const KEEPING = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: kept-by-a-test }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - { apiGroups: [rbac.authorization.k8s.io], apiVersions: [v1], operations: [DELETE], resources: [rolebindings] }
  validations:
    - expression: "request.userInfo.username != 'system:serviceaccount:${SYSTEM_NAMESPACE}:worker'"
      message: ${KEPT}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: kept-by-a-test }
spec: { policyName: kept-by-a-test, validationActions: [Deny] }
`;

/** A policy holds a moment after it was made. */
async function untilKept(stack: Stack): Promise<void> {
  const api = stack.apiAs(await stack.token({ namespace: SYSTEM_NAMESPACE, name: 'worker' }));
  const binding = `/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/${NAME}-anyuid?dryRun=All`;
  const isKept = (): Promise<boolean> =>
    api.call('DELETE', binding).then(
      () => false,
      (error: unknown) => String(error).includes(KEPT),
    );
  await waitFor(isKept, { timeoutMs: TIMEOUT_MS, what: 'the policy to hold' });
}
