import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as lasting } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { isNotFound } from '@scc/kube';
import { canaryName, PLAN_TYPE, plansPath } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { scaled } from '@scc/testing/scale';
import { z } from 'zod';
import { waitForDeployments, type Stack } from '../../src/index.js';
import { DEPLOYMENTS, longHolds, TIMEOUT_MS, type engineOn } from '../engine.fixture.js';
import { sccctlOn } from '../sccctl.fixture.js';
import { deploy, manifestsOf, remove } from './workload.fixture.js';

/** Ends of migrations that only a whole stack shows. */

const isWhole = scaled(1) > 1;
/** Longer than another worker needs to take over and to end what was begun; a minute in `npm run verify`. */
const STANDSTILL_MS = isWhole ? 60_000 : 5_000;
const NAME = 'ends';
const SYSTEM_NAMESPACE = 'scc-system';
const ADMIN = `${SYSTEM_NAMESPACE}/admin`;
const scaleSchema = z.looseObject({ spec: z.looseObject({ replicas: z.int() }) });

export function ends(benchOf: () => { stack: Stack; engine: ReturnType<typeof engineOn> }): void {
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
      'comes with the end of its namespace, which waits for nothing',
      async () => {
        const { stack } = benchOf();
        const namespace = 'leaving';
        await stack.apply(`${namespaceOf(namespace)}---${manifestsOf('going', namespace)}`);
        await waitForDeployments(stack.api, namespace);
        const plans = plansPath(namespace);
        const spec = {
          workloadRef: { kind: 'Deployment', name: 'going' },
          targetSCC: 'restricted-v2',
          traffic: longHolds,
          gates: { metrics: [], readiness: { timeout: '60s' } },
        };
        await stack.api.create(plans, { ...PLAN_TYPE, metadata: { name: 'going', namespace }, spec });
        const planSchema = z.looseObject({ status: z.looseObject({ weight: z.int().default(0) }).prefault({}) });
        const last: { status: unknown } = { status: null };
        const runs = async (): Promise<boolean> => {
          const { status } = planSchema.parse(await stack.api.get(`${plans}/going`));
          last.status = status;
          return status.weight === 10;
        };
        await waitFor(runs, { timeoutMs: TIMEOUT_MS, what: 'the migration to run' }).catch((error: unknown) => {
          throw new Error(`it does not run: ${JSON.stringify(last.status)}`, { cause: error });
        });
        await stack.api.call('DELETE', `/api/v1/namespaces/${namespace}`);
        const isGone = (): Promise<boolean> =>
          stack.api.get(`/api/v1/namespaces/${namespace}`).then(() => false, isNotFound);
        await waitFor(isGone, { timeoutMs: TIMEOUT_MS, what: 'the namespace to be gone' });
      },
      3 * TIMEOUT_MS,
    );
  });
}

const namespaceOf = (name: string): string => `
apiVersion: v1
kind: Namespace
metadata:
  name: ${name}
  labels: { scc.poc/enforce: 'true', scc.poc/managed: 'true' }
  annotations:
    openshift.io/sa.scc.uid-range: 1000660000/10000
    openshift.io/sa.scc.supplemental-groups: 1000660000/10000
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
