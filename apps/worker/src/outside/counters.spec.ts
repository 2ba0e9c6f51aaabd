import { increaseOf, scrapeIntervalOf, sumOf, type CounterSeries, type RawSample } from './counters.js';

const series = (over: Partial<CounterSeries>): CounterSeries => ({
  labels: {},
  last: 0,
  base: undefined,
  hasFallen: false,
  samples: [],
  ...over,
});
const raw = (...values: number[]): RawSample[] => values.map((value, index) => [index, value]);

describe('increaseOf', () => {
  it.each<[string, Partial<CounterSeries>, number]>([
    ['a series that was there before', { base: 100, last: 156 }, 56],
    ['a series that was born with a burst', { last: 75 }, 75],
    ['nothing new', { base: 5, last: 5 }, 0],
    ['a restart', { base: 100, last: 7, hasFallen: true, samples: raw(100, 110, 3, 7) }, 17],
    ['a restart right after the beginning', { base: 100, last: 4, hasFallen: true, samples: raw(4) }, 4],
    ['a restart of a series that was born since', { last: 2, hasFallen: true, samples: raw(9, 2) }, 11],
    ['a fall of which no samples are left', { base: 100, last: 7, hasFallen: true }, 0],
  ])('%s', (_case, over, expected) => {
    expect(increaseOf(series(over))).toBe(expected);
  });

  it('is a whole number whatever the scrapes hit', () => {
    expect(Number.isInteger(sumOf([series({ base: 1, last: 3 }), series({ last: 4 })]))).toBe(true);
  });
});

describe('scrapeIntervalOf', () => {
  it.each<[string, RawSample[], number | null]>([
    [
      'steady scrapes',
      [
        [0, 1],
        [15, 1],
        [30, 2],
      ],
      15,
    ],
    [
      'one that was missed',
      [
        [0, 1],
        [15, 1],
        [45, 2],
        [60, 2],
      ],
      15,
    ],
    ['one sample', [[0, 1]], null],
  ])('%s', (_case, samples, expected) => {
    expect(scrapeIntervalOf(samples)).toBe(expected);
  });
});
