import { aPod } from './pod.fixture.js';
import { configError, processIdentityOf } from './security.js';

const securityContext = (own: object = {}): object => ({ securityContext: own });

describe('identityOf', () => {
  it.each<[string, object, object, number]>([
    ['the image decides when nothing else does', {}, {}, 0],
    ['the pod goes before the image', { runAsUser: 1000 }, {}, 1000],
    ['the container goes before the pod', { runAsUser: 1000 }, { runAsUser: 2000 }, 2000],
  ])('%s', (_case, shared, own, uid) => {
    const { pod, container } = aPod(securityContext(shared), securityContext(own));
    expect(processIdentityOf(pod, container, 0).uid).toBe(uid);
  });

  it('puts the fsGroup among the groups', () => {
    const { pod, container } = aPod(securityContext({ fsGroup: 5000, runAsGroup: 7, supplementalGroups: [9] }));
    expect(processIdentityOf(pod, container, 0)).toMatchObject({ groups: [7, 9, 5000], fsGroup: 5000 });
  });

  it.each<[string, object, object, boolean]>([
    ['root may', {}, {}, true],
    ['root that dropped every capability may not', {}, { capabilities: { drop: ['ALL'] } }, false],
    ['another user may not', {}, { runAsUser: 1000 }, false],
    [
      'another user with the capability may',
      {},
      { runAsUser: 1000, capabilities: { add: ['NET_BIND_SERVICE'] } },
      true,
    ],
    [
      'root that dropped all but this capability may',
      {},
      { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } },
      true,
    ],
    ['a privileged container may', {}, { runAsUser: 1000, privileged: true }, true],
    [
      'anyone may where the sysctl says so',
      { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] },
      { runAsUser: 1000 },
      true,
    ],
  ])('binding a low port: %s', (_case, shared, own, expected) => {
    const { pod, container } = aPod(securityContext(shared), securityContext(own));
    expect(processIdentityOf(pod, container, 0).canBindLowPorts).toBe(expected);
  });
});

describe('configError', () => {
  it.each<[string, { shared: object; own: object; imageUid: number }, RegExp | null]>([
    ['nothing is asked for', { shared: {}, own: {}, imageUid: 0 }, null],
    ['the image runs as root', { shared: { runAsNonRoot: true }, own: {}, imageUid: 0 }, /image will run as root/],
    ['the image does not run as root', { shared: { runAsNonRoot: true }, own: {}, imageUid: 65532 }, null],
    ['another uid is set', { shared: { runAsNonRoot: true }, own: { runAsUser: 1000 }, imageUid: 0 }, null],
    [
      'root is set',
      { shared: { runAsNonRoot: true }, own: { runAsUser: 0 }, imageUid: 65532 },
      /breaks non-root policy/,
    ],
    [
      'the container lifts the rule of the pod',
      { shared: { runAsNonRoot: true }, own: { runAsNonRoot: false }, imageUid: 0 },
      null,
    ],
  ])('%s', (_case, { shared, own, imageUid }, expected) => {
    const { pod, container } = aPod(securityContext(shared), securityContext(own));
    const refusal = configError(pod, container, imageUid);
    if (expected === null) expect(refusal).toBeNull();
    else expect(refusal).toMatch(expected);
  });
});
