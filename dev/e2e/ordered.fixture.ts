import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { longHolds, NAMESPACE, type Engine } from './engine.fixture.js';
import type { Stack } from '../src/index.js';

/** The pods of a StatefulSet move one by one on a real cluster, and back when something is wrong. */

const SETS = `/apis/apps/v1/namespaces/${NAMESPACE}/statefulsets`;
const podsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string(), uid: z.string(), annotations: z.record(z.string(), z.string()) }),
  }),
);
const setSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.array(z.looseObject({})).min(1) }) }),
  }),
});
const readySchema = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().default(0) }) });
const eventsSchema = z.array(
  z.looseObject({
    reason: z.string(),
    note: z.string().default(''),
    regarding: z.looseObject({ kind: z.string(), name: z.string() }),
  }),
);

type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'specOf'>;

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function orderedSuite(running: () => Stack, { apply, until, untilPhase, remains, specOf }: Needed): void {
  const pods = async (app: string) => {
    const { items } = await running().api.list(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app=${app}`);
    return podsSchema.parse(items).map(({ metadata: { name, uid, annotations } }) => ({
      ...{ name, uid, scc: annotations['openshift.io/scc'] },
    }));
  };
  const sccs = async (app: string) => (await pods(app)).map(({ name, scc }) => `${name} ${scc ?? ''}`).sort();
  const sessions = (scc: string) => [0, 1, 2].map((ordinal) => `sessions-${ordinal} ${scc}`);
  const workloadRef = { kind: 'StatefulSet', name: 'sessions' } as const;

  describe('a StatefulSet', () => {
    it('gets its template, its partition and a working pod back when the pod that moves first is broken', async () => {
      const { spec } = setSchema.parse(await running().api.get(`${SETS}/sessions`));
      const labels = { app: 'brittle' };
      const [container] = spec.template.spec.containers;
      const containers = [{ ...container, image: 'scc.poc/needs-root:1' }];
      const template = { metadata: { labels }, spec: { ...spec.template.spec, containers } };
      await running().api.create(SETS, {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        metadata: { name: 'brittle', namespace: NAMESPACE },
        spec: { serviceName: 'brittle', replicas: 2, selector: { matchLabels: labels }, template },
      });
      await waitFor(
        async () => readySchema.parse(await running().api.get(`${SETS}/brittle`)).status.readyReplicas === 2,
        { timeoutMs: 60_000, everyMs: 200, what: 'the brittle set' },
      );
      const before = await specOf(`${SETS}/brittle`);
      const untouched = (await pods('brittle')).filter(({ name }) => name === 'brittle-0');
      await apply('set-broken', 'brittle', {
        workloadRef: { kind: 'StatefulSet', name: 'brittle' },
        gates: { metrics: [], readiness: { timeout: '8s' } },
      });
      const { message } = await untilPhase('set-broken', 'RolledBack');
      expect(message).toContain('pod brittle-1 is not ready');
      expect(message).toContain('every touched object is as it was');
      expect(await specOf(`${SETS}/brittle`)).toEqual(before);
      expect(await sccs('brittle')).toEqual(['brittle-0 anyuid', 'brittle-1 anyuid']);
      expect((await pods('brittle')).filter(({ name }) => name === 'brittle-0')).toEqual(untouched);
    });

    it('goes back when another client resets its partition', async () => {
      const before = await specOf(`${SETS}/sessions`);
      await apply('set-reset', 'sessions', { workloadRef, traffic: longHolds });
      await until('set-reset', ({ ordinals }) => ordinals?.moved === 1, 'one pod on');
      expect(await sccs('sessions')).toEqual([...sessions('anyuid').slice(0, 2), 'sessions-2 restricted-v2']);
      const reset = { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } };
      await running().api.merge(`${SETS}/sessions`, reset);
      const { message } = await untilPhase('set-reset', 'RolledBack');
      expect(message).toContain('another client set the partition of sessions to 0');
      expect(await specOf(`${SETS}/sessions`)).toEqual(before);
      expect(await sccs('sessions')).toEqual(sessions('anyuid'));
    });

    it('says in a dry run how it would move, and that its pods are away one by one', async () => {
      await apply('set-dry', 'sessions', { workloadRef, dryRun: true });
      const { message, strategy } = await untilPhase('set-dry', 'Completed');
      expect(strategy).toMatchObject({ type: 'Ordered' });
      expect(message).toContain('pods one by one from 2 to 0');
    });

    it('moves one by one, and says how far it is', async () => {
      await apply('set-whole', 'sessions', { workloadRef });
      const status = await untilPhase('set-whole', 'Completed');
      expect(await sccs('sessions')).toEqual(sessions('restricted-v2'));
      expect(status).toMatchObject({ ordinals: { moved: 3, total: 3, last: 'sessions-0' }, weight: 0 });
      expect(status.history?.map(({ phase }) => phase)).not.toContain('Mirroring');
      const { items } = await running().api.list(`/apis/events.k8s.io/v1/namespaces/${NAMESPACE}/events`);
      const moved = eventsSchema
        .parse(items)
        .filter(
          ({ reason, regarding: { kind, name } }) =>
            reason === 'PodMoved' && `${kind}/${name}` === 'SCCMigrationPlan/set-whole',
        );
      expect(moved.map(({ note }) => note).sort()).toEqual([
        'pod sessions-0 is ready under restricted-v2 (3 of 3 pods)',
        'pod sessions-1 is ready under restricted-v2 (2 of 3 pods)',
        'pod sessions-2 is ready under restricted-v2 (1 of 3 pods)',
      ]);
      expect(await remains()).toEqual([]);
    });
  });
}
