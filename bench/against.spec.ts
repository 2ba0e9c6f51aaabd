import { compareRuns } from './against.js';

const row = (metric: string, value: number, unit = 'ms') => ({
  name: 'x',
  metric,
  value,
  unit,
  reference: 1,
  ratio: value,
});

describe('compare', () => {
  it('holds the median of the runs here against the median of the runs there', () => {
    const here = [[row('p50', 1)], [row('p50', 9)], [row('p50', 3)]];
    const there = [[row('p50', 2)], [row('p50', 4)]];
    expect(compareRuns(here, there)).toEqual([
      { name: 'x', metric: 'p50', value: 3, unit: 'ms', reference: 3, ratio: 1 },
    ]);
  });

  it('leaves out what only one side measured, or in another unit, and has no ratio to zero', () => {
    const here = [[row('p50', 1), row('new', 1), row('size', 2, 'MiB'), row('failed', 0)]];
    const there = [[row('p50', 2), row('old', 1), row('size', 2, 'KiB'), row('failed', 0)]];
    expect(compareRuns(here, there)).toEqual([
      { name: 'x', metric: 'p50', value: 1, unit: 'ms', reference: 2, ratio: 0.5 },
      { name: 'x', metric: 'failed', value: 0, unit: 'ms', reference: 0 },
    ]);
  });
});
