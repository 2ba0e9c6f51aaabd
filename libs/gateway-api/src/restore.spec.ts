import { rulesWithCanary } from './canary-rules.js';
import { rulesInOtherWords, meaningOfRule, restoredRules } from './restore.js';
import { ability, aRule, scope, to } from './rules.fixture.js';

const users = [
  aRule(),
  aRule({ backendRefs: [to('ledger', 30), to('other', 10)] }),
  aRule({ backendRefs: [to('other')] }),
];
const split = (canary: number) => ({ canary, mirror: null });

it.each([users, ...[0, 7, 50, 100].map((canary) => rulesWithCanary(users, split(canary), { scope, ability }))])(
  'rules in other words mean the same, and come back word for word',
  (...rules) => {
    const other = rulesInOtherWords(rules, scope);
    expect(other).not.toEqual(rules);
    expect(other.map(meaningOfRule)).toEqual(rules.map(meaningOfRule));
    expect(restoredRules(other, users, scope)).toEqual({ rules: users, isChanged: false });
  },
);

it('names a backend twice that gets everything, and once where it was named twice', () => {
  const alone = aRule({ backendRefs: [to('ledger', 7)] });
  const twice = rulesInOtherWords([alone], scope);
  expect(twice[0]?.backendRefs).toEqual([to('ledger', 7), to('ledger', 7)]);
  expect(rulesInOtherWords(twice, scope)).toEqual([alone]);
  const canaryAtNothing = aRule({ backendRefs: [to('ledger', 100), to('ledger-scc-canary', 0)] });
  const [other] = rulesInOtherWords([canaryAtNothing], scope);
  expect(other?.backendRefs).toEqual([to('ledger', 100), to('ledger', 100), to('ledger-scc-canary', 0)]);
});

it('keeps weights that would be too large for a route in other numbers, and rules for others', () => {
  const large = aRule({ backendRefs: [to('ledger', 999_999), to('other', 1_000_000)] });
  const others = aRule({ backendRefs: [to('other', 1), to('more', 1)] });
  expect(rulesInOtherWords([large, others], scope)).toEqual([large, others]);
});
