import type { KubeClient, KubeObject } from '@scc/kube';
import { aSpec, aWholeTarget } from '@scc/migration/testing';
import { FIELD_MANAGER, PLAN_TYPE, planStatusSchema } from '@scc/plan';
import { afterwardsOf } from '../assess/source.js';
import { changeOf, lookAfterWith, revokeLaterWith } from './after.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const PIN = 'openshift.io/required-scc';
const wanted = { kind: 'Deployment', name: 'ledger', targetSCC: 'restricted-v2' };

const workload = (scc: string | null, managers: [string, string][] = [], labels = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {
    ...{ namespace: 'shop', name: 'ledger', labels },
    managedFields: managers.map(([manager, time]) => ({ manager, time })),
  },
  spec: { template: { metadata: { annotations: scc === null ? {} : { [PIN]: scc } } } },
});

describe('the change of a workload whose migration is over', () => {
  const engine: [string, string] = [FIELD_MANAGER, '2026-11-28T10:00:00Z'];
  const argo: [string, string] = ['argocd-controller', '2026-11-28T11:00:00Z'];
  it.each<[string, KubeObject | undefined, ReturnType<typeof changeOf>['state'], RegExp | null]>([
    ['lasts', workload('restricted-v2', [engine]), 'lasting', null],
    ['lasts, whatever else a tool writes', workload('restricted-v2', [engine, argo]), 'lasting', null],
    ['was taken back by a tool', workload(null, [engine, argo]), 'drifted', /^argocd-controller .*no longer asks/],
    [
      'was taken back by a tool that is known',
      workload('anyuid', [engine, argo], { 'argocd.argoproj.io/instance': 'shop' }),
      'drifted',
      /^argocd-controller \(Argo CD\) .*asks for anyuid instead of restricted-v2/,
    ],
    [
      'was taken further by another plan',
      workload('nonroot-v2', [argo, [FIELD_MANAGER, '2026-11-28T12:00:00Z']]),
      'over',
      null,
    ],
    ['went with its workload', undefined, 'over', null],
  ])('%s', (_case, object, state, message) => {
    const change = changeOf(object, wanted);
    expect(change.state).toBe(state);
    if (message) expect('message' in change && change.message).toMatch(message);
  });
});

describe('what is looked after', () => {
  const delivered = { labels: { 'argocd.argoproj.io/instance': 'shop' } };
  const DAY_MS = 86_400_000;
  it.each<[string, KubeObject['metadata'], Parameters<typeof aSpec>[0], ReturnType<typeof afterwardsOf>]>([
    ['nothing, where nothing is delivered and the grant goes at once', {}, {}, undefined],
    ['the grant for a day, where a tool delivers', delivered, {}, { revokeMs: DAY_MS }],
    ['the grant for as long as the plan says', {}, { grants: { revokeAfter: '90s' } }, { revokeMs: 90_000 }],
    [
      'the change alone, where the grant goes at once',
      delivered,
      { grants: { revokeAfter: '0s' } },
      { revokeMs: null },
    ],
    ['the change alone, where the grant stays', delivered, { grants: { source: 'Keep' } }, { revokeMs: null }],
    ['nothing, where the grant stays', {}, { grants: { source: 'Keep', revokeAfter: '1h' } }, undefined],
  ])('%s', (_case, metadata, spec, expected) => {
    expect(afterwardsOf(metadata, aSpec(spec))).toEqual(expected);
  });
});

/** A cluster with one plan that has completed, and its workload. */
function aCluster(object: KubeObject, phase = 'Completed') {
  const plan: KubeObject = {
    ...PLAN_TYPE,
    metadata: { ...ref, resourceVersion: '1' },
    spec: aSpec(),
    status: { phase, sequence: 7, conditions: [] },
  };
  const cluster = { plan, object, events: [] as string[], writes: 0 };
  const kube = Object.assign(Object.create(null) as KubeClient, {
    get: ({ kind }: { kind: string }) => Promise.resolve(kind === 'Deployment' ? cluster.object : cluster.plan),
    applyStatus: (written: KubeObject) => {
      cluster.writes++;
      cluster.plan = { ...cluster.plan, status: written['status'] };
      return Promise.resolve(cluster.plan);
    },
    recordEvent: ({ type, reason }: { type: string; reason: string }) => {
      cluster.events.push(`${type} ${reason}`);
      return Promise.resolve();
    },
  });
  const statusOf = () => planStatusSchema.parse(cluster.plan['status']);
  const said = (type: string) => (statusOf().conditions ?? []).find((one) => one.type === type);
  return { cluster, kube, statusOf, said };
}

