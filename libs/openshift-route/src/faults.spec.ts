import { describe, expect, it } from '@jest/globals';
import type { KubeClient, KubeObject } from '@scc/kube';
import { baseOf, withCanaryBackend } from './backends.js';
import { OpenShiftRouter } from './router.js';
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

  it(`${PLUGIN} pkg/plugin/plugin.go:148: a Route is read in one namespace and written in another`, async () => {
    const asked: string[] = [];
    const heard = (id: { kind: string; namespace?: string }): void => {
      if (id.kind === 'Route') asked.push(id.namespace ?? '');
    };
    const route: KubeObject = {
      apiVersion: 'route.openshift.io/v1',
      kind: 'Route',
      metadata: { name: 'ledger', namespace: 'shop', resourceVersion: '1' },
      spec: { to: to('ledger', 100) },
    };
    const kube = {
      get: (id: { kind: string; namespace?: string }) => {
        heard(id);
        return Promise.resolve(route);
      },
      list: () => Promise.resolve({ items: [], resourceVersion: '1' }),
      patch: (id: { kind: string; namespace?: string }) => {
        heard(id);
        return Promise.resolve(route);
      },
    } as Partial<KubeClient> as KubeClient;
    const router = new OpenShiftRouter({ kube, fieldManager: 'test', reloadMs: 0, signal: () => undefined });
    const divided = [
      { name: 'ledger', backends: { to: to('ledger', 100), alternateBackends: [] }, routers: [], isSticky: false },
    ];
    const label = { key: 'app', stable: 'ledger', canary: 'ledger-canary' };
    const survey = { request: { namespace: 'shop', services: PAIR, label, markers: {} }, routes: { divided } };
    // …:95: nothing there tells whether a weight has arrived. It is said here how far that is known.
    await expect(router.split(survey, { canary: 10, mirror: null })).resolves.toMatchObject({ verifiedBy: 'bound' });
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked)).toEqual(new Set(['shop']));
  });

  it('openshift/origin#10279: the canary is named at weight 0 first, and never are all weights 0', () => {
    const alone: Backends = { to: to('ledger', 100), alternateBackends: [] };
    expect(withCanaryBackend(alone, 0, PAIR).alternateBackends).toEqual([to('ledger-canary', 0)]);
    for (const percent of [0, 1, 99, 100]) {
      const { to: first, alternateBackends } = withCanaryBackend(alone, percent, PAIR);
      expect(Math.max(...[first, ...alternateBackends].map(({ weight }) => weight ?? 0))).toBeGreaterThan(0);
    }
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
