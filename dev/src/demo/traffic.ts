import type { LoadOptions } from '../load/protocol.js';
import type { SampleRouter } from '../samples.js';
import type { Scenario } from './scenarios.js';

type Stream = LoadOptions['streams'][number];
type Way = Pick<Stream, 'via' | 'host' | 'requests'>;

const outside = (name: string, requests: Stream['requests']): Way => ({
  via: 'ingress',
  host: `${name}.shop.example`,
  ...(requests ? { requests } : {}),
});
const inMesh = (name: string, requests: Stream['requests']): Way => ({
  via: 'sidecar',
  host: name,
  ...(requests ? { requests } : {}),
});

/** How the sample services are called: by every route that their users' own rules know, reads and writes. */
const WAYS: Record<string, readonly Way[]> = {
  ledger: [
    outside('ledger', [
      { path: '/' },
      { path: '/entries' },
      { path: '/reports/today', headers: { 'x-tenant': 'audit' } },
      { path: '/entries', method: 'POST' },
    ]),
    inMesh('ledger', [{ path: '/entries' }, { path: '/entries', method: 'POST' }, { path: '/' }]),
  ],
  catalog: [outside('catalog', [{ path: '/search' }, { path: '/' }]), inMesh('catalog', [{ path: '/search' }])],
  payments: [inMesh('payments', [{ path: '/' }, { path: '/', method: 'POST' }])],
  checkout: [outside('checkout', [{ path: '/' }]), inMesh('checkout', [{ path: '/', method: 'POST' }])],
  orders: [
    outside('orders', [{ path: '/' }, { path: '/', headers: { 'x-channel': 'app' } }]),
    inMesh('orders', [{ path: '/' }, { path: '/', method: 'POST' }]),
  ],
  reports: [inMesh('reports', [{ path: '/' }])],
  sessions: [inMesh('sessions', [{ path: '/' }, { path: '/', method: 'POST' }])],
  deposits: [inMesh('deposits', [{ path: '/' }, { path: '/', method: 'POST' }])],
  // No Service leads to these.
  'node-agent': [],
  backup: [],
};

/** With Routes of OpenShift all services are called from outside as well, by the router of these. */
function waysOf(name: string, router: SampleRouter): readonly Way[] | undefined {
  const ways = WAYS[name];
  if (router !== 'route' || !ways?.length) return ways;
  const isOutside = ({ via }: Way): boolean => via === 'ingress';
  const known = ways.some(isOutside) ? ways : [outside(name, [{ path: '/' }, { path: '/', method: 'POST' }]), ...ways];
  return known.map((way) => (isOutside(way) ? { ...way, via: 'router' } : way));
}

/** How often every other service is asked at least, in requests a second. */
const LEAST = 4;

/**
 * The load of one scenario: `rate` requests a second over all services, the migrated one getting its share.
 * @throws Error when a service has no known way in.
 */
export function streamsFor(
  { workload, load }: Pick<Scenario, 'workload' | 'load'>,
  rate: number,
  router: SampleRouter = 'istio',
): Stream[] {
  const ways = waysOf(workload, router);
  if (!ways) throw new Error(`no requests are known for ${workload}`);
  const own = 'share' in load ? rate * load.share : load.perSecond;
  const others = Object.keys(WAYS).filter((name) => name !== workload && WAYS[name]?.length);
  const each = Math.max(LEAST, (rate - own) / others.length);
  return [...split(workload, ways, own), ...others.flatMap((name) => split(name, waysOf(name, router) ?? [], each))];
}

const split = (name: string, ways: readonly Way[], rate: number): Stream[] =>
  ways.map((way) => ({ name: `${name} by ${way.via}`, rate: rate / ways.length, ...way }));

export const totalRate = (streams: readonly Stream[]): number => streams.reduce((sum, { rate }) => sum + rate, 0);
