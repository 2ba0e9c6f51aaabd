import { describe, expect, it } from '@jest/globals';
import { GovernanceError } from '@scc/governance-api';
import { SEARCH_ATTRIBUTES } from '@scc/plan';
import { PrometheusRefuses } from './outside/prometheus.js';
import { atMostEvery, type Outside, selfCheck } from './self-check.js';

const NOW = new Date('2026-11-29T10:00:00Z');
const refusal = (status: number): GovernanceError =>
  new GovernanceError(
    { type: 'about:blank', title: 'no', status, detail: 'no', instance: '/', requestId: 'r', errors: [] },
    null,
  );
const proxy = { id: 'ledger-1.shop', istiod: '10.0.0.1' };
const nonces = { sent: '1', acked: '1' };

const healthy: Outside = {
  unready: () => null,
  temporal: {
    check: () => Promise.resolve(),
    serverVersion: () => Promise.resolve('1.29.1'),
    knows: () => Promise.resolve(true),
    build: null,
  },
  governance: () => Promise.resolve(),
  metrics: {
    check: () => Promise.resolve(),
    read: ({ query }) => Promise.resolve({ value: query === 'vector(time())' ? NOW.getTime() / 1000 : 12 }),
    isConfined: false,
  },
  counters: ['istio_requests_total'],
  proxies: () =>
    Promise.resolve([{ ...proxy, routes: nonces, endpoints: nonces, clusters: nonces, listeners: nonces }]),
  now: () => NOW,
};
const aBuild = (current: { build: string | null } | 'unknown') => ({
  deployment: 'scc-worker',
  build: '1.1.0',
  current: () => Promise.resolve(current),
});
const fails = (message: string) => (): Promise<never> => Promise.reject(new Error(message));

describe('what the worker says that it does not reach', () => {
  it('is nothing when it reaches everything, nor where no istiod is configured', async () => {
    expect(await selfCheck(healthy)).toEqual({ at: NOW.toISOString(), faults: [] });
    expect((await selfCheck({ ...healthy, proxies: null })).faults).toEqual([]);
    const beside = { ...healthy.temporal, build: aBuild({ build: '1.0.0' }) };
    expect((await selfCheck({ ...healthy, temporal: beside })).faults).toEqual([]);
  });

  it.each<[string, Partial<Outside>, string, RegExp, RegExp]>([
    [
      'a Temporal that is away',
      { temporal: { ...healthy.temporal, check: fails('Temporal at t:7233 does not answer') } },
      'temporal',
      /does not answer/,
      /temporal\.address/,
    ],
    [
      'a Temporal that is too old',
      { temporal: { ...healthy.temporal, serverVersion: () => Promise.resolve('1.22.4') } },
      'temporal',
      /1\.22\.4, and 1\.25/,
      /Upgrade/,
    ],
    [
      'search attributes that are missing',
      {
        temporal: {
          ...healthy.temporal,
          knows: (name) => Promise.resolve(name !== SEARCH_ATTRIBUTES.phase),
        },
      },
      'temporal',
      /lacks the search attributes SccPhase/,
      /search-attribute create --name SccPhase --type Keyword/,
    ],
    [
      'builds of which none is current',
      { temporal: { ...healthy.temporal, build: aBuild({ build: null }) } },
      'temporal',
      /no build of the Worker Deployment scc-worker is current/,
      /set-current-version --deployment-name scc-worker --build-id 1\.1\.0/,
    ],
    [
      'a server without Worker Deployments',
      { temporal: { ...healthy.temporal, build: aBuild('unknown') } },
      'temporal',
      /knows no Worker Deployments/,
      /TEMPORAL_BUILD_ID/,
    ],
    ['a task queue that it does not poll', { unready: () => 'starting' }, 'temporal', /no work is taken/, /log/],
    [
      'a token that governance does not know',
      { governance: () => Promise.reject(refusal(401)) },
      'governance',
      /does not serve the worker/,
      /GOVERNANCE_TOKEN_FILE/,
    ],
    [
      'a user who is no engine',
      { governance: () => Promise.reject(refusal(403)) },
      'governance',
      /does not serve/,
      /ENGINE_SERVICE_ACCOUNT/,
    ],
    ['a governance that is away', { governance: fails('no answer') }, 'governance', /no answer/, /GOVERNANCE_URL/],
    [
      'a Prometheus that refuses',
      {
        metrics: {
          ...healthy.metrics,
          check: () => Promise.reject(new PrometheusRefuses('Prometheus answered 401')),
        },
      },
      'prometheus',
      /401/,
      /prometheusUrl/,
    ],
    [
      'a Prometheus without data',
      { metrics: { ...healthy.metrics, read: () => Promise.resolve({ noData: 'the query yields no number' }) } },
      'prometheus',
      /none of istio_requests_total/,
      /scrape/,
    ],
    [
      'a Prometheus whose clock is wrong',
      { metrics: { ...healthy.metrics, read: () => Promise.resolve({ value: NOW.getTime() / 1000 - 90 }) } },
      'prometheus',
      /differ by 90 s/,
      /time server/,
    ],
    ['an istiod that refuses', { proxies: fails('istiod answered 403') }, 'istiod', /403/, /ALLOWED_NAMESPACES/],
    ['an istiod of another mesh', { proxies: () => Promise.resolve([]) }, 'istiod', /no proxy/, /every istiod/],
  ])('names %s', async (...[, over, part, fault, remedy]) => {
    expect((await selfCheck({ ...healthy, ...over })).faults).toEqual([
      {
        part,
        fault: expect.stringMatching(fault) as unknown,
        remedy: expect.stringMatching(remedy) as unknown,
      },
    ]);
  });

  it('includes what never answers', async () => {
    const { faults } = await selfCheck({ ...healthy, governance: () => new Promise(() => undefined) }, 20);
    expect(faults).toMatchObject([{ part: 'governance', fault: expect.stringContaining('no answer') as unknown }]);
  });

  it('is looked for once, however often it is asked for at once', async () => {
    let looks = 0;
    const ask = atMostEvery(60_000, () => Promise.resolve((looks += 1)));
    expect([await ask(), await ask()]).toEqual([1, 1]);
  });
});
