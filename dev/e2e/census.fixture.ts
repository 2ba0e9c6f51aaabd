import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type PlanSpecInput, type PlanStatus, STOPPED_ANNOTATION } from '@scc/plan';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { condition, DEPLOYMENTS, NAMESPACE, type Engine } from './engine.fixture.js';
import { STORAGE_DRIVER } from '../src/cluster/storage.js';
import type { Stack } from '../src/index.js';
import { accountUnder } from './account.fixture.js';

/** Data that the storage gives to no group: looked at and let to the pods' group, or by hand as the refusal says. */

const ACCOUNT = 'vault';
const SETS = `/apis/apps/v1/namespaces/${NAMESPACE}/statefulsets`;
const CLAIMS = `/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const SNAPSHOTS = `/apis/snapshot.storage.k8s.io/v1/namespaces/${NAMESPACE}/volumesnapshots`;
const DRIVER = `/apis/storage.k8s.io/v1/csidrivers/${STORAGE_DRIVER}`;
const claimSchema = z.looseObject({ spec: z.looseObject({ volumeName: z.string() }) });
const readySchema = z.looseObject({ status: z.looseObject({ readyReplicas: z.int().default(0) }) });
const podSchema = z.looseObject({
  spec: z.looseObject({ nodeName: z.string() }),
  status: z.looseObject({ phase: z.string() }),
});
const annotatedSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }),
});
const claimSpec = {
  ...{ storageClassName: 'folders', accessModes: ['ReadWriteOnce'] },
  resources: { requests: { storage: '1Gi' } },
};
const accept = { traffic: { accept: [{ kind: 'PersistentVolumeClaim', name: 'data' }], interval: '0s' } };

type Needed = Pick<Engine, 'apply' | 'until' | 'untilPhase' | 'remains' | 'specOf' | 'handleOf'> & {
  untilAsked: (name: string) => Promise<unknown>;
  approve: (plan: Awaited<ReturnType<Engine['apply']>>) => Promise<void>;
};

/** @param running asked at each use: a suite starts its stack after it has named its tests */
export function censusSuite(running: () => Stack, engine: Needed): void {
  const { apply, until, untilPhase, remains, specOf, untilAsked, approve, handleOf } = engine;
  const storage = (fsGroupPolicy: string) => running().api.merge(DRIVER, { spec: { fsGroupPolicy } });
  const stops: (() => Promise<unknown>)[] = [];
  const pods = async (app: string) => {
    const { items } = await running().api.list(`${PODS}?labelSelector=app=${app}`);
    return items.map((item) => ({ scc: annotatedSchema.parse(item).metadata.annotations['openshift.io/scc'] }));
  };
  const ofSet = (name: string, over: Partial<PlanSpecInput> = {}): Partial<PlanSpecInput> => ({
    ...{ workloadRef: { kind: 'StatefulSet', name }, justification: 'its data may belong to another user' },
    ...over,
  });

  /** A plan that another person approves: whether its risk asks for that depends on what failed before. */
  async function agreed(name: string, over: Partial<PlanSpecInput>): Promise<void> {
    const plan = await apply(name, name, ofSet(name, { ...over, approval: { required: true } }));
    await untilAsked(name);
    await approve(plan);
  }

  /** A database of one pod, which keeps its journal to its own user; a Deployment names the claim in its template. */
  async function aVault(name: string, container: object = {}, path = SETS, replicas = 1): Promise<void> {
    const labels = { app: name };
    const isSet = path === SETS;
    const volumes = isSet ? [] : [{ name: 'data', persistentVolumeClaim: { claimName: `data-${name}-0` } }];
    const claims = { serviceName: name, volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: claimSpec }] };
    const app = {
      ...{ name: 'app', image: 'scc.poc/database:1', volumeMounts: [{ name: 'data', mountPath: '/data' }] },
      env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
      ...container,
    };
    const spec = { serviceAccountName: ACCOUNT, terminationGracePeriodSeconds: 5, volumes, containers: [app] };
    await running().api.create(path, {
      ...{ apiVersion: 'apps/v1', kind: isSet ? 'StatefulSet' : 'Deployment' },
      metadata: { name, namespace: NAMESPACE },
      spec: {
        ...{ replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
        ...(isSet ? claims : {}),
      },
    });
    await waitFor(
      async () => readySchema.parse(await running().api.get(`${path}/${name}`)).status.readyReplicas === replicas,
      { timeoutMs: 60_000, everyMs: 200, what: name },
    );
  }

  /** What somebody does with the data of a set by hand, as root under the old SCC. */
  async function byHand(set: string, script: string, nodeName?: string): Promise<void> {
    const name = `${set}-hand`;
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: `data-${set}-0` } }];
    const containers = [
      {
        ...{ name: 'hand', image: 'scc.poc/database:1', command: ['sh', '-c', script] },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ];
    await running().api.create(PODS, {
      metadata: { name, namespace: NAMESPACE, annotations: { 'openshift.io/required-scc': 'anyuid' } },
      spec: {
        serviceAccountName: ACCOUNT,
        restartPolicy: 'Never',
        volumes,
        containers,
        ...(nodeName ? { nodeName } : {}),
      },
    });
    const ended = async (): Promise<boolean> => {
      const { phase } = podSchema.parse(await running().api.get(`${PODS}/${name}`)).status;
      if (phase === 'Failed') throw new Error(`${script} failed`);
      return phase === 'Succeeded';
    };
    await waitFor(ended, { timeoutMs: 60_000, everyMs: 200, what: script });
    await running().api.call('DELETE', `${PODS}/${name}`);
    await gone(`${PODS}/${name}`);
  }

  const gone = (path: string) =>
    waitFor(
      () =>
        running()
          .api.get(path)
          .then(() => false)
          .catch(() => true),
      { timeoutMs: 60_000, everyMs: 200, what: `${path} gone` },
    );

  /** The kind that a snapshot controller serves, without one. */
  async function serveSnapshots(): Promise<void> {
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
    const names = { kind: 'VolumeSnapshot', plural: 'volumesnapshots', singular: 'volumesnapshot' };
    const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const name = `${names.plural}.snapshot.storage.k8s.io`;
    await running().api.create(crds, {
      ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
      metadata: { name, annotations: { 'api-approved.kubernetes.io': 'unapproved, for a test' } },
      spec: {
        ...{
          group: 'snapshot.storage.k8s.io',
          scope: 'Namespaced',
          names: { ...names, listKind: 'VolumeSnapshotList' },
        },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    });
    // Discovery names a new kind later than its objects can be listed.
    const discovered = (): Promise<unknown> =>
      running()
        .api.get('/apis/snapshot.storage.k8s.io/v1')
        .then((found) => JSON.stringify(found).includes(`"${names.plural}"`))
        .catch(() => false);
    await waitFor(discovered, { timeoutMs: 60_000, everyMs: 200, what: 'snapshots' });
    stops.push(() => running().api.call('DELETE', `${crds}/${name}`));
  }

  const journalPath = async (set: string): Promise<string> => {
    const { spec } = claimSchema.parse(await running().api.get(`${CLAIMS}/data-${set}-0`));
    return join(running().stateDir, 'storage', spec.volumeName, 'journal');
  };
  /** Owner and mode of what a set keeps. */
  async function journalOf(set: string): Promise<{ uid: number; gid: number; mode: string }> {
    const { uid, gid, mode } = await stat(await journalPath(set));
    return { uid, gid, mode: (mode & 0o777).toString(8) };
  }

  /** Owner and mode of the volume of a workload and of everything in it. */
  async function ownersOf(set: string): Promise<string[]> {
    const folder = dirname(await journalPath(set));
    const shown = async (name: string): Promise<string> => {
      const { uid, gid, mode } = await stat(join(folder, name));
      return `${name} ${uid}:${gid} ${(mode & 0o777).toString(8)}`;
    };
    return Promise.all(['', ...(await readdir(folder, { recursive: true })).toSorted()].map(shown));
  }

  /** A claim that user 1000 owns, and a database of that user which takes no data of another one; several pods share it. */
  async function anOwned(set: string, script = 'true', path = SETS, replicas = 1): Promise<void> {
    const accessModes = [replicas === 1 ? 'ReadWriteOnce' : 'ReadWriteMany'];
    await running().api.create(CLAIMS, {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', spec: { ...claimSpec, accessModes } },
      metadata: { name: `data-${set}-0`, namespace: NAMESPACE },
    });
    await byHand(set, `${script} && chown -R 1000:1000 /data`);
    const env = [
      { name: 'OWNER_ONLY', value: '0' },
      { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
    ];
    await aVault(set, { env, securityContext: { runAsUser: 1000 } }, path, replicas);
  }

  const stopping = ({ message = '' }: PlanStatus): boolean => /^(stopping|gave)/.test(message);
  const baking = ({ message = '' }: PlanStatus): boolean => message.includes('is watched for');

  /** The command that the refusal of a plan writes out. */
  async function commandOf(set: string, pattern: RegExp): Promise<string> {
    await apply(`${set}-refused`, set, ofSet(set));
    const { violations } = await untilPhase(`${set}-refused`, 'Rejected');
    expect(violations?.map(({ code }) => code)).toEqual(['DataOfAnotherUser']);
    const command = pattern.exec(violations?.[0]?.remedy ?? '')?.[1];
    if (command === undefined) throw new Error(`no command in: ${violations?.[0]?.remedy}`);
    return command;
  }

  describe('data that the storage gives to no group', () => {
    beforeAll(async () => {
      await storage('None');
      await running().apply(accountUnder('anyuid', NAMESPACE, ACCOUNT));
    });
    afterAll(() => Promise.all([storage('File'), ...stops.map((stop) => stop())]));

    it('is looked at by a census, kept in a snapshot, and used by the group of the migrated pods, while its owner stays', async () => {
      await aVault('vault');
      const volumes = { census: true, snapshot: {} };
      await apply('vault-early', 'vault', ofSet('vault', { volumes }));
      const { violations } = await untilPhase('vault-early', 'Rejected');
      expect(violations?.map(({ code }) => code)).toEqual(['SnapshotNotPossible']);
      await serveSnapshots();
      await agreed('vault', { volumes, grants: { source: 'Keep' } });
      const snapshot = `${SNAPSHOTS}/vault-data-vault-0`;
      const taken = async (): Promise<unknown> =>
        running()
          .api.get(snapshot)
          .catch(() => undefined);
      await waitFor(taken, { timeoutMs: 60_000, everyMs: 200, what: 'a snapshot' });
      expect((await pods('vault')).map(({ scc }) => scc)).toEqual(['anyuid']);
      await running().api.merge(snapshot, { status: { readyToUse: true } });
      const { warnings } = await untilPhase('vault', 'Completed');
      expect(warnings?.join()).toContain('a Job beside each looks at the files of data');
      const { gid, ...kept } = await journalOf('vault');
      expect([kept, gid > 0]).toEqual([{ uid: 0, mode: '660' }, true]);
      expect(await remains()).toEqual([]);
      expect(await specOf(snapshot)).toEqual({ source: { persistentVolumeClaimName: 'data-vault-0' } });
    });

    it('is let to the group by hand, by the command of the refusal', async () => {
      await aVault('cellar', { securityContext: { runAsUser: 0 } });
      const command = await commandOf('cellar', /sh -c '(.*?)'/);
      const { nodeName } = podSchema.parse(await running().api.get(`${PODS}/cellar-0`)).spec;
      await byHand('cellar', command, nodeName);
      await agreed('cellar', { ...accept, grants: { source: 'Keep' } });
      await untilPhase('cellar', 'Completed');
      expect(await journalOf('cellar')).toMatchObject({ uid: 0, mode: '660' });
    });

    it('is given to the new user by the plan while it is stopped, once that was approved, through the death of its worker, and back by its undo', async () => {
      await anOwned('loft', 'echo w-1 >/data/journal && chmod 600 /data/journal');
      const before = [await journalOf('loft'), await readFile(await journalPath('loft'), 'utf8')];
      const set = await specOf(`${SETS}/loft`);
      const over = ofSet('loft', { volumes: { ownerChange: 'WhileStopped' }, traffic: { interval: '0s' } });
      const allowed = async (plan: string, more: Partial<PlanSpecInput>) => {
        const applied = await apply(plan, 'loft', { ...over, ...more });
        await untilAsked(plan);
        await approve(applied);
      };
      await allowed('loft-back', { bake: '1h' });
      const { warnings } = await until('loft-back', baking, 'its bake');
      expect(warnings?.join()).toContain('all 1 pod of StatefulSet loft are stopped, which is an outage');
      const { uid, mode } = await journalOf('loft');
      expect([uid > 1_000_000, mode]).toEqual([true, '600']);
      await (await handleOf('loft-back')).signal('abort', { actor: 'ana' });
      await untilPhase('loft-back', 'RolledBack');
      expect([await journalOf('loft'), await readFile(await journalPath('loft'), 'utf8')]).toEqual(before);
      expect(await specOf(`${SETS}/loft`)).toEqual(set);
      expect((await pods('loft')).map(({ scc }) => scc)).toEqual(['anyuid']);
      await allowed('loft', { grants: { source: 'Keep' } });
      await until('loft', stopping, 'its stop');
      await running().part('worker').kill();
      await running().part('worker').start();
      const { pods: moved } = await untilPhase('loft', 'Completed');
      expect(moved).toEqual({ total: 1, migrated: 1, bySCC: { 'restricted-v2': 1 } });
      expect([(await journalOf('loft')).uid, await readFile(await journalPath('loft'), 'utf8')]).toEqual([
        uid,
        before[1],
      ]);
      expect(JSON.stringify(await running().api.get(`${SETS}/loft`))).not.toContain(STOPPED_ANNOTATION);
      expect(await remains()).toEqual([]);
      const jobs = `/apis/batch/v1/namespaces/${NAMESPACE}/jobs?labelSelector=scc.poc/role=gate`;
      expect((await running().api.list(jobs)).items).toEqual([]);
    });

    it('that the pods of a Deployment share is given to the new user while all of them are stopped, through the death of its worker, and all of it back by its undo', async () => {
      const files = 'mkdir -m 700 /data/log && echo w-1 >/data/journal && cp /data/journal /data/log/1';
      await anOwned('barn', `${files} && chmod 600 /data/journal`, DEPLOYMENTS, 2);
      const before = [await ownersOf('barn'), await readFile(await journalPath('barn'), 'utf8')];
      const deployment = await specOf(`${DEPLOYMENTS}/barn`);
      const applied = await apply('barn', 'barn', {
        ...{ justification: 'its data belongs to another user', volumes: { ownerChange: 'WhileStopped' as const } },
        ...{ traffic: { interval: '0s' }, bake: '1h' },
      });
      await untilAsked('barn');
      await approve(applied);
      await until('barn', stopping, 'its stop');
      await running().part('worker').kill();
      await running().part('worker').start();
      const { warnings, strategy } = await until('barn', baking, 'its bake');
      expect(strategy).toMatchObject({ type: 'Rolling' });
      expect(warnings?.join()).toContain('all 2 pods of Deployment barn are stopped, which is an outage');
      const { uid, mode } = await journalOf('barn');
      expect([uid > 1_000_000, mode]).toEqual([true, '600']);
      expect((await ownersOf('barn')).filter((file) => !file.includes(` ${uid}:`))).toEqual([]);
      expect((await pods('barn')).map(({ scc }) => scc)).toEqual(['restricted-v2', 'restricted-v2']);
      await (await handleOf('barn')).signal('abort', { actor: 'ana' });
      await untilPhase('barn', 'RolledBack');
      expect([await ownersOf('barn'), await readFile(await journalPath('barn'), 'utf8')]).toEqual(before);
      expect(await specOf(`${DEPLOYMENTS}/barn`)).toEqual(deployment);
      expect((await pods('barn')).map(({ scc }) => scc)).toEqual(['anyuid', 'anyuid']);
      expect(JSON.stringify(await running().api.get(`${DEPLOYMENTS}/barn`))).not.toContain(STOPPED_ANNOTATION);
      expect(await remains()).toEqual([]);
    });

    it('is given to the new user by hand while no pod runs, by the command of the refusal', async () => {
      await anOwned('attic');
      const remedy = await commandOf('attic', /^(.*)$/);
      const part = (pattern: RegExp): string => pattern.exec(remedy)?.[1] ?? '';
      const [note, command] = [part(/note the owners \((.*?) >owners\)/), part(/(chown -R \S+ \/data)/)];
      const giveBack = part(/give the owners back \((.*?) <owners\)/);
      await running().api.merge(`${SETS}/attic`, { spec: { replicas: 0 } });
      await gone(`${PODS}/attic-0`);
      const thereAndBack = `owners=$(${note}) && ${command} && echo "$owners" | ${giveBack}`;
      await byHand('attic', `${thereAndBack} && [ "$(${note})" = "$owners" ] && ${command}`);
      await agreed('attic', accept);
      await until('attic', (status) => condition(status, 'RunAwaited')?.status === 'True', 'its first pod awaited');
      await running().api.merge(`${SETS}/attic`, { spec: { replicas: 1 } });
      const { pods } = await untilPhase('attic', 'Completed');
      expect(pods).toEqual({ total: 1, migrated: 1, bySCC: { 'restricted-v2': 1 } });
      const { uid } = await journalOf('attic');
      expect(command).toContain(`chown -R ${uid}:`);
    });
  });
}
