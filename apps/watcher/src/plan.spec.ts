import type { KubeObject } from '@scc/kube';
import { isWanted, markOf, seenPlan } from './plan.js';

const plan = (metadata: Partial<KubeObject['metadata']> = {}, status?: object): KubeObject => ({
  apiVersion: 'scc.poc/v1',
  kind: 'SCCMigrationPlan',
  metadata: { namespace: 'shop', name: 'ledger', uid: 'u-1', generation: 1, ...metadata },
  ...(status ? { status } : {}),
});

describe('a plan as the watcher sees it', () => {
  it('is read from the object', () => {
    const object = plan(
      { generation: 2, finalizers: ['other', 'scc.poc/undo'], deletionTimestamp: '2026-11-26T00:00:00Z' },
      { phase: 'Mirroring', observedGeneration: 1 },
    );
    expect(seenPlan(object)).toEqual({
      ref: { namespace: 'shop', name: 'ledger', uid: 'u-1' },
      generation: 2,
      observedGeneration: 1,
      phase: 'Mirroring',
      deletionRequested: true,
      held: true,
      lookedAfterUntilMs: null,
      campaign: null,
    });
  });

  const DAY_MS = 24 * 60 * 60 * 1000;
  const ended = '2026-11-26T00:00:00Z';
  const completed = { phase: 'Completed', finishedAt: ended };
  const revoked = { ...completed, conditions: [{ type: 'SourceRevoked', lastTransitionTime: ended }] };
  it.each<[string, object, object, number | null]>([
    ['a week where only the change is', { gitops: 'IKnow', grants: { source: 'Keep' } }, completed, 7 * DAY_MS],
    ['a week where the grant goes at once', { gitops: 'IKnow', grants: { revokeAfter: '0s' } }, completed, 7 * DAY_MS],
    ['as long as the grant is there', { gitops: 'PatchFirst' }, completed, Infinity],
    ['as long as the grant is there, without a tool', { grants: { revokeAfter: '1h' } }, completed, Infinity],
    ['a week after the grant was revoked', { grants: { revokeAfter: '1h' } }, revoked, 7 * DAY_MS],
    ['never where nothing is delivered', {}, completed, null],
    ['never after a dry run', { gitops: 'IKnow', dryRun: true }, completed, null],
    ['never while it runs', { gitops: 'IKnow' }, { phase: 'Migrating' }, null],
    ['never when it was undone', { gitops: 'IKnow' }, { phase: 'RolledBack', finishedAt: ended }, null],
  ])('is looked after %s', (_case, spec, status, forMs) => {
    const until = forMs === null ? null : Date.parse(ended) + forMs;
    expect(seenPlan({ ...plan({}, status), spec }).lookedAfterUntilMs).toBe(until);
  });

  it('with an unknown phase is an error, and stays wanted until it is read', () => {
    const odd = plan({}, { phase: 'Dancing' });
    expect(() => seenPlan(odd)).toThrow('phase');
    expect(isWanted(odd)).toBe(true);
    expect(markOf(odd)).not.toBe(markOf(plan({}, { phase: 'Mirroring' })));
  });

  it.each<[string, KubeObject, KubeObject, boolean]>([
    [
      'sleeps on while the status tells of progress',
      plan({}, { phase: 'Mirroring', observedGeneration: 1 }),
      plan({}, { phase: 'TrafficShifting', observedGeneration: 1, weight: 10 }),
      false,
    ],
    ['wakes for a change of the spec', plan(), plan({ generation: 2 }), true],
    ['wakes for a deletion', plan(), plan({ deletionTimestamp: '2026-11-26T00:00:00Z' }), true],
    ['wakes for a plan made again', plan(), plan({ uid: 'u-2' }), true],
    [
      'wakes when the workflow turns out to have read an older spec',
      plan({ generation: 2 }),
      plan({ generation: 2 }, { phase: 'Validating', observedGeneration: 1 }),
      true,
    ],
  ])('%s', (_case, before, after, wakes) => {
    expect(markOf(before) !== markOf(after)).toBe(wakes);
  });
});
