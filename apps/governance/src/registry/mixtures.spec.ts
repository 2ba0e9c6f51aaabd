import { describe, expect, it } from '@jest/globals';
import { mixturesIn, type PodSpan } from './mixtures.js';

const at = (seconds: number): Date => new Date(Date.UTC(2026, 2, 10, 12, 0, seconds));
const iso = (seconds: number): string => at(seconds).toISOString();
const span = (scc: string, from: number, to: number | null, version = '1'): PodSpan => ({
  ...{ scc, version, from: at(from) },
  to: to === null ? null : at(to),
});
const count = (scc: string, pods: number, version = '1') => ({ scc, version, pods });

describe('mixturesIn', () => {
  it.each<[string, PodSpan[], ReturnType<typeof mixturesIn>]>([
    ['nothing', [], []],
    ['one content', [span('a', 0, 10), span('a', 5, null)], []],
    ['one that begins when the other ends', [span('a', 0, 10), span('b', 10, null)], []],
    [
      'a rollout',
      [span('a', 0, 20), span('a', 0, 30), span('b', 10, null), span('b', 20, null)],
      [
        { from: iso(20), to: iso(30), toAfter: null, pods: [count('b', 2), count('a', 1)] },
        { from: iso(10), to: iso(20), toAfter: null, pods: [count('a', 2), count('b', 1)] },
      ],
    ],
    [
      'two versions of one SCC, for good',
      [span('a', 0, null), span('a', 5, null, '2')],
      [{ from: iso(5), to: null, toAfter: null, pods: [count('a', 1), count('a', 1, '2')] }],
    ],
    [
      'pods whose end was not watched',
      [{ ...span('a', 0, 20), lastSeen: at(12) }, span('b', 5, null)],
      [{ from: iso(5), to: iso(20), toAfter: iso(12), pods: [count('a', 1), count('b', 1)] }],
    ],
    [
      'a pod that was not seen since the other began',
      [{ ...span('a', 0, 20), lastSeen: at(3) }, span('b', 5, null)],
      [{ from: iso(5), to: iso(20), toAfter: iso(5), pods: [count('a', 1), count('b', 1)] }],
    ],
    ['a span of no length', [span('a', 0, null), span('b', 5, 5)], []],
  ])('finds in %s what ran side by side', (_what, spans, found) => {
    expect(mixturesIn(spans)).toEqual(found);
  });
});
