import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { DEPLOYMENTS, longHolds, NAMESPACE, type Engine } from './engine.fixture.js';
import { connectWorkflows } from '../src/demo/workflows.js';
import type { Stack } from '../src/index.js';
import { accountUnder } from './account.fixture.js';

/** The own pods of a Deployment move on a real cluster: one first, then the rest, and back when something is wrong. */

const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;
/** Of these suites alone: other plans take no grant of it away. */
const ACCOUNT = 'rolling';
const podsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string(), uid: z.string(), annotations: z.record(z.string(), z.string()) }),
  }),
);
const statusSchema = z.looseObject({ status: z.looseObject({ availableReplicas: z.int().default(0) }) });

type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'specOf' | 'handleOf'>;

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function rollingSuite(running: () => Stack, engine: Needed): void {
  const { apply, until, untilPhase, remains, specOf, handleOf } = engine;
  /** A Deployment under anyuid, which nothing sends requests to. */
  const aDeployment = async (
    name: string,
    { image, replicas = 2, claim }: { image: string; replicas?: number; claim?: string },
  ): Promise<void> => {
    const labels = { app: name };
    const volumes = claim === undefined ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: claim } }];
    const volumeMounts = claim === undefined ? [] : [{ name: 'data', mountPath: '/data' }];
    const spec = {
      ...{ serviceAccountName: ACCOUNT, terminationGracePeriodSeconds: 5, volumes },
      containers: [{ name: 'app', image, volumeMounts }],
    };
    await running().api.create(DEPLOYMENTS, {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name, namespace: NAMESPACE } },
      spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    });
    await waitFor(
      async () =>
        statusSchema.parse(await running().api.get(`${DEPLOYMENTS}/${name}`)).status.availableReplicas === replicas,
      { timeoutMs: 60_000, everyMs: 200, what: name },
    );
  };
  const pods = async (app: string) => {
    const { items } = await running().api.list(`/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=app=${app}`);
    return podsSchema.parse(items).map(({ metadata: { name, uid, annotations } }) => ({
      ...{ name, uid, scc: annotations['openshift.io/scc'] },
    }));
  };
  const sccs = async (app: string) => (await pods(app)).map(({ scc }) => scc);
  /** For replay, where the environment names a folder for it. */
  const record = async (plan: string): Promise<void> => {
    const folder = process.env['RECORD_HISTORIES'];
    if (folder === undefined) return;
    const workflows = await connectWorkflows(running().addresses.temporal, 'scc');
    await workflows.record((await handleOf(plan)).workflowId, path.join(folder, `${plan}.json.gz`));
    await workflows.close();
  };

  describe('a Deployment that no Service picks, or with a volume of one node', () => {
    beforeAll(() => running().apply(accountUnder('anyuid', NAMESPACE, ACCOUNT)));

    it('keeps its pods when the one that moves first is broken', async () => {
      await aDeployment('lonely', { image: 'scc.poc/needs-root:1' });
      const [before, own] = [await specOf(`${DEPLOYMENTS}/lonely`), await pods('lonely')];
      await apply('rolling-broken', 'lonely', { gates: { metrics: [], readiness: { timeout: '8s' } } });
      const { message, strategy } = await untilPhase('rolling-broken', 'RolledBack');
      expect(strategy).toMatchObject({ type: 'Rolling' });
      expect(message).toContain('is not ready');
      expect(message).toContain('every touched object is as it was');
      expect(await specOf(`${DEPLOYMENTS}/lonely`)).toEqual(before);
      await waitFor(async () => (await pods('lonely')).length === 2, {
        timeoutMs: 30_000,
        what: 'the broken pod gone',
      });
      expect(await pods('lonely')).toEqual(own);
      await record('rolling-broken');
    });

    it('is refused a canary that would have no requests', async () => {
      await apply('no-service', 'lonely', { strategy: { type: 'Canary' } });
      const { violations } = await untilPhase('no-service', 'Rejected');
      expect(violations?.map(({ code }) => code)).toEqual(['NoService']);
    });

    it('goes back when another client lets the other pods move', async () => {
      await aDeployment('worker', { image: 'scc.poc/healthy:1', replicas: 3 });
      const before = await specOf(`${DEPLOYMENTS}/worker`);
      await apply('rolling-reset', 'worker', { traffic: longHolds });
      await until('rolling-reset', ({ ordinals }) => ordinals?.moved === 1, 'one pod on');
      expect((await sccs('worker')).toSorted()).toEqual(['anyuid', 'anyuid', 'anyuid', 'restricted-v2']);
      await running().api.merge(`${DEPLOYMENTS}/worker`, { spec: { minReadySeconds: 3 } });
      const { message } = await untilPhase('rolling-reset', 'RolledBack');
      expect(message).toContain('another client changed spec.minReadySeconds of Deployment worker');
      expect(await specOf(`${DEPLOYMENTS}/worker`)).toMatchObject({ ...(before as object), minReadySeconds: 3 });
      await waitFor(async () => (await pods('worker')).length === 3, { timeoutMs: 30_000, what: 'the moved pod gone' });
      expect(await sccs('worker')).toEqual(['anyuid', 'anyuid', 'anyuid']);
    });

    it('says in a dry run how it would move and why, and then moves', async () => {
      const metadata = { name: 'archive', namespace: NAMESPACE };
      const resources = { requests: { storage: '1Gi' } };
      const spec = { storageClassName: 'folders', accessModes: ['ReadWriteOnce'], resources };
      await running().api.create(CLAIMS, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec });
      await aDeployment('archive', { image: 'scc.poc/writes-volume:1', claim: 'archive' });
      const before = await specOf(`${DEPLOYMENTS}/archive`);
      await apply('rolling-dry', 'archive', { dryRun: true });
      const dry = await untilPhase('rolling-dry', 'Completed');
      expect(dry.strategy).toMatchObject({
        type: 'Rolling',
        reason: expect.stringContaining('could not share the claim archive (ReadWriteOnce)') as unknown,
      });
      expect(dry.message).toContain('one pod of 2 moves and is judged');
      expect(dry.warnings?.join('\n')).toContain('its first pod is stopped before the new one starts');

      await apply('rolling-whole', 'archive');
      const status = await untilPhase('rolling-whole', 'Completed');
      await waitFor(async () => (await pods('archive')).length === 2, { timeoutMs: 30_000, what: 'the old pods gone' });
      expect(await sccs('archive')).toEqual(['restricted-v2', 'restricted-v2']);
      expect(status).toMatchObject({ ordinals: { moved: 2, total: 2 }, weight: 0 });
      expect(status.history?.map(({ phase }) => phase)).not.toContain('Mirroring');
      const { template: _before, ...pace } = before as { template: unknown };
      expect(await specOf(`${DEPLOYMENTS}/archive`)).toMatchObject(pace);
      expect(await remains()).toEqual([]);
      await record('rolling-whole');
    });
  });
}
