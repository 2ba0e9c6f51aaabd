import { describe, expect, it } from '@jest/globals';
import { baseOf, withCanaryBackend } from './backends.js';
import { openshiftRouteSpecSchema, type Backends } from './schema.js';
import { findOpenShiftRoutes } from './survey.js';

/** Faults of others that divide Routes, each under the name by which its users reported it. */

const PAIR = [{ name: 'ledger', canary: 'ledger-canary' }];
const to = (name: string, weight: number) => ({ kind: 'Service', name, weight });
const PLUGIN = 'argoproj-labs/rollouts-plugin-trafficrouter-openshift';

describe('faults of others, which are none here', () => {
  it(`${PLUGIN} pkg/plugin/plugin.go:138: backends of others are overwritten`, () => {
    const shared: Backends = { to: to('ledger', 60), alternateBackends: [to('other', 40)] };
    for (const percent of [0, 25, 100])
      expect(withCanaryBackend(shared, percent, PAIR).alternateBackends.map(({ name }) => name)).toEqual([
        'other',
        'ledger-canary',
      ]);
    expect(baseOf(withCanaryBackend(shared, 100, PAIR), shared, PAIR)).toEqual(shared);
  });

  it(`${PLUGIN} pkg/plugin/plugin.go:130: a backend that says no weight ends the process`, () => {
    const { to: unset } = openshiftRouteSpecSchema.parse({ to: { kind: 'Service', name: 'ledger' } });
    expect(withCanaryBackend({ to: unset, alternateBackends: [] }, 10, PAIR)).toEqual({
      to: to('ledger', 90),
      alternateBackends: [to('ledger-canary', 10)],
    });
  });

  it.each(['leastconn', 'source'])(
    'openshift/router#192, openshift/origin#19118: %s makes weights mean little',
    (word) => {
      const route = {
        name: 'ledger',
        annotations: { 'haproxy.router.openshift.io/balance': word },
        maker: null,
        spec: { to: to('ledger', 100) },
        status: { ingress: [{ routerName: 'default', host: '', conditions: [{ type: 'Admitted', status: 'True' }] }] },
      };
      expect(findOpenShiftRoutes([route], PAIR, { sees: true }).undivided).toMatchObject([
        { reason: expect.stringContaining(word) as unknown },
      ]);
    },
  );
});
