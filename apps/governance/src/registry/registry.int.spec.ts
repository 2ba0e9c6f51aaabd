import { describe, expect, it } from '@jest/globals';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import { EVERYWHERE } from '../call/scope.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, inTx, NOON, ownWorkload, row } from '../governance.fixture.js';
import { governanceSuite } from '../suite.fixture.js';
import { type Activation, recordActivations } from './activations.js';
import { affectedBy, driftFromDefaults, versionsOf, workloadAt } from './queries.js';
import { observeSCC } from './versions.js';

const database = governanceSuite();

const scc = (name: string, over: Partial<SecurityContextConstraints> = {}): SecurityContextConstraints => {
  const found = defaultSCCs().find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`no default ${name}`);
  return { ...found, ...over };
};
const minute = (minutes: number): Date => new Date(Date.parse(NOON) + minutes * 60_000);
const observe = (name: string, content: SecurityContextConstraints | null, minutes: number) =>
  inTx(database.app, (tx) => observeSCC(tx, name, content, { at: minute(minutes) }));

const NOTHING = { changed: false, presence: null, ended: null };

describe('observeSCC', () => {
  it('makes every distinct content a version, and knows one that comes back', async () => {
    const first = await observe('nonroot', scc('nonroot'), 0);
    expect(await observe('nonroot', scc('nonroot'), 1)).toEqual({ ...first, ...NOTHING });
    const second = await observe('nonroot', scc('nonroot', { allowHostPorts: true }), 2);
    expect(second.version).not.toBe(first.version);
    expect(await observe('nonroot', scc('nonroot'), 3)).toMatchObject({ version: first.version, changed: true });
    expect(await observe('nonroot', null, 4)).toMatchObject({ version: null, changed: true });
    expect(await versionsOf(database.app, 'nonroot')).toHaveLength(2);
  });

  it('ignores what the API server writes', async () => {
    const plain = scc('hostaccess');
    const first = await observe('hostaccess', plain, 0);
    const touched = { ...plain, metadata: { ...plain.metadata, resourceVersion: '7', uid: 'u', managedFields: [] } };
    expect(await observe('hostaccess', touched, 1)).toEqual({ ...first, ...NOTHING });
  });

  it('counts once when two watchers see it at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => observe('anyuid', scc('anyuid'), 0)));
    expect(
      await row(
        database.app,
        `select count(*)::int as present from scc_presence where name = 'anyuid' and present_to is null`,
      ),
    ).toEqual({ present: 1 });
  });
});

describe('driftFromDefaults', () => {
  it('says how the SCCs of the cluster differ', async () => {
    await observe('privileged', scc('privileged'), 0);
    await observe('restricted', scc('restricted', { allowPrivilegedContainer: true }), 0);
    await observe('own', scc('restricted', { metadata: { name: 'own' } }), 0);
    const drift = new Map((await driftFromDefaults(database.app)).map((entry) => [entry.name, entry]));
    expect(drift.get('privileged')).toMatchObject({ relation: 'equal', changedFields: [] });
    expect(drift.get('restricted')).toMatchObject({ relation: 'wider', changedFields: ['allowPrivilegedContainer'] });
    expect(drift.get('own')).toMatchObject({ relation: 'custom' });
  });
});

describe('the registry', () => {
  const workload = { namespace: 'shop', kind: 'Deployment', name: 'ledger' };
  const activation = (minutes: number, name: string, reason: Activation['reason']): Activation => ({
    key: `w/r/${minutes}`,
    scc: name,
    at: minute(minutes).toISOString(),
    reason,
  });
  const enter = (uid: string, ...activations: Activation[]) =>
    inTx(database.app, (tx) => recordActivations(tx, { workload, planUid: uid, actor: 'ana', activations }));

  it('answers under which version a workload ran at a time, in any order of the news', async () => {
    await observe('restricted-v2', scc('restricted-v2'), 5);
    const request = aRequest(ownWorkload('ledger'));
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    const { uid } = request.plan;
    await enter(uid, activation(30, 'restricted-v2', 'restored'));
    await enter(uid, activation(10, 'anyuid', 'observed'), activation(20, 'nonroot', 'migrated'));
    await enter(uid, activation(20, 'nonroot', 'migrated'));
    const at15 = await workloadAt(database.app, workload, minute(15));
    const at40 = await workloadAt(database.app, workload, minute(40));
    expect(await workloadAt(database.app, workload, minute(9))).toBeUndefined();
    expect(at15).toMatchObject({ scc: 'anyuid', deactivatedAt: minute(20).toISOString(), actor: 'ana', planUid: uid });
    expect(at40).toMatchObject({ scc: 'restricted-v2', deactivatedAt: null });
    const [version] = await versionsOf(database.app, 'restricted-v2');
    expect(at40?.version).toBe(version?.id);
    expect((await affectedBy(database.app, version?.id ?? '', EVERYWHERE)).workloads).toMatchObject([
      { name: 'ledger' },
    ]);
  });

  it('cannot hold two active entries of a workload', async () => {
    await expect(
      database.app.query(
        `insert into scc_activation (namespace, kind, name, scc, reason, source_key, activated_at)
         values ('shop', 'Deployment', 'ledger', 'anyuid', 'migrated', 'another', now())`,
      ),
    ).rejects.toThrow('scc_activation_now');
  });
});
