import { describe, expect, it } from '@jest/globals';
import { WORKLOAD_KINDS } from '@scc/plan';
import { defaultSCCs, type SecurityContextConstraints } from '@scc/scc';
import type { EntityManager } from 'typeorm';
import { contradictionsIn } from '../audit/authority-watch.js';
import { EVERYWHERE } from '../call/scope.js';
import { authorizeStep } from '../engine/authorize.js';
import { evaluatePlan } from '../engine/evaluate.js';
import { aRequest, at, holdsAnyRole, inTx, NOON, ownWorkload, row } from '../governance.fixture.js';
import type { PodObservation } from '../pods/observation.js';
import { findPods } from '../pods/queries.js';
import { type PodNews, reconcilePods, trackPods } from '../pods/tracking.js';
import { apiSuite } from '../suite.fixture.js';
import { recordActivations } from './activations.js';
import { enterObserved } from './observed.js';
import { mixturesOf } from './mixtures.js';
import { affectedBy, workloadAt, workloadHistory } from './queries.js';
import { unplannedChanges } from './unplanned.js';
import { confirmSCCs, observeSCC } from './versions.js';

/** The registry says what pods really run under, also when no plan explains it. */

const { database, test } = apiSuite();
const minute = (minutes: number): Date => new Date(Date.parse(NOON) + minutes * 60_000);

async function version(name: string, minutes: number, over: Partial<SecurityContextConstraints> = {}): Promise<string> {
  const found = defaultSCCs().find(({ metadata }) => metadata.name === name);
  if (!found) throw new Error(`no default ${name}`);
  const seen = await inTx(database.app, (tx) => observeSCC(tx, name, { ...found, ...over }, { at: minute(minutes) }));
  if (seen.version === null) throw new Error('an SCC that is there has a version');
  return seen.version;
}
const podOf = (owner: string, uid: string): PodObservation => ({
  ...{ uid, namespace: 'shop', name: uid, scc: null, subjectType: null, image: null, node: null, plan: null },
  ...{ ownerKind: 'Deployment', ownerName: owner },
});
const seen = (owner: string, uid: string, scc: string | null, minutes: number): PodNews => ({
  ...{ type: 'seen', pod: { ...podOf(owner, uid), scc }, at: minute(minutes) },
});
const gone = (uid: string, minutes: number): PodNews => ({ type: 'gone', uid, at: minute(minutes) });
const track = (...news: PodNews[]) => trackPods(database.app, news);
const enter = (minutes: number) => inTx(database.app, (tx) => enterObserved(tx, minute(minutes)));
const workload = (name: string) => ({ namespace: 'shop', kind: 'Deployment', name });
const historyOf = async (name: string) =>
  (await workloadHistory(database.app, workload(name))).map(({ scc, version: content, reason, activatedAt }) => ({
    ...{ scc, version: content, reason },
    activatedAt,
  }));

