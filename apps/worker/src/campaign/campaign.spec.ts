import { describe, expect, it } from '@jest/globals';
import { KubeError, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { AUTHOR_ANNOTATION, CAMPAIGN_TYPE, type CampaignSpecInput, type CampaignStatus, PLAN_TYPE } from '@scc/plan';
import { createPlan, outcomesOf } from './plans.js';
import { CampaignUnreadable, readCampaign, type ReadCampaign } from './read.js';
import { reported } from './status.js';

const ref = { name: 'fleet', uid: 'f1' };
const HASH = 'a'.repeat(64);
const place = { namespace: 'shop', kind: 'Deployment', name: 'ledger' };
const member = { ...place, serviceAccount: 'ledger', targetSCC: 'restricted-v2', risk: 1 };
const board = (state: 'Waiting' | 'Running' = 'Waiting'): CampaignStatus => ({
  waves: [
    { hash: HASH, workloads: [{ ...member, state }] },
    { hash: 'b'.repeat(64), workloads: [{ ...member, name: 'orders', state: 'Waiting' }] },
  ],
});
const aCampaign = (spec: CampaignSpecInput = {}, metadata: object = {}): KubeObject => ({
  ...CAMPAIGN_TYPE,
  metadata: { ...ref, generation: 3, annotations: { [AUTHOR_ANNOTATION]: 'ana' }, ...metadata },
  spec: { selector: {}, ...spec },
  status: board(),
});

/** A cluster of campaigns and plans, in memory. */
function aCluster(...objects: KubeObject[]) {
  const kept = new Map<string, KubeObject>();
  const keyOf = ({ kind, namespace = '', name = '' }: Partial<ObjectId> & { kind: string }): string =>
    `${kind}/${namespace}/${name}`;
  const put = (object: KubeObject): void => {
    const { namespace, name } = object.metadata;
    kept.set(keyOf({ kind: object.kind, ...(namespace ? { namespace } : {}), ...(name ? { name } : {}) }), object);
  };
  objects.forEach(put);
  const kube: Pick<KubeClient, 'get' | 'create' | 'list'> = {
    get: (id) => Promise.resolve(kept.get(keyOf(id))),
    create: (object) => {
      const { namespace = '', name = '' } = object.metadata;
      if (kept.has(keyOf({ kind: object.kind, namespace, name })))
        return Promise.reject(new KubeError(409, { reason: 'AlreadyExists', message: 'there is one' }));
      put(object);
      return Promise.resolve(object);
    },
    list: ({ kind }) =>
      Promise.resolve({ items: [...kept.values()].filter((one) => one.kind === kind), resourceVersion: '1' }),
  };
  return {
    kube: kube as KubeClient,
    put,
    plans: () => [...kept.values()].filter(({ kind }) => kind === PLAN_TYPE.kind),
  };
}
async function read(object: KubeObject): Promise<ReadCampaign> {
  const campaign = await readCampaign(aCluster(object).kube, ref);
  if (!campaign) throw new Error('there is no campaign');
  return campaign;
}

describe('a campaign that is read', () => {
  it.each<[string, object]>([
    ['has another uid', { uid: 'f2' }],
    ['is being deleted', { deletionTimestamp: '2026-11-29T10:00:00Z' }],
  ])('is gone when it %s', async (_case, metadata) => {
    expect(await readCampaign(aCluster(aCampaign({}, metadata)).kube, ref)).toBeUndefined();
  });

  it('says what is wrong with a spec that admission did not check', async () => {
    const { kube } = aCluster(aCampaign({ workloads: [{ ...place, kind: 'Deployment' }] }));
    await expect(readCampaign(kube, ref)).rejects.toThrow(CampaignUnreadable);
  });
});

describe('the plan of a workload', () => {
  it('is created once, however often it is asked for, and carries the marks of its campaign', async () => {
    const { kube, plans } = aCluster();
    const campaign = await read(aCampaign({ template: { canary: { replicas: 1 } } }));
    const made = await createPlan(kube, ref, campaign, { ...place, attempt: 1 });
    expect(await createPlan(kube, ref, campaign, { ...place, attempt: 1 })).toEqual(made);
    expect(plans()).toMatchObject([
      {
        metadata: {
          namespace: 'shop',
          labels: { 'scc.poc/campaign': 'fleet' },
          annotations: {
            'scc.poc/campaign-name': 'fleet',
            'scc.poc/campaign-uid': 'f1',
            'scc.poc/campaign-author': 'ana',
          },
        },
        spec: {
          workloadRef: { kind: 'Deployment', name: 'ledger' },
          targetSCC: 'restricted-v2',
          canary: { replicas: 1 },
        },
      },
    ]);
  });

  it('has another name in another attempt', async () => {
    const { kube, plans } = aCluster();
    await createPlan(kube, ref, await read(aCampaign()), { ...place, attempt: 1 });
    await createPlan(kube, ref, await read(aCampaign({ attempt: 2 })), { ...place, attempt: 2 });
    expect(new Set(plans().map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  const approved = (by: string, hash = HASH): CampaignSpecInput => ({
    approval: { required: true },
    approvals: [{ wave: 1, hash, by }],
  });
  it.each<[string, CampaignSpecInput, object, RegExp]>([
    ['of a workload that is not on the board', {}, { name: 'secret' }, /not on the board/],
    ['of an attempt that is not asked for', {}, { attempt: 2 }, /attempt 2 is not the attempt 1/],
    ['of an aborted campaign', { abort: true }, {}, /aborted/],
    ['of a wave that is not approved', { approval: { required: true } }, {}, /wave 1 is not approved/],
    ['of a wave of which another set is approved', approved('bob', 'c'.repeat(64)), {}, /wave 1 is not approved/],
    ['of a wave that its author approved', approved('ana'), {}, /wave 1 is not approved/],
  ])('%s is not created, whatever a workflow asks for', async (_case, spec, over, why) => {
    const { kube, plans } = aCluster();
    const made = await createPlan(kube, ref, await read(aCampaign(spec)), { ...place, attempt: 1, ...over });
    expect('refused' in made && made.refused).toMatch(why);
    expect(plans()).toEqual([]);
  });

  it('of an approved wave is created', async () => {
    const { kube } = aCluster();
    expect(
      await createPlan(kube, ref, await read(aCampaign(approved('bob'))), { ...place, attempt: 1 }),
    ).toHaveProperty('plan');
  });

  it('is refused where its name belongs to a plan of somebody else', async () => {
    const campaign = await read(aCampaign());
    const first = aCluster();
    await createPlan(first.kube, ref, campaign, { ...place, attempt: 1 });
    const [plan] = first.plans();
    const other = aCluster({ ...PLAN_TYPE, metadata: { namespace: 'shop', name: plan?.metadata.name ?? '' } });
    expect(await createPlan(other.kube, ref, campaign, { ...place, attempt: 1 })).toMatchObject({
      refused: expect.stringContaining('another plan') as unknown,
    });
  });
});

describe('the outcomes of plans', () => {
  it('are those of plans that have ended or are gone', async () => {
    const plan = (name: string, status: object, uid = 'f1'): KubeObject => ({
      ...PLAN_TYPE,
      metadata: { namespace: 'shop', name, annotations: { 'scc.poc/campaign-uid': uid } },
      status,
    });
    const lacking = { code: 'AuthorLacksRight', field: 'spec', message: 'ana may not', remedy: 'grant it' };
    const { kube } = aCluster(
      plan('done', { phase: 'Completed', risk: { band: 'medium', changeRisk: 40, exposure: 10 } }),
      plan('runs', { phase: 'TrafficShifting' }),
      plan('new', {}),
      plan('refused', { phase: 'Rejected', violations: [lacking] }),
      plan('stolen', { phase: 'Completed' }, 'f2'),
    );
    const running = ['done', 'runs', 'new', 'refused', 'stolen', 'gone'].map((name) => ({
      namespace: 'shop',
      plan: name,
    }));
    const outcomes = await outcomesOf(kube, ref, running);
    expect(outcomes.map(({ plan: name, state }) => `${name} ${state}`)).toEqual([
      'done Completed',
      'refused Failed',
      'stolen Failed',
      'gone Failed',
    ]);
    expect(outcomes.map(({ risk }) => risk)).toEqual([40, undefined, undefined, undefined]);
    expect(outcomes[1]?.message).toBe('Rejected: AuthorLacksRight: ana may not');
  });
});

describe('a report', () => {
  const report = { phase: 'Running', message: 'm', wave: 1, attempt: 1, generation: 4, soakUntilMs: null } as const;

  it('changes the states of workloads and counts them', () => {
    const status = reported(board(), { ...report, changed: [{ ...place, state: 'Running', plan: 'p' }] });
    expect(status.counts).toMatchObject({ waves: 2, workloads: 2, waiting: 1, running: 1 });
    const failed = reported(status, { ...report, changed: [{ ...place, state: 'Failed', message: 'why' }] });
    expect(failed.waves?.[0]?.workloads[0]).toMatchObject({ state: 'Failed', plan: 'p', message: 'why' });
    expect(reported(failed, { ...report, changed: [] }).waves).toEqual(failed.waves);
    const again = reported(failed, { ...report, changed: [{ ...place, state: 'Waiting' }] });
    expect(again.waves?.[0]?.workloads[0]).not.toHaveProperty('message');
  });

  it('keeps each signal once, however often it is told', () => {
    const signals = [{ command: 'pause' as const, claimedActor: 'eve', atMs: Date.parse('2026-03-10T12:00:00.000Z') }];
    const once = reported(board(), { ...report, changed: [], signals });
    const kept = [{ command: 'pause', claimedActor: 'eve', at: '2026-03-10T12:00:00.000Z' }];
    expect(once.signals).toEqual(kept);
    expect(reported(once, { ...report, changed: [], signals }).signals).toEqual(kept);
    expect(reported(once, { ...report, changed: [] }).signals).toEqual(kept);
  });

  it('brings no workload onto the board', () => {
    const foreign = { ...place, namespace: 'bank', state: 'Running' as const };
    expect(reported(board(), { ...report, changed: [foreign] }).waves).toEqual(board().waves);
  });
});
