import { isIntact } from './intact.js';

const written = {
  securityContext: { runAsNonRoot: true, seccompProfile: null },
  containers: [{ name: 'app', image: 'x', args: ['a', 'b'], env: [{ name: 'A', value: '' }], resources: {} }],
};
const stored = {
  securityContext: { runAsNonRoot: true },
  containers: [
    { name: 'injected', image: 'y' },
    { name: 'app', image: 'x', args: ['a', 'b'], env: [{ name: 'A' }], imagePullPolicy: 'Always' },
  ],
  dnsPolicy: 'ClusterFirst',
};
const ofApp = (over: object) => ({ ...stored, containers: [{ ...stored.containers[1], ...over }] });

it('is the same where something is named twice', () => {
  const mounts = [
    { name: 'e', mountPath: '/e' },
    { name: 'e', mountPath: '/f' },
  ];
  expect(isIntact({ mounts }, { mounts })).toBe(true);
  expect(isIntact({ mounts }, { mounts: mounts.toReversed() })).toBe(false);
});

it.each<[string, unknown, boolean]>([
  ['what was stored of it, with defaults and what a webhook added', stored, true],
  ['another value', ofApp({ image: 'z' }), false],
  ['a list that is shorter', ofApp({ args: ['a'] }), false],
  ['a list in another order', ofApp({ args: ['b', 'a'] }), false],
  ['a field that is gone', { containers: stored.containers }, false],
  ['an item that is gone', { ...stored, containers: [stored.containers[0]] }, false],
  ['nothing at all', undefined, false],
])('of what was written is intact or not: %s', (_case, now, expected) => {
  expect(isIntact(written, now)).toBe(expected);
});
