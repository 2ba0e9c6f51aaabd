import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { pods } from '../model/arbitraries.fixture.js';
import { decide } from './decide.js';
import { podSchema } from '../model/pod.js';
import { aRequest, DEFAULTS } from './request.fixture.js';

/** Replaces something anywhere in a pod by any JSON value, or puts it there. */
const damaged = fc.tuple(pods, fc.nat(), fc.jsonValue({ maxDepth: 3 })).map(([pod, at, value]): unknown => {
  const copy = structuredClone(pod) as unknown;
  const places: { holder: Record<string, unknown>; key: string }[] = [];
  const visit = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return;
    const fields = holder as Record<string, unknown>;
    for (const key of Object.keys(fields)) {
      places.push({ holder: fields, key });
      visit(fields[key]);
    }
  };
  visit(copy);
  const place = places[at % places.length];
  if (place) place.holder[place.key] = value;
  return copy;
});

describe('anything that is sent as a pod', () => {
  it('is either no pod or decided, for every operation', () => {
    let decided = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: damaged }, fc.jsonValue()), pods, (value, oldPod) => {
        const parsed = podSchema.safeParse(value);
        if (!parsed.success) {
          refused += 1;
          return;
        }
        decided += 1;
        for (const operation of ['CREATE', 'UPDATE'] as const)
          expect(decide(aRequest(parsed.data, undefined, { operation, oldPod }), DEFAULTS).decision).toMatch(
            /^(ignored|rejected|admitted)$/,
          );
      }),
      cases(2000),
    );
    expect(Math.min(decided, refused)).toBeGreaterThan(100);
  });

  it.each([
    ['nothing', undefined],
    ['a list', []],
    ['no spec', { metadata: {} }],
    ['no containers', { metadata: {}, spec: {} }],
    ['a text for an id', { metadata: {}, spec: { containers: [{ name: 'c', securityContext: { runAsUser: '0' } }] } }],
    [
      'a fraction for an id',
      { metadata: {}, spec: { containers: [{ name: 'c', securityContext: { runAsUser: 0.5 } }] } },
    ],
    ['an id beyond precision', { metadata: {}, spec: { containers: [], securityContext: { fsGroup: 2 ** 60 } } }],
    ['a text for a flag', { metadata: {}, spec: { containers: [], hostNetwork: 'true' } }],
    [
      'an annotation that is no text',
      { metadata: { annotations: { 'openshift.io/required-scc': 1 } }, spec: { containers: [] } },
    ],
  ])('is no pod when it is %s', (_what, value) => expect(podSchema.safeParse(value).success).toBe(false));
});
