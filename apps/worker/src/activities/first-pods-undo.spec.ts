import { asyncLocalStorage } from '@temporalio/activity';
import type { KubeClient, KubeObject } from '@scc/kube';
import type { MigrationTarget } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { FIELD_MANAGER } from '@scc/plan';
import { contextOf } from './context.fixture.js';
import { firstPodsActivities, unreadyAfterUndo } from './first-pods.js';
import { orderedActivities } from './ordered.js';
import { perNodeActivities } from './per-node.js';
import { rollingActivities } from './rolling.js';

/** The template is back, and pods are ready under neither template: the undo ends all the same. */

const READY_MS = 60_000;
const labels = { app: 'ledger' };
const template = { metadata: { labels }, spec: { containers: [] } };
const BACK = { Deployment: rollingActivities, StatefulSet: orderedActivities, DaemonSet: perNodeActivities };
type Kind = keyof typeof BACK;
const KINDS = Object.keys(BACK) as Kind[];

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString();
const ownedBy = (kind: string, uid: string) => [{ apiVersion: 'apps/v1', kind, name: 'x', uid, controller: true }];

interface World {
  kind: Kind;
  writtenAgoMs?: number;
  /** Of its pod; null where there is none. */
  madeAgoMs?: number | null;
  hash?: string;
  isReady?: boolean;
}

function aWorld({ kind, writtenAgoMs = 0, madeAgoMs = 0, hash = 'old', isReady = false }: World) {
  const whole = aWholeTarget();
  const target: MigrationTarget = {
    ...whole,
    ...{ kind, strategy: 'NextRun', replicas: 0, readyMs: READY_MS, templateBefore: template, templateAfter: {} },
  };
  const metadata = { namespace: target.ref.namespace, labels };
  const available = isReady ? 1 : 0;
  const object: KubeObject = {
    ...{ apiVersion: 'apps/v1', kind },
    metadata: {
      ...metadata,
      ...{ name: target.workload, uid: target.workloadUid, generation: 1 },
      managedFields: [{ manager: FIELD_MANAGER, operation: 'Update', time: ago(writtenAgoMs) }],
    },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
    status: {
      ...{ observedGeneration: 1, replicas: 1, availableReplicas: available, updateRevision: 'old' },
      ...{ updatedReplicas: 1, currentRevision: 'old', desiredNumberScheduled: 1, numberAvailable: available },
    },
  };
  const reason = 'CrashLoopBackOff';
  const pod: KubeObject = {
    ...{ apiVersion: 'v1', kind: 'Pod' },
    metadata: {
      ...{ ...metadata, name: `${target.workload}-0`, uid: 'p0', creationTimestamp: ago(madeAgoMs ?? 0) },
      labels: { ...labels, 'controller-revision-hash': hash },
      ownerReferences: kind === 'Deployment' ? ownedBy('ReplicaSet', hash) : ownedBy(kind, target.workloadUid),
    },
    spec: {},
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      containerStatuses: [{ name: 'app', ready: isReady, state: { waiting: { reason } } }],
    },
  };
  const sets = (['old', 'new'] as const).map((name): KubeObject => ({
    ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet' },
    metadata: { name, uid: name, ownerReferences: ownedBy(kind, target.workloadUid) },
    spec: { replicas: 1, template: name === 'old' ? template : { ...template, spec: { containers: [{}] } } },
  }));
  const revision: KubeObject = {
    ...{ apiVersion: 'apps/v1', kind: 'ControllerRevision', revision: 2 },
    metadata: {
      name: 'r',
      labels: { 'controller-revision-hash': 'old' },
      ownerReferences: ownedBy(kind, target.workloadUid),
    },
  };
  const items: Record<string, KubeObject[]> = {
    ...{ Pod: madeAgoMs === null ? [] : [pod], ReplicaSet: sets, ControllerRevision: [revision] },
  };
  const deleted: string[] = [];
  const kube: Partial<KubeClient> = {
    get: () => Promise.resolve(object),
    list: ({ kind: listed }: { kind: string }) => Promise.resolve({ items: items[listed] ?? [], resourceVersion: '' }),
    delete: ({ name }: { name: string }) => {
      deleted.push(name);
      items['Pod'] = [];
      return Promise.resolve();
    },
  };
  const client = kube as KubeClient;
  const { awaitStable } = firstPodsActivities(client, () => BACK[kind](client));
  return {
    deleted,
    /** Begun so long ago that a round of it is over after its first look. */
    wait: () => asyncLocalStorage.run(contextOf({ agoMs: 10 * 60_000 }), () => awaitStable(target)),
    words: () => unreadyAfterUndo(client, target),
  };
}

const LATE = { writtenAgoMs: READY_MS + 1_000, madeAgoMs: READY_MS + 1_000 };

describe('the undo of a workload that had no pods', () => {
  it.each(KINDS)('ends when the pod of a %s has had its time, and names it with its cause', async (kind) => {
    const { wait, words } = aWorld({ kind, ...LATE });
    await wait();
    expect(await words()).toEqual([
      'pod ledger-0 is not ready under the template from before (container app: CrashLoopBackOff)',
    ]);
  });

  it.each(KINDS)('gives the pod of a %s its time first', async (kind) => {
    const started = aWorld({ kind, ...LATE, madeAgoMs: READY_MS - 10_000 });
    await expect(started.wait()).rejects.toMatchObject({ type: 'NotReady' });
    expect(await started.words()).toEqual([]);
    const written = aWorld({ kind, ...LATE, writtenAgoMs: READY_MS - 10_000 });
    await expect(written.wait()).rejects.toMatchObject({ type: 'NotReady' });
  });

  it.each(KINDS)('has nothing to say of a %s that is ready', async (kind) => {
    const { wait, words } = aWorld({ kind, ...LATE, isReady: true });
    await wait();
    expect(await words()).toEqual([]);
  });

  it.each(KINDS)('says of a %s that its pod is not there', async (kind) => {
    const { wait, words } = aWorld({ kind, ...LATE, madeAgoMs: null });
    await wait();
    expect(await words()).toEqual(['1 pod of ledger not there']);
  });

  it('replaces a broken pod of the migration before it ends, where the controller would not', async () => {
    const { wait, deleted } = aWorld({ kind: 'StatefulSet', ...LATE, hash: 'new' });
    await expect(wait()).rejects.toMatchObject({ type: 'NotReady' });
    expect(deleted).toEqual(['ledger-0']);
  });

  it('says of a Deployment that a pod of the migration stays', async () => {
    const { wait, words } = aWorld({ kind: 'Deployment', ...LATE, hash: 'new' });
    await wait();
    expect(await words()).toEqual(['pod ledger-0 still has the template of the migration']);
  });
});