describe('the registry', () => {
  it('knows a workload that never had a plan, and sees a change by hand, with an entry in the audit log', async () => {
    const [narrow, wide] = [await version('restricted-v2', 0), await version('anyuid', 0)];
    await track(seen('hand', 'hand-1', 'restricted-v2', 1));
    await enter(2);
    const before = unplannedChanges().looser;
    await track(seen('hand', 'hand-2', 'anyuid', 10), gone('hand-1', 11));
    await enter(12);
    expect(await historyOf('hand')).toEqual([
      { scc: 'anyuid', version: wide, reason: 'changed', activatedAt: minute(10).toISOString() },
      { scc: 'restricted-v2', version: narrow, reason: 'observed', activatedAt: minute(1).toISOString() },
    ]);
    expect(await workloadAt(database.app, workload('hand'), minute(5))).toMatchObject({ scc: 'restricted-v2' });
    expect(await workloadAt(database.app, workload('hand'), minute(20))).toMatchObject({
      ...{ scc: 'anyuid', version: wide, planUid: null },
      observed: [{ scc: 'anyuid', version: wide, pods: 1 }],
    });
    expect(unplannedChanges().looser).toBe(before + 1);
    expect(
      await row(
        database.app,
        `select action, convert_from(body, 'UTF8')::json #>> '{details,relation}' as relation from audit_entry
         where object_kind = 'Deployment' and object_name = 'hand' order by id desc`,
      ),
    ).toEqual({ action: 'workload.sccChanged', relation: 'wider' });
    const actions = `select string_agg(action, ' ' order by id) as actions from audit_entry where object_name = 'hand'`;
    expect(await row(database.app, actions)).toEqual({ actions: 'workload.sccObserved workload.sccChanged' });
    expect(await enter(13)).toBe(0);
  });

  it('says both, with counts, while a rollout is under way', async () => {
    await version('restricted-v2', 0);
    await track(
      seen('mixed', 'mixed-1', 'restricted-v2', 1),
      seen('mixed', 'mixed-2', 'restricted-v2', 1),
      seen('mixed', 'mixed-3', 'nonroot', 2),
    );
    expect((await workloadAt(database.app, workload('mixed'), minute(3)))?.observed).toMatchObject([
      { scc: 'restricted-v2', pods: 2 },
      { scc: 'nonroot', pods: 1 },
    ]);
  });

  it('keeps in the history when several contents ran side by side, with their numbers', async () => {
    const [narrow, wide] = [await version('restricted-v2', 0), await version('nonroot', 0)];
    await track(seen('rolled', 'rolled-1', 'restricted-v2', 1), seen('rolled', 'rolled-2', 'restricted-v2', 1));
    await track(seen('rolled', 'rolled-3', 'nonroot', 5), gone('rolled-1', 6));
    await track(gone('rolled-2', 7));
    const { body } = await test.call('vera/viewer', 'GET', '/v1/workloads/shop/Deployment/rolled/history');
    const [before, after] = [
      { scc: 'restricted-v2', version: narrow },
      { scc: 'nonroot', version: wide },
    ];
    expect(body).toMatchObject({
      mixtures: [
        { from: minute(6).toISOString(), to: minute(7).toISOString(), pods: [{ pods: 1 }, { pods: 1 }] },
        {
          ...{ from: minute(5).toISOString(), to: minute(6).toISOString() },
          pods: [
            { ...before, pods: 2 },
            { ...after, pods: 1 },
          ],
        },
      ],
    });
  });

  it('tells of pods that permit more beside others, once, before the others are gone', async () => {
    await version('restricted-v2', 0);
    await version('anyuid', 0);
    await track(seen('stuck', 'stuck-1', 'restricted-v2', 1));
    await enter(2);
    await track(seen('stuck', 'stuck-2', 'anyuid', 3));
    const before = unplannedChanges().looser;
    await enter(4);
    await enter(5);
    expect(unplannedChanges().looser).toBeGreaterThan(before);
    expect(await historyOf('stuck')).toHaveLength(1);
    expect(
      await row(
        database.app,
        `select count(*)::int as entries from audit_entry where action = 'workload.sccMixed' and object_name = 'stuck'
         and convert_from(body, 'UTF8')::json #>> '{details,to,scc}' = 'anyuid'`,
      ),
    ).toEqual({ entries: 1 });
  });

  it('says since when a pod runs that was started while nobody watched', async () => {
    const [early, late] = [
      await version('hostnetwork', 0),
      await version('hostnetwork', 20, { allowHostPorts: false }),
    ];
    const createdAt = minute(10).toISOString();
    const news = (pod: PodNews): PodNews => (pod.type === 'seen' ? { ...pod, pod: { ...pod.pod, createdAt } } : pod);
    await track(news(seen('missed', 'missed-1', 'hostnetwork', 30)), seen('missed', 'missed-2', 'hostnetwork', 30));
    expect((await workloadAt(database.app, workload('missed'), minute(9.99)))?.scc).toBeUndefined();
    expect(await workloadAt(database.app, workload('missed'), minute(10))).toMatchObject({ version: early });
    expect((await workloadAt(database.app, workload('missed'), minute(30)))?.observed).toEqual(
      expect.arrayContaining([
        { scc: 'hostnetwork', version: early, pods: 1, mayHaveEnded: 0 },
        { scc: 'hostnetwork', version: late, pods: 1, mayHaveEnded: 0 },
      ]),
    );
  });

  it('puts a pod right that was written before the SCC that it was started under', async () => {
    const first = await version('hostmount-anyuid', 0);
    await track(seen('raced', 'raced-1', 'hostmount-anyuid', 5));
    const second = await version('hostmount-anyuid', 4, { allowHostPorts: true });
    expect((await workloadAt(database.app, workload('raced'), minute(5)))?.version).toBe(first);
    await enter(6);
    expect((await workloadAt(database.app, workload('raced'), minute(5)))?.version).toBe(second);
  });

  it('says so of pods that run under no SCC', async () => {
    await track(seen('unbound', 'unbound-1', null, 1));
    expect(await workloadAt(database.app, workload('unbound'), minute(2))).toMatchObject({
      scc: null,
      observed: [{ scc: null, pods: 1 }],
    });
  });

  it('names the content under which a pod was started, not the one of now', async () => {
    const first = await version('hostaccess', 0);
    await track(seen('edited', 'edited-1', 'hostaccess', 1));
    await enter(2);
    const second = await version('hostaccess', 5, { allowHostPorts: false });
    await enter(6);
    expect(await workloadAt(database.app, workload('edited'), minute(7))).toMatchObject({ version: first });
    expect(await affectedBy(database.app, second, EVERYWHERE)).toEqual({ workloads: [], pods: 0 });
    expect(await affectedBy(database.app, first, EVERYWHERE)).toMatchObject({
      workloads: [{ name: 'edited' }],
      pods: 1,
    });
    await track(gone('edited-1', 10), seen('edited', 'edited-2', 'hostaccess', 10));
    await enter(11);
    expect(await historyOf('edited')).toMatchObject([
      { version: second, reason: 'sccEdited' },
      { version: first, reason: 'observed' },
    ]);
    expect(await affectedBy(database.app, second, EVERYWHERE)).toMatchObject({
      workloads: [{ name: 'edited' }],
      pods: 1,
    });
  });

  it('leaves a workload alone while a plan has it', async () => {
    await version('restricted-v2', 0);
    await track(seen('claimed', 'claimed-1', 'restricted-v2', 1));
    await enter(2);
    const request = aRequest(ownWorkload('claimed'));
    await inTx(database.app, async (tx) => {
      const { contentHash } = await evaluatePlan(tx, request, at(NOON));
      const step = { step: 'Prepare', contentHash, detail: '' } as const;
      await authorizeStep(tx, request.plan.uid, step, { ...at(NOON), holds: holdsAnyRole });
    });
    await track(seen('claimed', 'claimed-2', 'anyuid', 5), gone('claimed-1', 6));
    await enter(7);
    expect(await historyOf('claimed')).toHaveLength(1);
  });

  it('ends the entry of a workload whose pods are gone', async () => {
    await track(seen('deleted', 'deleted-1', 'restricted-v2', 1));
    await enter(2);
    await track(gone('deleted-1', 10));
    await enter(10.5);
    expect((await workloadHistory(database.app, workload('deleted')))[0]).toMatchObject({ deactivatedAt: null });
    await enter(12);
    expect((await workloadHistory(database.app, workload('deleted')))[0]).toMatchObject({
      deactivatedAt: minute(10).toISOString(),
    });
    expect(await workloadAt(database.app, workload('deleted'), minute(15))).toBeUndefined();
  });

  it('says between which times a workload ended whose last pod was gone when governance looked again', async () => {
    await track(seen('unwatched', 'unwatched-1', 'restricted-v2', 1));
    await enter(2);
    await track(seen('unwatched', 'unwatched-2', 'anyuid', 2.5), seen('unwatched', 'unwatched-1', 'restricted-v2', 3));
    const others = await findPods(database.app, { running: true }, { limit: 500, after: null, scope: EVERYWHERE });
    const present = others.filter(({ owner }) => owner?.name !== 'unwatched').map(({ uid }) => uid);
    await reconcilePods(database.app, present, minute(30));
    await enter(32);
    expect((await workloadHistory(database.app, workload('unwatched'))).at(0)).toMatchObject({
      deactivatedAt: minute(30).toISOString(),
      deactivatedAfter: minute(3).toISOString(),
    });
    const early = (await workloadAt(database.app, workload('unwatched'), minute(2.5)))?.observed;
    expect(early?.map(({ mayHaveEnded }) => mayHaveEnded)).toEqual([0, 0]);
    const during = (await workloadAt(database.app, workload('unwatched'), minute(10)))?.observed;
    expect(during?.map(({ mayHaveEnded }) => mayHaveEnded)).toEqual([1, 1]);
    expect((await mixturesOf(database.app, workload('unwatched')))[0]).toMatchObject({
      to: minute(30).toISOString(),
      toAfter: minute(2.5).toISOString(),
    });
  });

  it('makes no version of labels and annotations', async () => {
    const plain = await version('nonroot-v2', 0);
    const metadata = { name: 'nonroot-v2', labels: { team: 'a' }, annotations: { note: 'b' } };
    expect(await version('nonroot-v2', 1, { metadata })).toBe(plain);
  });
});

