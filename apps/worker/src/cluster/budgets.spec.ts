import { forbiddingBudget } from './budgets.js';

const aBudget = (disruptionsAllowed: number, selector?: object) => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'db' },
  spec: selector ? { selector } : {},
  status: { disruptionsAllowed },
});
const own = { matchLabels: { app: 'db' } };

describe('forbiddingBudget', () => {
  it.each<[string, object[], string | null]>([
    ['none', [], null],
    ['one that allows a disruption', [aBudget(1, own)], null],
    ['one that allows none', [aBudget(0, own)], 'db'],
    ['one of other pods', [aBudget(0, { matchLabels: { app: 'web' } })], null],
    [
      'one by an expression',
      [aBudget(0, { matchExpressions: [{ key: 'app', operator: 'In', values: ['db'] }] })],
      'db',
    ],
    ['one that picks every pod', [aBudget(0, {})], 'db'],
    ['one without a selector, which picks none', [aBudget(0)], null],
  ])('%s', (_case, budgets, expected) => {
    expect(forbiddingBudget(budgets as Parameters<typeof forbiddingBudget>[0], { app: 'db' })).toBe(expected);
  });
});
