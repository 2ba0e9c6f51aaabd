import type { Pod } from '../model/pod.js';
import { decide } from '../admission/decide.js';
import { aPod, anSCC, SHOP } from '../model/scc.fixture.js';
import { aRequest, DEFAULTS } from '../admission/request.fixture.js';
import type { PodSecurityLevel } from './level.js';
import { isLabelSynced, levelAfterGrantChange, namespaceLevel } from './namespace-level.js';
import { requiredPodSecurityLevel } from './pod-level.js';
import { podSecurityLevel } from './scc-level.js';

type Json = Record<string, unknown>;
const RESTRICTED: Json = {
  volumes: ['secret'],
  allowPrivilegeEscalation: false,
  requiredDropCapabilities: ['ALL'],
  seccompProfiles: ['runtime/default'],
  runAsUser: { type: 'MustRunAsNonRoot' },
  seLinuxContext: { type: 'MustRunAs' },
};
const seLinux = (seLinuxOptions: Json) => ({ seLinuxContext: { type: 'MustRunAs', seLinuxOptions } });

describe('the level of an SCC', () => {
  it.each<[string, Json, PodSecurityLevel]>([
    ['restricted as a whole', {}, 'restricted'],
    ['host files', { allowHostDirVolumePlugin: true }, 'privileged'],
    ['host network', { allowHostNetwork: true }, 'privileged'],
    ['host PID', { allowHostPID: true }, 'privileged'],
    ['host IPC', { allowHostIPC: true }, 'privileged'],
    ['host ports', { allowHostPorts: true }, 'privileged'],
    ['privileged containers', { allowPrivilegedContainer: true }, 'privileged'],
    ['escalation', { allowPrivilegeEscalation: true }, 'baseline'],
    ['escalation by default', { allowPrivilegeEscalation: null }, 'baseline'],
    ['NET_BIND_SERVICE', { allowedCapabilities: ['NET_BIND_SERVICE'] }, 'restricted'],
    ['CHOWN', { allowedCapabilities: ['CHOWN'] }, 'baseline'],
    ['NET_ADMIN', { allowedCapabilities: ['NET_ADMIN'] }, 'privileged'],
    ['a capability with its prefix', { allowedCapabilities: ['CAP_CHOWN'] }, 'privileged'],
    ['a capability by default', { defaultAddCapabilities: ['NET_ADMIN'] }, 'privileged'],
    ['every capability', { allowedCapabilities: ['*'], requiredDropCapabilities: null }, 'privileged'],
    ['capabilities not dropped', { requiredDropCapabilities: ['KILL'] }, 'baseline'],
    ['a basic sysctl', { allowedUnsafeSysctls: ['net.ipv4.tcp_syncookies'] }, 'restricted'],
    ['an unsafe sysctl', { allowedUnsafeSysctls: ['kernel.msg*'] }, 'privileged'],
    ['nfs', { volumes: ['nfs'] }, 'baseline'],
    ['any SELinux context', { seLinuxContext: { type: 'RunAsAny' } }, 'privileged'],
    ['a confined type', seLinux({ type: 'container_init_t' }), 'restricted'],
    ['another type', seLinux({ type: 'spc_t' }), 'privileged'],
    ['an SELinux user', seLinux({ user: 'u' }), 'privileged'],
    ['no seccomp', { seccompProfiles: null }, 'baseline'],
    ['any seccomp', { seccompProfiles: ['*'] }, 'privileged'],
    ['unconfined seccomp', { seccompProfiles: ['runtime/default', 'unconfined'] }, 'privileged'],
    ['a profile of the node', { seccompProfiles: ['localhost/a', 'docker/default'] }, 'restricted'],
    ['root', { runAsUser: { type: 'MustRunAs', uid: 0 } }, 'baseline'],
    ['a user', { runAsUser: { type: 'MustRunAs', uid: 5 } }, 'restricted'],
    ['any user', { runAsUser: { type: 'RunAsAny' } }, 'baseline'],
    ['a range with root', { runAsUser: { type: 'MustRunAsRange', uidRangeMin: 0, uidRangeMax: 5 } }, 'baseline'],
  ])('%s', (_what, fields, level) => expect(podSecurityLevel(anSCC('x', { ...RESTRICTED, ...fields }))).toBe(level));

  it('depends on the range of the namespace', () => {
    const scc = anSCC('x', { ...RESTRICTED, runAsUser: { type: 'MustRunAsRange' } });
    const fromRoot = { name: 'shop', annotations: { ...SHOP.annotations, 'openshift.io/sa.scc.uid-range': '0/10' } };
    expect([podSecurityLevel(scc), podSecurityLevel(scc, SHOP), podSecurityLevel(scc, fromRoot)]).toEqual([
      'restricted',
      'restricted',
      'baseline',
    ]);
  });
});

const RESTRICTED_CONTEXT = {
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};

