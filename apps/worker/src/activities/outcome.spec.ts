import { GovernanceError, type MigrationOutcome } from '@scc/governance-api';
import type { KubeClient } from '@scc/kube';
import { FAILURE } from '@scc/migration/contract';
import { outcomeActivities, settled } from './outcome.js';

const ref = { namespace: 'shop', name: 'ledger', uid: 'u1' };
const end = { phase: 'Completed', message: 'migrated', at: '2026-11-24T10:00:00.000Z' } as const;
const missing = new GovernanceError({ type: 'x', title: 'There is no such object', status: 404, errors: [] });

/** The activities against a governance that gives this answer, without a cluster. */
function asked(outcome: () => MigrationOutcome) {
  const kube = new Proxy({} as KubeClient, {
    get: (_kube, name) => {
      throw new Error(`${String(name)} is not asked for`);
    },
  });
  return outcomeActivities({ kube, governance: { outcome: async () => Promise.resolve(outcome()) } });
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
