import { withCanary, type RouteScope } from './canary-routes.js';
import { restored } from './restore.js';
import type { RouteDestination, VirtualServiceSpec } from './schema.js';
import { canonicalLists, inOtherWords } from './spelling.js';

const scope: RouteScope = {
  namespace: 'shop',
  services: [{ name: 'ledger', canary: 'ledger-scc-canary' }],
  routeNamespace: 'shop',
};
const to = (host: string, weight?: number): RouteDestination => ({
  destination: { host, port: { number: 80 } },
  ...(weight === undefined ? {} : { weight }),
});
const users: [string, VirtualServiceSpec][] = [
  ['one destination', { hosts: ['ledger'], http: [{ name: 'all', route: [to('ledger')] }] }],
  ['one with a weight', { hosts: ['ledger'], http: [{ route: [to('ledger', 100)] }] }],
  ['several', { hosts: ['ledger'], http: [{ route: [to('ledger', 30), to('other', 10)] }, { route: [to('other')] }] }],
  [
    'connections',
    {
      hosts: ['ledger'],
      tcp: [{ route: [to('ledger')] }],
      tls: [{ match: [{ sniHosts: ['ledger'] }], route: [to('ledger', 5), to('other', 5)] }],
    },
  ],
];
const splits = [0, 7, 50, 100].map((canary) => ({ canary, mirror: null }));

describe.each(users)('the routes of a user with %s', (_case, before) => {
  it.each([before, ...splits.map((split) => withCanary(before, split, scope))])(
    'are other words that mean the same, and come back word for word',
    (spec) => {
      const other = inOtherWords(spec, scope);
      expect(other).not.toEqual(spec);
      expect(canonicalLists(other)).toEqual(canonicalLists(spec));
      expect(restored(other, before, scope)).toEqual({ spec: before, conflicts: [] });
      expect(restored(inOtherWords(other, scope), before, scope)).toEqual({ spec: before, conflicts: [] });
    },
  );

  it.each(splits)('are divided in other words as asked: %j', (split) => {
    const other = inOtherWords(withCanary(before, split, scope), scope);
    expect(canonicalLists(withCanary(other, split, scope))).toEqual(canonicalLists(other));
  });
});

it('says nothing of what is not sent to the Services', () => {
  const others: VirtualServiceSpec = { hosts: ['other'], http: [{ route: [to('other', 1), to('more', 1)] }] };
  expect(inOtherWords(others, scope)).toEqual(others);
});