describe('a question about the registry', () => {
  const ask = async (path: string) => (await test.call('vera/viewer', 'GET', `/v1/${path}`)).status;

  it.each([
    ['of the future', 'workloads/shop/Deployment/hand/scc?at=2999-01-01T00:00:00Z', 400],
    ['about a workload that was never seen', 'workloads/shop/Deployment/nobody/history', 404],
    ['about an SCC that was never seen', 'scc-versions?name=nobody', 404],
    ['about a version that does not exist', 'scc-versions/999999/affected', 404],
    ['that can be answered', 'workloads/shop/Deployment/hand/history', 200],
  ])('%s is answered with its status', async (_what, path, status) => {
    expect(await ask(path)).toBe(status);
  });
});

describe.each(WORKLOAD_KINDS)('a %s that a plan has moved', (kind) => {
  it('is found with what it ran under', async () => {
    const moved = { namespace: 'shop', kind, name: 'of-each-kind' };
    const activation = {
      key: `w/${kind}`,
      scc: 'restricted-v2',
      at: minute(1).toISOString(),
      reason: 'migrated' as const,
    };
    const request = aRequest(ownWorkload(`of-each-${kind.toLowerCase()}`));
    await inTx(database.app, (tx) => evaluatePlan(tx, request, at(NOON)));
    await inTx(database.app, (tx) =>
      recordActivations(tx, { workload: moved, planUid: request.plan.uid, actor: 'ana', activations: [activation] }),
    );
    const ask = (what: string) => test.call('vera/viewer', 'GET', `/v1/workloads/shop/${kind}/of-each-kind/${what}`);
    expect(await ask('history')).toMatchObject({ status: 200, body: { items: [{ scc: 'restricted-v2' }] } });
    expect(await ask(`scc?at=${minute(2).toISOString()}`)).toMatchObject({
      status: 200,
      body: { scc: 'restricted-v2' },
    });
  });
});

