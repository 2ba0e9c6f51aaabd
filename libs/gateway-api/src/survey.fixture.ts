import type { Survey } from '@scc/routing';

/** A survey of the Service `ledger` in `shop`, whose requests the given routes divide. */
export const surveyOf = (divided: readonly object[]): Survey => ({
  request: {
    namespace: 'shop',
    services: [{ name: 'ledger', canary: 'ledger-canary' }],
    label: { key: 'app', stable: 'ledger', canary: 'ledger-canary' },
    markers: {},
  },
  routes: { divided, percentKinds: [], grant: null },
});
