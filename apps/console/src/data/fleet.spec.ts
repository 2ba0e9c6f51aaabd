import { describe, expect, it } from '@jest/globals';
import { linesOf } from './fleet.js';

describe('the pods over time', () => {
  it('are a line for each SCC, none where there was none, the most now first', () => {
    const { lines, time, values } = linesOf([
      { at: '2026-03-10T00:00:00.000Z', counts: [{ scc: 'anyuid', pods: 3 }] },
      {
        at: '2026-03-10T01:00:00.000Z',
        counts: [
          { scc: 'anyuid', pods: 1 },
          { scc: 'restricted-v2', pods: 2 },
          { scc: null, pods: 1 },
        ],
      },
    ]);
    const [first, second] = [Date.parse('2026-03-10T00:00:00Z'), Date.parse('2026-03-10T01:00:00Z')];
    expect(lines).toEqual([
      {
        name: 'restricted-v2',
        dots: [
          { at: first, value: 0 },
          { at: second, value: 2 },
        ],
      },
      {
        name: 'anyuid',
        dots: [
          { at: first, value: 3 },
          { at: second, value: 1 },
        ],
      },
      {
        name: 'unknown',
        dots: [
          { at: first, value: 0 },
          { at: second, value: 1 },
        ],
      },
    ]);
    expect([time, values]).toEqual([
      { from: first, to: second },
      { from: 0, to: 3 },
    ]);
  });

  it('are no lines before a pod was tracked', () => {
    expect(linesOf([{ at: '2026-03-10T00:00:00.000Z', counts: [] }]).lines).toEqual([]);
  });
});
