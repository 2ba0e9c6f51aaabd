import { GovernanceError, type MigrationOutcome } from '@scc/governance-api';
import type { KubeClient, KubeObject } from '@scc/kube';
import { PLAN_TYPE } from '@scc/plan';
import { FAILURE } from '@scc/migration/contract';
import { aWholeTarget } from '@scc/migration/testing';
import { earlierOf, knownOutcome, outcomeActivities, settled } from './outcome.js';
import { outlineOf } from './target.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const end = { phase: 'Completed', message: 'migrated', at: '2026-11-24T10:00:00.000Z' } as const;
const missing = new GovernanceError({ type: 'x', title: 'There is no such object', status: 404, errors: [] });

const unasked = () => Promise.reject(new Error('pre-images are not asked for'));

/** The activities against a governance that gives this answer, without a cluster. */
function asked(outcome: () => Pick<MigrationOutcome, 'plan' | 'end'> & Partial<MigrationOutcome>) {
  const kube = new Proxy({} as KubeClient, {
    get: (_kube, name) => {
      throw new Error(`${String(name)} is not asked for`);
    },
  });
  return outcomeActivities({
    kube,
    governance: {
      outcome: async () => Promise.resolve({ begun: true, untrusted: null, afterwards: null, ...outcome() }),
      preImages: unasked,
      takeOver: unasked,
      handOver: unasked,
    },
  });
}

describe('what governance has recorded', () => {
  it('is told for the plan that the uid belongs to', async () => {
    await expect(asked(() => ({ plan: ref, end })).recordedOutcome(ref)).resolves.toEqual({ known: true, end });
  });

  it.each([
    ['name', { ...ref, name: 'other' }],
    ['namespace', { ...ref, namespace: 'other' }],
  ])('is refused under another %s', async (_field, other) => {
    await expect(asked(() => ({ plan: ref, end: null })).recordedOutcome(other)).rejects.toMatchObject({
      type: FAILURE.refused,
      nonRetryable: true,
    });
  });

  it('is nothing for a uid that governance never heard of', async () => {
    const unknown = asked(() => {
      throw missing;
    });
    await expect(unknown.recordedOutcome(ref)).resolves.toEqual({ known: false, end: null });
  });
});

describe('what is left to do after the end', () => {
  const whole = { ...aWholeTarget(), ref, after: { revokeMs: 1_000 } };
  const target = JSON.parse(JSON.stringify(whole)) as Record<string, unknown>;
  it.each([true, false])('is told from the record, with the grant revoked: %s', async (revoked) => {
    const completed = asked(() => ({ plan: ref, end, afterwards: { target, revoked } }));
    const work = await completed.recordedAfterwards(ref);
    expect(work).toMatchObject({ endedMs: Date.parse(end.at), revoked, target: { ref, after: { revokeMs: 1_000 } } });
    // An activity that begins finds the target that it was judged on.
    expect(work?.target).toEqual(outlineOf(whole));
  });

  it('is nothing where nothing is recorded', async () => {
    const unheard = asked(() => {
      throw missing;
    });
    for (const one of [unheard, asked(() => ({ plan: ref, end })), asked(() => ({ plan: ref, end: null }))])
      await expect(one.recordedAfterwards(ref)).resolves.toBeNull();
  });
});

describe('what is on record before a workflow begins', () => {
  const plan = (status?: object): KubeObject => ({
    ...PLAN_TYPE,
    metadata: { namespace: 'shop', name: 'ledger', uid: 'u1', resourceVersion: '7' },
    ...(status ? { status } : {}),
  });
  const image = { key: 'target', order: 0, manifest: {} };
  /** A governance with this record, and a plan whose writes are kept. */
  function recorded(outcome: () => Pick<MigrationOutcome, 'plan' | 'end'>, images: (typeof image)[] = []) {
    const written: KubeObject[] = [];
    const kube = new Proxy({} as KubeClient, {
      get: (_kube, name) => {
        if (name !== 'applyStatus') throw new Error(`${String(name)} is not asked for`);
        return (object: KubeObject) => Promise.resolve(void written.push(object));
      },
    });
    const governance = {
      outcome: async () => Promise.resolve({ begun: true, untrusted: null, afterwards: null, ...outcome() }),
      preImages: () => Promise.resolve({ workflowId: 'w', images }),
    };
    const earlier = async (status?: object) => {
      const known = await knownOutcome(governance, ref.uid);
      return known && earlierOf({ kube, governance }, plan(status), known);
    };
    return { written, earlier };
  }
  const unheard = (): never => {
    throw missing;
  };

  it('is nothing of a plan that governance never heard of, or that only asked it', async () => {
    for (const outcome of [unheard, () => ({ plan: ref, end: null })])
      await expect(recorded(outcome).earlier({ phase: 'Validating' })).resolves.toBeNull();
  });

  it('is an unfinished migration where something was about to be touched, whatever the status says', async () => {
    for (const status of [undefined, { phase: 'Validating' }])
      await expect(recorded(() => ({ plan: ref, end: null }), [image]).earlier(status)).resolves.toEqual({
        accepted: false,
        unfinished: true,
      });
  });

  it('is the end, and a status that says otherwise is repaired under the version that was read', async () => {
    const { earlier, written } = recorded(() => ({ plan: ref, end }));
    const sequence = Date.now() + 60_000;
    await expect(earlier({ phase: 'Validating', sequence })).resolves.toEqual({ accepted: false, over: end });
    expect(written).toMatchObject([
      { metadata: { uid: 'u1', resourceVersion: '7' }, status: { phase: 'Completed', sequence: sequence + 1 } },
    ]);
    await earlier({ phase: 'Completed' });
    expect(written).toHaveLength(1);
  });
});

describe('settled', () => {
  const at = '2026-11-24T09:00:00.000Z';
  const condition = (type: string) =>
    ({ type, status: 'False', reason: 'r', message: 'm', lastTransitionTime: at, observedGeneration: 2 }) as const;

  it('says of a stale status what the end should have left', () => {
    const stale = {
      observedGeneration: 2,
      phase: 'TrafficShifting' as const,
      weight: 50,
      sourceSCC: 'anyuid',
      conditions: [condition('Approved'), condition('Completed')],
      history: [{ phase: 'TrafficShifting' as const, at }],
    };
    const status = settled(stale, end);
    expect(status).toMatchObject({
      phase: 'Completed',
      weight: 0,
      finishedAt: end.at,
      sourceSCC: 'anyuid',
      history: [{ phase: 'TrafficShifting' }, { phase: 'Completed', message: 'migrated' }],
    });
    expect(status.conditions?.map(({ type, status: is }) => [type, is])).toEqual([
      ['Approved', 'False'],
      ['Completed', 'True'],
      ['Finished', 'True'],
    ]);
  });
});
