import { isHeldBy, mayTake, released, renewed, taken } from './lease-record.js';
import type { KubeObject } from './object.js';

const where = { namespace: 'scc-system', name: 'scc-watcher' };
const one = { identity: 'watcher-1', instance: 'a', durationMs: 10_000, hasStarted: true };
const two = { identity: 'watcher-2', instance: 'b', durationMs: 10_000, hasStarted: true };
const now = new Date('2026-11-26T00:00:00Z');
const specOf = (lease: KubeObject): unknown => lease['spec'];

const held = taken(undefined, where, one, now);

describe('lease', () => {
  it.each<[string, { lease: KubeObject; by: typeof one; seenForMs: number }, boolean]>([
    ['is not taken from a holder that renews', { lease: held, by: two, seenForMs: 0 }, false],
    ['is not taken before the duration has passed unchanged', { lease: held, by: two, seenForMs: 10_000 }, false],
    ['is taken once it was seen unchanged for longer', { lease: held, by: two, seenForMs: 10_001 }, true],
    ['is taken at once when it was released', { lease: released(held, now), by: two, seenForMs: 0 }, true],
    [
      'is taken at once from an earlier process of the same name',
      { lease: held, by: { ...one, instance: 'c', hasStarted: false }, seenForMs: 0 },
      true,
    ],
    [
      'is not taken from another process of the same name later',
      { lease: held, by: { ...one, instance: 'c' }, seenForMs: 0 },
      false,
    ],
    ['is taken again after a write whose answer was lost', { lease: held, by: one, seenForMs: 0 }, true],
  ])('%s', (_case, { lease, by, seenForMs }, expected) => {
    expect(mayTake(lease, by, seenForMs)).toBe(expected);
  });

  it('belongs to one process, not to a name', () => {
    expect(isHeldBy(held, one)).toBe(true);
    expect(isHeldBy(held, { ...one, instance: 'c' })).toBe(false);
    expect(isHeldBy(held, two)).toBe(false);
    expect(isHeldBy(released(held, now), one)).toBe(false);
  });

  it('counts how often the holder changed, and keeps that over renewals', () => {
    const later = new Date('2026-11-26T00:00:01Z');
    const second = renewed(taken(renewed(held, later), where, two, later), later);
    expect(specOf(second)).toMatchObject({
      holderIdentity: 'watcher-2',
      leaseTransitions: 1,
      leaseDurationSeconds: 10,
    });
    expect(specOf(taken(second, where, { ...two, instance: 'c' }, later))).toMatchObject({ leaseTransitions: 1 });
  });

  it('is fenced by what the candidate saw', () => {
    const seen = { ...held, metadata: { ...held.metadata, resourceVersion: '41' } };
    expect(taken(seen, where, two, now).metadata.resourceVersion).toBe('41');
    expect(renewed(seen, now).metadata.resourceVersion).toBe('41');
  });
});
