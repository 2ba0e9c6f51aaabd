import { isFinalRefusal } from './await-rollout.js';

describe('isFinalRefusal', () => {
  it.each<[string, string, number, boolean]>([
    [
      'is final at once when no SCC admits the pod',
      'pods "x" is forbidden: unable to validate against any security context constraint: []',
      0,
      true,
    ],
    [
      'is not while an injector may be back',
      'failed calling webhook "inject": context deadline exceeded',
      5_000,
      false,
    ],
    ['is once it has lasted', 'exceeded quota: pods', 20_000, true],
  ])('%s', (_case, refusal, lastedMs, expected) => {
    expect(isFinalRefusal(refusal, lastedMs)).toBe(expected);
  });
});
