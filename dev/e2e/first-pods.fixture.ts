import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PlanSpecInput } from '@scc/plan';
import { condition, DEPLOYMENTS, NAMESPACE, type Engine } from './engine.fixture.js';
import type { Stack } from '../src/index.js';
import { accountUnder } from './account.fixture.js';

/** Workloads that run no pod change, and their first pods are judged, on a real cluster. */

const ACCOUNT = 'dormant';
const SETS = `/apis/apps/v1/namespaces/${NAMESPACE}/statefulsets`;
const BINDINGS = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/rolebindings`;

type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'specOf'>;

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function firstPodsSuite(running: () => Stack, engine: Needed): void {
  const { apply, until, untilPhase, remains, specOf } = engine;
  const make = async (path: string, name: string, image: string): Promise<void> => {
    const labels = { app: name };
    const spec = { serviceAccountName: ACCOUNT, containers: [{ name: 'app', image }] };
    await running().api.create(path, {
      ...{ apiVersion: 'apps/v1', kind: path === SETS ? 'StatefulSet' : 'Deployment' },
      metadata: { name, namespace: NAMESPACE },
      spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
  };
  const scale = (path: string, name: string) => running().api.merge(`${path}/${name}`, { spec: { replicas: 1 } });
  /** Nothing shows the SCC of pods that are not there, so that any target may give them more. */
  const justification = 'it needs no root, and has no pod yet';
  const ofSet = (name: string): Partial<PlanSpecInput> => ({
    ...{ workloadRef: { kind: 'StatefulSet', name }, justification },
  });
  /** Its first pods are waited for. */
  const untilAwaited = (plan: string) =>
    until(plan, (status) => condition(status, 'RunAwaited')?.status === 'True', 'its first pods awaited');

  describe('a workload that is scaled to zero', () => {
    beforeAll(async () => {
      await running().apply(accountUnder('anyuid', NAMESPACE, ACCOUNT));
      await make(DEPLOYMENTS, 'dormant', 'scc.poc/needs-root:1');
      await make(SETS, 'asleep', 'scc.poc/healthy:1');
    });

    it('ends as changed and not observed where none of its pods starts', async () => {
      await apply('dormant-dry', 'dormant', { dryRun: true, justification });
      const dry = await untilPhase('dormant-dry', 'Completed');
      expect(dry.message).toContain('Steps: grant restricted-v2, template, then its first pods');
      expect(dry.warnings?.join()).toContain('Deployment dormant runs no pod');
      await apply('dormant', 'dormant', { strategy: { waitForRun: '1s' }, justification });
      const status = await untilPhase('dormant', 'Completed');
      const { strategy, message, pods } = status;
      expect(strategy).toMatchObject({ type: 'NextRun' });
      expect(message).toContain('nothing has run under it yet (not observed)');
      expect(condition(status, 'WorkloadMigrated')).toMatchObject({ status: 'False', reason: 'NotObserved' });
      expect(condition(status, 'Completed')).toMatchObject({ status: 'True', reason: 'NotObserved' });
      expect(pods).toBeUndefined();
      expect(JSON.stringify(await specOf(`${DEPLOYMENTS}/dormant`))).toContain(
        '"openshift.io/required-scc":"restricted-v2"',
      );
      const old = await running().api.list(`${BINDINGS}?fieldSelector=metadata.name=${ACCOUNT}-anyuid`);
      expect(old.items).toHaveLength(1);
    });

    it('completes when its first pods are ready, and is undone when they are not', async () => {
      await make(DEPLOYMENTS, 'rooted', 'scc.poc/needs-root:1');
      const before = await specOf(`${DEPLOYMENTS}/rooted`);
      await Promise.all([
        apply('asleep', 'asleep', ofSet('asleep')),
        apply('rooted', 'rooted', { justification, gates: { metrics: [], readiness: { timeout: '6s' } } }),
      ]);
      await Promise.all([untilAwaited('asleep'), untilAwaited('rooted')]);
      await Promise.all([scale(SETS, 'asleep'), scale(DEPLOYMENTS, 'rooted')]);
      const { pods } = await untilPhase('asleep', 'Completed');
      expect(pods).toEqual({ total: 1, migrated: 1, bySCC: { 'restricted-v2': 1 } });
      const { message } = await untilPhase('rooted', 'RolledBack');
      expect(message).toContain('the first pods of rooted are not ready after 6 s');
      expect(await specOf(`${DEPLOYMENTS}/rooted`)).toEqual(Object.assign({}, before, { replicas: 1 }));
      expect(await remains()).toEqual([]);
      for (const path of [`${DEPLOYMENTS}/dormant`, `${DEPLOYMENTS}/rooted`, `${SETS}/asleep`])
        await running().api.call('DELETE', path);
    });
  });
}
