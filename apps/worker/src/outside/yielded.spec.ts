import { numberOf, singleOf, yieldedIn } from './yielded.js';

const answer = (resultType: string, result: unknown): string =>
  JSON.stringify({ status: 'success', data: { resultType, result } });

describe('what a query yields', () => {
  it.each<[string, string, unknown, ReturnType<typeof singleOf>]>([
    ['one series', 'vector', [{ metric: {}, value: [0, '4.5'] }], { value: 4.5 }],
    ['a number without labels', 'scalar', [0, '4.5'], { value: 4.5 }],
    ['nothing', 'vector', [], { noData: 'the query yields no number' }],
    [
      'a division of nothing by nothing',
      'vector',
      [{ metric: {}, value: [0, 'NaN'] }],
      { noData: 'the query yields no number' },
    ],
    ['a number without end', 'vector', [{ metric: {}, value: [0, '+Inf'] }], { value: Infinity }],
    ['one below all numbers', 'scalar', [0, '-Inf'], { value: -Infinity }],
    ['samples of a stretch', 'matrix', [{ metric: {}, values: [[0, '1']] }], { noData: 'the query yields no number' }],
    [
      'several series',
      'vector',
      [
        { metric: { pod: 'a' }, value: [0, '1'] },
        { metric: { pod: 'b' }, value: [0, '1'] },
      ],
      { noData: 'the query yields 2 series instead of one number' },
    ],
  ])('%s', (_case, resultType, result, expected) => {
    expect(singleOf(yieldedIn(answer(resultType, result)) ?? [])).toEqual(expected);
  });

  it.each(['', '{}', '<html>', answer('string', [0, 'x']), JSON.stringify({ status: 'error' })])(
    'is no number in %j',
    (text) => {
      const yielded = yieldedIn(text);
      if (yielded) expect(singleOf(yielded)).toHaveProperty('noData');
      else expect(yielded).toBeUndefined();
    },
  );

  it.each([undefined, '', ' '])('is no number in %j', (text) => {
    expect(numberOf(text)).toBeNaN();
  });
});