describe('the level that a pod needs', () => {
  const hardened = (spec: Json = {}, container: Json = {}, context: Json = {}) =>
    aPod(spec, { ...container, securityContext: { ...RESTRICTED_CONTEXT, ...context } });
  it.each<[string, Pod, PodSecurityLevel]>([
    ['hardened', hardened(), 'restricted'],
    ['plain', aPod(), 'baseline'],
    ['root', hardened({}, {}, { runAsUser: 0 }), 'baseline'],
    ['not told not to be root', hardened({}, {}, { runAsNonRoot: undefined }), 'baseline'],
    ['unconfined', hardened({}, {}, { seccompProfile: { type: 'Unconfined' } }), 'privileged'],
    [
      'NET_BIND_SERVICE',
      hardened({}, {}, { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
      'restricted',
    ],
    ['CHOWN', hardened({}, {}, { capabilities: { drop: ['ALL'], add: ['CHOWN'] } }), 'baseline'],
    ['SYS_ADMIN', hardened({}, {}, { capabilities: { drop: ['ALL'], add: ['SYS_ADMIN'] } }), 'privileged'],
    ['a port of the node', hardened({}, { ports: [{ hostPort: 80 }] }), 'privileged'],
    ['the network of the node', hardened({ hostNetwork: true }), 'privileged'],
    ['a file of the node', hardened({ volumes: [{ name: 'v', hostPath: { path: '/' } }] }), 'privileged'],
    ['nfs', hardened({ volumes: [{ name: 'v', nfs: {} }] }), 'baseline'],
    ['an SELinux type', hardened({ securityContext: { seLinuxOptions: { type: 'spc_t' } } }), 'privileged'],
    [
      'an unsafe sysctl',
      hardened({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } }),
      'privileged',
    ],
    ['an unmasked /proc', hardened({}, {}, { procMount: 'Unmasked' }), 'privileged'],
    ['a plain init container', hardened({ initContainers: [{ name: 'i' }] }), 'baseline'],
  ])('%s', (_what, pod, level) => expect(requiredPodSecurityLevel(pod)).toBe(level));

  it('is never laxer than that of the SCC that admitted it', () => {
    for (const scc of DEFAULTS.ordered) {
      const decision = decide(aRequest(aPod({ hostUsers: false }), [scc.name]), DEFAULTS);
      if (decision.decision !== 'admitted') throw new Error(scc.name);
      const order = ['restricted', 'baseline', 'privileged'];
      expect(order.indexOf(requiredPodSecurityLevel(decision.pod))).toBeLessThanOrEqual(
        order.indexOf(podSecurityLevel(scc, SHOP)),
      );
    }
  });
});

describe('the level of a namespace', () => {
  const named = (...names: string[]) => names.map((name) => DEFAULTS.byName.get(name)!);
  const labelled = (labels: Record<string, string>) => ({ ...SHOP, labels });
  const all = Object.fromEntries(
    ['enforce', 'audit', 'warn'].flatMap((mode) => [
      [`pod-security.kubernetes.io/${mode}`, 'baseline'],
      [`pod-security.kubernetes.io/${mode}-version`, 'latest'],
    ]),
  );

  it('is that of the laxest usable SCC', () => {
    expect(namespaceLevel(named('restricted-v2', 'anyuid'), SHOP)).toBe('baseline');
    expect(namespaceLevel(named('restricted-v2', 'hostaccess'), SHOP)).toBe('privileged');
    expect(namespaceLevel([], SHOP)).toBe('restricted');
  });

  it.each<[string, Parameters<typeof isLabelSynced>, boolean]>([
    ['without labels', [SHOP], true],
    ['with one label missing', [labelled({ 'pod-security.kubernetes.io/enforce': 'baseline' })], true],
    ['with all labels of another owner', [labelled(all)], false],
    ['with one label of its own', [labelled(all), ['pod-security.kubernetes.io/warn']], true],
    ['when told not to', [labelled({ 'security.openshift.io/scc.podSecurityLabelSync': 'false' })], false],
    ['when told to', [labelled({ ...all, 'security.openshift.io/scc.podSecurityLabelSync': 'true' })], true],
    ['of the platform', [{ ...SHOP, name: 'openshift-dns' }], false],
    ['of the system', [{ ...SHOP, name: 'kube-system' }], false],
    ['without a range of ids', [{ name: 'shop' }], false],
  ])('is written %s: %#', (_when, [namespace, owned], synced) => expect(isLabelSynced(namespace, owned)).toBe(synced));

  it('names the workloads that a revoked grant would block', () => {
    const change = {
      namespace: SHOP,
      before: named('restricted-v2', 'anyuid'),
      after: named('restricted-v2'),
      workloads: [
        { name: 'legacy', pod: aPod() },
        { name: 'web', pod: aPod({}, { securityContext: RESTRICTED_CONTEXT }) },
      ],
    };
    expect(levelAfterGrantChange(change, true)).toEqual({
      before: 'baseline',
      after: 'restricted',
      synced: true,
      enforced: 'restricted',
      blocked: [{ name: 'legacy', needs: 'baseline' }],
    });
    expect(levelAfterGrantChange(change)).toMatchObject({ enforced: undefined, blocked: [] });
    const fixed = { ...change, namespace: labelled({ ...all, 'pod-security.kubernetes.io/enforce': 'baseline' }) };
    expect(levelAfterGrantChange(fixed, true)).toMatchObject({ synced: false, enforced: 'baseline', blocked: [] });
  });
});
