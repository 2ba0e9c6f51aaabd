import { describe, expect, it } from '@jest/globals';
import { podSchema } from '@scc/scc';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { z } from 'zod';
import { aPod, podReview } from '../testing/admission.fixture.js';
import { compileCheck } from './quick-check.js';
import { reviewRequestSchema } from './review.js';

const seLinuxOptions = { level: 's0:c1,c2', role: 'r', type: 't', user: 'u' };
const container = {
  name: 'app',
  image: 'a',
  ports: [{ containerPort: 8080, hostPort: null }],
  securityContext: {
    runAsUser: 1000680000,
    runAsNonRoot: true,
    privileged: false,
    capabilities: { add: ['KILL'], drop: ['ALL'] },
    seLinuxOptions,
    seccompProfile: { type: 'Localhost', localhostProfile: 'p.json' },
  },
};
const pod = aPod({
  metadata: { name: 'p', annotations: { 'openshift.io/required-scc': 'anyuid' } },
  spec: {
    hostNetwork: false,
    os: { name: 'linux' },
    securityContext: {
      runAsUser: null,
      fsGroup: 5,
      supplementalGroups: [1, 2],
      seLinuxOptions,
      seccompProfile: { type: 'RuntimeDefault' },
      sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }],
    },
    volumes: [{ name: 'data', emptyDir: {} }],
    initContainers: [container],
    containers: [container],
    ephemeralContainers: [container],
  },
});
const request = podReview(pod, {
  subResource: 'resize',
  userInfo: { username: 'ana', groups: ['a', 'b'], extra: { scope: ['x'] } },
}).request;

type Path = readonly (string | number)[];

/** Every place of a JSON value, the value itself first. */
const placesOf = (value: unknown): Path[] =>
  typeof value === 'object' && value !== null
    ? [[], ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner).map((path) => [key, ...path]))]
    : [[]];

/** The same with something else in one place; undefined takes the place away. */
function withAt(value: unknown, [key, ...rest]: Path, put: unknown): unknown {
  if (key === undefined) return put;
  const copy: object = Array.isArray(value) ? value.slice() : { ...(value as object) };
  return Object.assign(copy, { [key]: withAt(Reflect.get(copy, key), rest, put) });
}

const anything = fc.oneof(
  fc.constantFrom(undefined, null, '', 0, -1, 1.5, 2 ** 53, 1e300, true, [], {}, 'CREATE', [null], [''], { name: '' }),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.jsonValue(),
);

describe('a quick check', () => {
  it.each<[string, z.ZodType, unknown]>([
    ['a pod', podSchema, pod],
    ['the request of a review', reviewRequestSchema, request],
  ])('says of %s and of everything near it what the schema says', (_what, schema, sound) => {
    const check = compileCheck(schema);
    expect(check(sound)).toBe(true);
    const seen = { fit: 0, unfit: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...placesOf(sound)), anything, (path, put) => {
        // As a review is read: what JSON cannot say does not come.
        const text = JSON.stringify(withAt(sound, path, put)) as string | undefined;
        const value: unknown = JSON.parse(text ?? 'null');
        const fits = schema.safeParse(value).success;
        seen[fits ? 'fit' : 'unfit'] += 1;
        expect(check(value)).toBe(fits);
      }),
      cases(10_000, 20261126),
    );
    expect(Math.min(seen.fit, seen.unfit)).toBeGreaterThan(500);
  });

  it('counts the length of a text as the schema does', () => {
    const schema = z.string().max(2);
    const check = compileCheck(schema);
    for (const text of ['ab', '😀', 'a😀', '😀😀']) expect(check(text)).toBe(schema.safeParse(text).success);
  });

  it('is refused to a schema that JSON Schema cannot express', () => {
    expect(() => compileCheck(z.custom<string>())).toThrow();
  });
});
