import type { KubeObject, ObjectId } from '@scc/kube';
import type { MigrationActivities } from '@scc/migration/contract';
import { aTarget, aWorld } from '@scc/migration/testing';
import { endingWithNamespace, isGoing } from './going.js';

const namespace = (deletionTimestamp?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'shop', ...(deletionTimestamp ? { deletionTimestamp } : {}) },
});
const kubeWith = (object: KubeObject | undefined) => ({
  get: (id: ObjectId) => Promise.resolve(id.kind === 'Namespace' && id.name === 'shop' ? object : undefined),
});
const STATES: [string, KubeObject | undefined, boolean][] = [
  ['is there', namespace(), false],
  ['is being deleted', namespace('2026-11-24T00:00:00Z'), true],
  ['is gone', undefined, true],
];

/** Every activity fails, as all writes do in a namespace that takes none. */
const refusing = (): MigrationActivities => {
  const refuse = () => Promise.reject(new Error('403 the namespace is being terminated'));
  const names = Object.keys(aWorld().fx().act).map((name) => [name, refuse]);
  return Object.fromEntries(names) as MigrationActivities;
};
const target = aTarget();
const UNDO: [string, (act: MigrationActivities) => Promise<unknown>, unknown][] = [
  ['awaitStable', (act) => act.awaitStable(target), undefined],
  ['setMirror', (act) => act.setMirror(target, null), undefined],
  ['setWeights', (act) => act.setWeights(target, 0), { verifiedBy: 'bound' }],
  ['setWeights unlessDown', (act) => act.setWeights(target, 100, { unlessDown: true }), { verifiedBy: 'bound' }],
  ['restoreWorkload', (act) => act.restoreWorkload(target), []],
  ['restoreRoutes', (act) => act.restoreRoutes(target), []],
  ['restoreSourceGrant', (act) => act.restoreSourceGrant(target), undefined],
  ['removeCanary', (act) => act.removeCanary(target), undefined],
  ['withdrawTargetGrant', (act) => act.withdrawTargetGrant(target), undefined],
  ['compareWithPreImages', (act) => act.compareWithPreImages(target), ['Namespace/shop (it is being deleted)']],
];
const FORWARD: [string, (act: MigrationActivities) => Promise<unknown>][] = [
  ['createCanary', (act) => act.createCanary(target)],
  ['setMirror', (act) => act.setMirror(target, { percentage: 100, methods: 'Safe' })],
  ['setWeights', (act) => act.setWeights(target, 50)],
  ['migrateWorkload', (act) => act.migrateWorkload(target)],
];

describe.each(STATES)('a namespace that %s', (_state, object, going) => {
  const kube = kubeWith(object);
  const act = endingWithNamespace(refusing(), kube);

  it('is known as going or not', async () => {
    expect(await isGoing(kube, 'shop')).toBe(going);
  });

  it.each(UNDO)('holds up the undo only while it stays: %s', async (_name, step, answer) => {
    if (going) await expect(step(act)).resolves.toEqual(answer);
    else await expect(step(act)).rejects.toThrow('terminated');
  });

  it.each(FORWARD)('lets no forward step pass that was refused: %s', async (_name, step) => {
    await expect(step(act)).rejects.toThrow('terminated');
  });
});
