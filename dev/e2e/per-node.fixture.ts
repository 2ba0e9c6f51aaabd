import { describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { longHolds, NAMESPACE, type Engine } from './engine.fixture.js';
import type { Stack } from '../src/index.js';

/** The pods of a DaemonSet move node by node on a real cluster, and back when something is wrong. */

const DAEMONS = `/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`;
const podsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({
      name: z.string(),
      annotations: z.record(z.string(), z.string()),
      deletionTimestamp: z.string().optional(),
    }),
    spec: z.looseObject({ nodeName: z.string().default('') }),
  }),
);
const daemonSchema = z.looseObject({
  spec: z.looseObject({
    updateStrategy: z.looseObject({ type: z.string() }),
    template: z.looseObject({ spec: z.looseObject({ containers: z.array(z.looseObject({})).min(1) }) }),
  }),
  status: z.looseObject({ desiredNumberScheduled: z.int(), numberReady: z.int().default(0) }),
});

type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'specOf'>;

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function perNodeSuite(running: () => Stack, { apply, until, untilPhase, remains, specOf }: Needed): void {
  const pods = async (app: string) => {
    const { items } = await running().api.list(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app=${app}`);
    return podsSchema
      .parse(items)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata: { name, annotations }, spec: { nodeName } }) => ({
        ...{ name, node: nodeName, scc: annotations['openshift.io/scc'] },
      }))
      .toSorted((a, b) => a.node.localeCompare(b.node));
  };
  const sccs = async (app: string) => (await pods(app)).map(({ scc }) => scc);
  const read = async (name: string) => daemonSchema.parse(await running().api.get(`${DAEMONS}/${name}`));
  const workloadRef = { kind: 'DaemonSet', name: 'node-agent' } as const;

  describe('a DaemonSet', () => {
    it('gets its template, its update strategy and a working pod back when the pod that moves first is broken', async () => {
      const { spec, status } = await read('node-agent');
      const labels = { app: 'frail' };
      const [container] = spec.template.spec.containers;
      const containers = [{ ...container, image: 'scc.poc/needs-root:1' }];
      const template = { metadata: { labels }, spec: { ...spec.template.spec, containers } };
      await running().api.create(DAEMONS, {
        apiVersion: 'apps/v1',
        kind: 'DaemonSet',
        metadata: { name: 'frail', namespace: NAMESPACE },
        spec: { selector: { matchLabels: labels }, template },
      });
      await waitFor(async () => (await read('frail')).status.numberReady === status.desiredNumberScheduled, {
        timeoutMs: 60_000,
        everyMs: 200,
        what: 'the frail agents',
      });
      const before = await specOf(`${DAEMONS}/frail`);
      const others = (await pods('frail')).slice(1);
      await apply('agents-broken', 'frail', {
        workloadRef: { kind: 'DaemonSet', name: 'frail' },
        gates: { metrics: [], readiness: { timeout: '8s' } },
      });
      const { message } = await untilPhase('agents-broken', 'RolledBack');
      expect(message).toMatch(/pod frail-\w+ on \S+ is not ready/);
      expect(message).toContain('every touched object is as it was');
      expect(await specOf(`${DAEMONS}/frail`)).toEqual(before);
      expect((await pods('frail')).slice(1)).toEqual(others);
      expect(new Set(await sccs('frail'))).toEqual(new Set(['anyuid']));
      await running().api.call('DELETE', `${DAEMONS}/frail`);
    });

    it('goes back when another client lets all of its pods be replaced at once', async () => {
      const before = await specOf(`${DAEMONS}/node-agent`);
      await apply('agents-reset', 'node-agent', { workloadRef, traffic: longHolds });
      await until('agents-reset', ({ ordinals }) => ordinals?.moved === 1, 'one node on');
      const [first, ...rest] = await sccs('node-agent');
      expect([first, ...rest]).toEqual(['restricted-v2', ...rest.map(() => 'anyuid')]);
      expect((await read('node-agent')).spec.updateStrategy).toEqual({ type: 'OnDelete' });
      await running().api.merge(`${DAEMONS}/node-agent`, { spec: { updateStrategy: { type: 'RollingUpdate' } } });
      const { message } = await untilPhase('agents-reset', 'RolledBack');
      expect(message).toContain('another client set the update strategy of node-agent to RollingUpdate');
      expect(await specOf(`${DAEMONS}/node-agent`)).toEqual(before);
      expect(new Set(await sccs('node-agent'))).toEqual(new Set(['anyuid']));
    });

    it('moves node by node through the death of its worker, and has its own update strategy again', async () => {
      const { updateStrategy } = (await read('node-agent')).spec;
      const total = (await pods('node-agent')).length;
      await apply('agents-dry', 'node-agent', { workloadRef, dryRun: true });
      expect((await untilPhase('agents-dry', 'Completed')).message).toContain(`its pods on ${total} node`);
      await apply('agents-whole', 'node-agent', { workloadRef });
      await until('agents-whole', ({ history }) => history?.at(-1)?.phase === 'Migrating', 'under way');
      await running().part('worker').kill();
      await running().part('worker').start();
      const status = await untilPhase('agents-whole', 'Completed');
      expect(new Set(await sccs('node-agent'))).toEqual(new Set(['restricted-v2']));
      expect((await read('node-agent')).spec.updateStrategy).toEqual(updateStrategy);
      expect(status).toMatchObject({ strategy: { type: 'PerNode' }, ordinals: { moved: total, total }, weight: 0 });
      expect(status.pods).toEqual({ total, migrated: total, bySCC: { 'restricted-v2': total } });
      expect(status.history?.map(({ phase }) => phase)).not.toContain('Mirroring');
      expect(await remains()).toEqual([]);
    });
  });
}
