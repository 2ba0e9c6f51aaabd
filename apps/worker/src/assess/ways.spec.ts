import { planSpecSchema, type WayIn } from '@scc/plan';
import {
  affinityOf,
  asWays,
  undividedViolations,
  unreadViolations,
  wayViolations,
  waysBeside,
  wayWarnings,
} from './ways.js';

const way = (kind: string, name: string): WayIn => ({ kind, name, dividedBy: 'Nothing' });
const accepting = (...accept: { kind: string; name: string }[]) =>
  planSpecSchema.parse({
    workloadRef: { kind: 'Deployment', name: 'web' },
    targetSCC: 'restricted-v2',
    traffic: { accept },
  }).traffic.accept;

describe('wayViolations', () => {
  it('names the way, what is wrong with it and the entry that accepts it', () => {
    expect(wayViolations([way('Ingress', 'front')], [], 'shop')).toEqual([
      {
        code: 'WayNotDivided',
        field: 'spec.traffic.accept',
        message:
          'Ingress front leads to the workload, and nothing divides its requests: its controller sends requests to the pods of the Service, past the routes of the mesh',
        remedy:
          "Let the Ingress lead to a gateway of the mesh for the time of the migration, or accept that they are not divided, by spec.traffic.accept: [{kind: Ingress, name: 'front'}].",
      },
    ]);
  });

  it.each<[string, WayIn, { kind: string; name: string }, boolean]>([
    ['by kind and name', way('Ingress', 'front'), { kind: 'Ingress', name: 'front' }, true],
    ['with its namespace', way('Ingress', 'front'), { kind: 'Ingress', name: 'shop/front' }, true],
    ['of another namespace', way('HTTPRoute', 'edge/r'), { kind: 'HTTPRoute', name: 'edge/r' }, true],
    ['of another name', way('Ingress', 'front'), { kind: 'Ingress', name: 'back' }, false],
    ['of another kind', way('Ingress', 'front'), { kind: 'Route', name: 'front' }, false],
    ['by its Service', way('NodePort', 'web'), { kind: 'Service', name: 'web' }, true],
    ['by the Service whose endpoints were written', way('Endpoints', 'web'), { kind: 'Service', name: 'web' }, true],
    ['by a star', way('Ingress', 'front'), { kind: 'Ingress', name: '*' }, false],
    ['a port of the node', way('HostPort', '8080'), { kind: 'HostPort', name: '8080' }, true],
  ])('accepts a way %s', (_case, found, entry, isAccepted) => {
    expect(wayViolations([found], accepting(entry), 'shop')).toHaveLength(isAccepted ? 0 : 1);
  });

  it('has nothing against a way that is divided', () => {
    expect(wayViolations([{ kind: 'VirtualService', name: 'web', dividedBy: 'Istio' }], [], 'shop')).toEqual([]);
  });

  it('says of an accepted way that its requests are not counted', () => {
    expect(wayWarnings([way('NodePort', 'web')])).toEqual([expect.stringContaining('NodePort web is accepted')]);
  });
});

describe('undividedViolations', () => {
  const undivided = [{ kind: 'HTTPRoute', name: 'edge/r', code: 'RouteCanNotBeDivided', reason: 'no', remedy: 'Do' }];

  it('says why a router does not divide a way, until the plan accepts it', () => {
    expect(undividedViolations(undivided, [], 'shop')).toEqual([
      {
        code: 'RouteCanNotBeDivided',
        field: 'spec.traffic.accept',
        message: 'HTTPRoute edge/r leads to the workload, and nothing divides its requests: no',
        remedy: "Do, or accept that they are not divided, by spec.traffic.accept: [{kind: HTTPRoute, name: 'edge/r'}].",
      },
    ]);
    const accept = accepting({ kind: 'HTTPRoute', name: 'edge/r' });
    expect(undividedViolations(undivided, accept, 'shop')).toEqual([]);
    expect(wayWarnings(asWays(undivided))).toEqual([expect.stringContaining('HTTPRoute edge/r is accepted')]);
  });
});

describe('unreadViolations', () => {
  const unread = [{ kind: 'Route', reason: 'routes is forbidden' }];
  it.each<[string, { kind: string; name: string }[], number]>([
    ['refuses what cannot be known', [], 1],
    ['does without a look at a kind that the plan names', [{ kind: 'Route', name: '*' }], 0],
    ['is not content with one name', [{ kind: 'Route', name: 'front' }], 1],
  ])('%s', (_case, accept, expected) => {
    expect(unreadViolations(unread, accepting(...accept))).toHaveLength(expected);
  });
});

describe('waysBeside', () => {
  const byPods: WayIn = { kind: 'Service', name: 'web', dividedBy: 'Replicas' };

  it('lets the pods of a Service divide what ends at its endpoints, and nothing else', () => {
    const ways = [
      way('Ingress', 'front'),
      way('NodePort', 'web'),
      way('HostPort', '80'),
      way('HeadlessService', 'web'),
    ];
    expect(waysBeside([byPods], ways).map(({ dividedBy }) => dividedBy)).toEqual([
      'Replicas',
      'Replicas',
      'Nothing',
      'Nothing',
    ]);
  });

  it('leaves them as they are beside any other router', () => {
    expect(waysBeside([{ ...byPods, dividedBy: 'Istio' }], [way('Ingress', 'front')])).toEqual([
      way('Ingress', 'front'),
    ]);
  });
});

describe('affinityOf', () => {
  const affinityIn = (affinity: object | undefined, uid = 'u1') =>
    affinityOf(
      planSpecSchema.parse({
        workloadRef: { kind: 'Deployment', name: 'web' },
        targetSCC: 'restricted-v2',
        traffic: { affinity },
      }).traffic,
      uid,
    );

  it('is a cookie of the plan alone, whatever its name', () => {
    expect(affinityIn(undefined)).toBeUndefined();
    const [own, other] = [affinityIn({}), affinityIn({}, 'u2')];
    expect(own).toMatchObject({ cookie: expect.stringMatching(/^scc-canary-/) as unknown, maxAgeS: 3600 });
    expect(other?.cookie).not.toBe(own?.cookie);
    const named = affinityIn({ cookie: 'side', maxAge: '5m' });
    expect(named).toEqual({ cookie: 'side', value: own?.value, maxAgeS: 300 });
    expect(affinityIn({ cookie: 'side' }, 'u2')?.value).not.toBe(own?.value);
  });
});