describe('an SCC that was edited while nothing followed the cluster', () => {
  it('leaves open which content a pod has that was started meanwhile', async () => {
    const first = await version('nonroot-v2', 0);
    await confirmSCCs(database.app, minute(10));
    await track(seen('gap-early', 'gap-1', 'nonroot-v2', 5), seen('gap', 'gap-2', 'nonroot-v2', 30));
    const found = defaultSCCs().find(({ metadata }) => metadata.name === 'nonroot-v2')!;
    const edited = { ...found, allowHostPorts: true };
    const after = { at: minute(60), wasFollowed: false };
    const { version: second, unseenFrom } = await inTx(database.app, (tx) =>
      observeSCC(tx, 'nonroot-v2', edited, after),
    );
    expect(unseenFrom).toEqual(minute(10));
    await track(seen('gap-late', 'gap-3', 'nonroot-v2', 61));
    const uncertainOf = async (name: string) => (await workloadAt(database.app, workload(name), minute(90)))?.uncertain;
    expect(await uncertainOf('gap')).toEqual({
      from: minute(10).toISOString(),
      to: minute(60).toISOString(),
      versions: [first, second],
    });
    expect([await uncertainOf('gap-early'), await uncertainOf('gap-late')]).toEqual([null, null]);
  });
});

describe('every row of the registry', () => {
  const differing = async (tx: EntityManager) =>
    (await contradictionsIn(tx)).filter(({ table }) => table === 'scc_activation').map(({ fault }) => fault);

  it('has its entry in the audit log, which shows when its times are moved', async () => {
    class Undone extends Error {}
    const attack = database.admin.transaction(async (tx) => {
      expect(await differing(tx)).toEqual([]);
      await tx.query(
        `update scc_activation set activated_at = activated_at - interval '1 day' where name = 'hand' and scc = 'anyuid'`,
      );
      expect(await differing(tx)).toEqual(['row-differs']);
      throw new Undone();
    });
    await expect(attack).rejects.toBeInstanceOf(Undone);
  });
});