describe('lookAfter', () => {
  it('says once who took the change back, and that it is there again', async () => {
    const { cluster, kube, statusOf, said } = aCluster(workload(null, [['argocd-controller', '2026-11-28T11:00:00Z']]));
    const look = lookAfterWith(kube);
    expect([await look(ref), await look(ref)]).toEqual(['drifted', 'drifted']);
    expect(said('Drifted')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('argocd-controller') as unknown,
    });
    expect(statusOf()).toMatchObject({ phase: 'Completed' });
    expect(statusOf().sequence).toBeGreaterThan(7);
    expect([cluster.writes, cluster.events]).toEqual([1, ['Warning Reverted']]);
    cluster.object = workload('restricted-v2');
    expect([await look(ref), await look(ref)]).toEqual(['lasting', 'lasting']);
    expect(said('Drifted')).toMatchObject({ status: 'False', reason: 'Restored' });
    expect(cluster.writes).toBe(2);
  });

  it('keeps the time since when a change is taken back, whoever takes it back next', async () => {
    const { cluster, kube, statusOf, said } = aCluster(workload(null, [['argocd-controller', '2026-11-28T11:00:00Z']]));
    const since = '2026-11-28T12:00:00.000Z';
    await lookAfterWith(kube)(ref);
    const { conditions = [] } = statusOf();
    const earlier = conditions.map((one) => ({ ...one, lastTransitionTime: since }));
    cluster.plan = { ...cluster.plan, status: { ...statusOf(), conditions: earlier } };
    cluster.object = workload(null, [['helm', '2026-11-28T13:00:00Z']]);
    await lookAfterWith(kube)(ref);
    expect(said('Drifted')).toMatchObject({
      lastTransitionTime: since,
      message: expect.stringContaining('helm') as unknown,
    });
  });

  it('writes nothing of a plan that is gone, that runs, or whose name is another one now', async () => {
    const running = aCluster(workload(null), 'Migrating');
    expect(await lookAfterWith(running.kube)(ref)).toBe('over');
    const { cluster, kube } = aCluster(workload(null));
    expect(await lookAfterWith(kube)({ ...ref, uid: 'u2' })).toBe('over');
    expect([running.cluster.writes, cluster.writes]).toEqual([0, 0]);
  });
});

describe('revokeLater', () => {
  const target = { ...aWholeTarget(), ref };
  it('revokes what has lasted, and says what was revoked or why it stays', async () => {
    const lasting = aCluster(workload('restricted-v2'));
    const revoke = () => Promise.resolve({ bindings: ['anyuid-ledger'], kept: null });
    expect(await revokeLaterWith(lasting.kube, revoke)(target)).toEqual({ bindings: ['anyuid-ledger'], kept: null });
    expect(lasting.said('SourceRevoked')).toMatchObject({
      status: 'True',
      message: expect.stringContaining('anyuid-ledger') as unknown,
    });
    const needed = aCluster(workload('restricted-v2'));
    await revokeLaterWith(needed.kube, () => Promise.resolve({ bindings: [], kept: 'CronJob report may need anyuid' }))(
      target,
    );
    expect(needed.said('SourceRevoked')).toMatchObject({ status: 'False', reason: 'Kept' });
  });

  it('leaves the grant of what nobody has seen run', async () => {
    const { cluster, kube, said } = aCluster(workload('restricted-v2'));
    const unseen = { type: 'WorkloadMigrated', status: 'False', reason: 'NotObserved', message: 'm' };
    const conditions = [{ ...unseen, lastTransitionTime: '2026-11-28T12:00:00.000Z' }];
    cluster.plan = { ...cluster.plan, status: { phase: 'Completed', conditions } };
    const unasked = () => Promise.reject(new Error('nothing is revoked here'));
    expect(await revokeLaterWith(kube, unasked)(target)).toMatchObject({ bindings: [] });
    expect(said('SourceRevoked')).toMatchObject({
      ...{ status: 'False', reason: 'Kept' },
      message: expect.stringContaining('nothing had run under restricted-v2') as unknown,
    });
  });

  it('takes nothing from pods that run under the old SCC again', async () => {
    const { kube } = aCluster(workload('anyuid', [['kubectl', '2026-11-28T11:00:00Z']]));
    const unasked = () => Promise.reject(new Error('nothing is revoked here'));
    await expect(revokeLaterWith(kube, unasked)(target)).rejects.toMatchObject({ type: 'Refused' });
  });
});
