import { describe, expect, it } from '@jest/globals';
import { allCodes, explain, similarCodes } from './index.js';

describe('explain', () => {
  it.each([
    ['a violation', 'NotAdmitted', 'NotAdmitted'],
    ['one in other capitals', 'notadmitted', 'NotAdmitted'],
    ['a rule as lint names it', 'Blocked.runAsUser', 'runAsUser'],
    ['a rule alone', 'runAsUser', 'runAsUser'],
    ['a risk', 'recursive-chown', 'recursive-chown'],
    ['a problem by its address', 'https://scc.poc/problems/key-reused', 'key-reused'],
    ['a wait', 'OtherPlan', 'OtherPlan'],
  ])('finds %s', (_what, asked, code) => {
    expect(explain(asked).map((one) => one.code)).toContain(code);
  });

  it('tells every meaning of a code that several parts use', () => {
    expect(explain('Failed').length + explain('GateFailed').length).toBeGreaterThanOrEqual(2);
  });

  it.each([
    ['NotAdmited', 'NotAdmitted'],
    ['Quota', 'QuotaTooSmall'],
    ['WorkloadNotFoundError', 'WorkloadNotFound'],
  ])('has none for %s and names one like it', (asked, near) => {
    expect(explain(asked)).toEqual([]);
    expect(similarCodes(asked)).toContain(near);
  });

  it('has a cause and a remedy for each', () => {
    const empty = allCodes().filter(({ cause, remedy }) => cause.length < 15 || remedy.length < 8);
    expect(empty).toEqual([]);
  });
});
