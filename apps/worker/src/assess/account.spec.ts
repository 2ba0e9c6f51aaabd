import { planSpecSchema, type PlanSpecInput } from '@scc/plan';
import { wantedAccount } from './account.js';

const written = {
  metadata: { labels: { app: 'ledger' } },
  spec: { serviceAccountName: 'ledger', serviceAccount: 'ledger', containers: [{ name: 'app', image: 'ledger:1' }] },
};
const patched = (spec: Record<string, unknown>): Partial<PlanSpecInput> => ({ podSecurity: { patch: { spec } } });
const accountUnder = (over: Partial<PlanSpecInput>, template: unknown = written) =>
  wantedAccount(
    template,
    planSpecSchema.parse({
      workloadRef: { kind: 'Deployment', name: 'ledger' },
      targetSCC: 'restricted-v2',
      ...over,
    }),
  );

describe('the ServiceAccount of the migrated pods', () => {
  it.each<[string, Partial<PlanSpecInput>, string | undefined]>([
    ['stays', {}, 'ledger'],
    ['is the one that the plan names', { serviceAccountName: 'other' }, 'other'],
    ['is the one of the patch', patched({ serviceAccountName: 'deployer' }), 'deployer'],
    [
      'is the one that the plan names, whatever the patch says',
      { ...patched({ serviceAccountName: 'deployer', serviceAccount: 'deployer' }), serviceAccountName: 'other' },
      'other',
    ],
    ['is not the one of the deprecated field beside the other', patched({ serviceAccount: 'deployer' }), 'ledger'],
    [
      'is the one of the deprecated field alone',
      patched({ serviceAccountName: null, serviceAccount: 'deployer' }),
      'deployer',
    ],
    ['stays where the deprecated field still names it', patched({ serviceAccountName: null }), 'ledger'],
    [
      'is the one of the namespace where none is named any more',
      patched({ serviceAccountName: null, serviceAccount: null }),
      'default',
    ],
    [
      'is the one of the namespace where the name is empty',
      patched({ serviceAccountName: '', serviceAccount: '' }),
      'default',
    ],
    [
      'is the one of a whole spec that replaces the other',
      patched({ $patch: 'replace', serviceAccountName: 'deployer', containers: [{ name: 'app', image: 'x' }] }),
      'deployer',
    ],
    ['is not known of a patch that is none', patched({ containers: ['x'] }), undefined],
    ['is not known of a directive that is none', patched({ $retainKeys: ['serviceAccountName'] }), undefined],
  ])('%s', (_case, over, expected) => expect(accountUnder(over)).toBe(expected));

  it('is not known of a template that is none', () => expect(accountUnder({}, { spec: {} })).toBeUndefined());
});
