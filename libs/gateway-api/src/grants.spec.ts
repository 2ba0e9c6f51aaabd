import { grantFor, permits } from './grants.js';
import { GROUP, type GrantSpec } from './schema.js';

const from = { kind: 'HTTPRoute', namespace: 'edge' } as const;
const aGrant = (name?: string, over: Partial<GrantSpec['from'][number]> = {}): GrantSpec => ({
  from: [{ group: GROUP, kind: 'HTTPRoute', namespace: 'edge', ...over }],
  to: [{ group: '', kind: 'Service', ...(name === undefined ? {} : { name }) }],
});

describe('permits', () => {
  it.each<[string, GrantSpec[], boolean]>([
    ['a grant for all Services', [aGrant()], true],
    ['a grant for this one', [aGrant('ledger')], true],
    ['a grant for another', [aGrant('other')], false],
    ['a grant for another kind of routes', [aGrant('ledger', { kind: 'GRPCRoute' })], false],
    ['a grant for another namespace', [aGrant('ledger', { namespace: 'else' })], false],
    ['no grant', [], false],
  ])('%s: %#', (_name, grants, expected) => {
    expect(permits(grants, from, 'ledger')).toBe(expected);
  });
});

describe('grantFor', () => {
  it('lets the same routes name the canary, where a grant names Services', () => {
    expect(grantFor([aGrant('ledger')], [from, from], ['ledger-scc-canary'])).toEqual(aGrant('ledger-scc-canary'));
  });

  it('is none where a grant is for all Services, or no route is away', () => {
    expect(grantFor([aGrant()], [from], ['ledger-scc-canary'])).toBeNull();
    expect(grantFor([aGrant('ledger')], [], ['ledger-scc-canary'])).toBeNull();
  });
});
