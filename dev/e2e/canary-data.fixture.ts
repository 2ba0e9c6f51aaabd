import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import type { PlanStatus } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { DEPLOYMENTS, NAMESPACE, type Engine } from './engine.fixture.js';
import { STORAGE_DRIVER } from '../src/cluster/storage.js';
import type { Stack } from '../src/index.js';
import { accountUnder } from './account.fixture.js';

/** Data that a canary shares with the pods that serve. */

const NAME = 'annex';
const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const DRIVER = `/apis/storage.k8s.io/v1/csidrivers/${STORAGE_DRIVER}`;
const metadata = { name: NAME, namespace: NAMESPACE };
const labels = { app: NAME };

const claimSchema = z.looseObject({ spec: z.looseObject({ volumeName: z.string() }) });
const readySchema = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().default(0) }) });
const podSchema = z.looseObject({ metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }) });
type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'handleOf'> & {
  untilAsked: (name: string) => Promise<unknown>;
  approve: (plan: Awaited<ReturnType<Engine['apply']>>) => Promise<void>;
};

/** Two pods of a database that write to one journal as root, behind a Service. */
async function deploy({ api, apply }: Stack): Promise<void> {
  await apply(accountUnder('anyuid', NAMESPACE, NAME));
  const claim = { storageClassName: 'folders', accessModes: ['ReadWriteMany'] };
  await api.create(`${CORE}/persistentvolumeclaims`, {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata },
    spec: { ...claim, resources: { requests: { storage: '1Gi' } } },
  });
  await api.create(`${CORE}/services`, {
    ...{ apiVersion: 'v1', kind: 'Service', metadata },
    spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  });
  const app = {
    ...{ name: 'app', image: 'scc.poc/database:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    ports: [{ name: 'http', containerPort: 8080 }],
    readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
  };
  const spec = {
    ...{ serviceAccountName: NAME, terminationGracePeriodSeconds: 1, containers: [app] },
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: NAME } }],
  };
  await api.create(DEPLOYMENTS, {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  });
  await waitFor(async () => readySchema.parse(await api.get(`${DEPLOYMENTS}/${NAME}`)).status.readyReplicas === 2, {
    timeoutMs: 60_000,
    everyMs: 200,
    what: NAME,
  });
}

/** Owner, group and mode of the journal. */
async function journalOf({ api, stateDir }: Stack) {
  const { spec } = claimSchema.parse(await api.get(`${CORE}/persistentvolumeclaims/${NAME}`));
  const { uid, gid, mode } = await stat(join(stateDir, 'storage', spec.volumeName, 'journal'));
  return { uid, gid, mode: (mode & 0o777).toString(8) };
}

async function sccsOf({ api }: Stack): Promise<(string | undefined)[]> {
  const { items } = await api.list(`${CORE}/pods?labelSelector=app=${NAME}`);
  return items.map((item) => podSchema.parse(item).metadata.annotations['openshift.io/scc']);
}

const baking = ({ message = '' }: PlanStatus): boolean => message.includes('is watched for');

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function canaryDataSuite(running: () => Stack, engine: Needed): void {
  const { apply, until, untilPhase, remains, untilAsked, approve, handleOf } = engine;

  it('lets a Job give the data of its pods to the group of its canary before that starts', async () => {
    const stack = running();
    await stack.api.merge(DRIVER, { spec: { fsGroupPolicy: 'None' } });
    try {
      await deploy(stack);
      const before = await journalOf(stack);
      const plan = await apply(NAME, NAME, {
        ...{ justification: 'its data belongs to another user', volumes: { census: true } },
        ...{ traffic: { interval: '0s', mirror: { duration: '0s' } }, gates: { metrics: [] } },
        ...{ approval: { required: true }, bake: '1h' },
      });
      await untilAsked(NAME);
      expect(await journalOf(stack)).toEqual(before);
      await approve(plan);
      const { strategy } = await until(NAME, baking, 'its bake');
      expect(strategy).toMatchObject({ type: 'Canary' });
      expect(await sccsOf(stack)).toEqual(['restricted-v2', 'restricted-v2']);
      const { uid, gid, mode } = await journalOf(stack);
      expect([uid, gid > 0, mode]).toEqual([0, true, '660']);
      await (await handleOf(NAME)).signal('abort', { actor: 'ana' });
      await untilPhase(NAME, 'RolledBack');
      expect(await sccsOf(stack)).toEqual(['anyuid', 'anyuid']);
      expect(await remains()).toEqual([]);
    } finally {
      await stack.api.merge(DRIVER, { spec: { fsGroupPolicy: 'File' } });
    }
  });
}
