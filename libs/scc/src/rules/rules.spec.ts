import { applyChanges } from './apply.js';
import { compileSCC } from '../model/compile.js';
import { judge } from './judge.js';
import type { Pod } from '../model/pod.js';
import { sameLevel } from './selinux.js';
import { aPod, anSCC, firstContainer, SHOP } from '../model/scc.fixture.js';
import { VOLUME_TYPES } from '../model/write-defaults.js';

type Json = Record<string, unknown>;

/** The container's securityContext after defaulting, or the fields that are violated. */
function container(scc: Json, context: Json = {}, podContext: Json = {}): unknown {
  const fit = judge(
    compileSCC(anSCC('x', scc)),
    aPod({ securityContext: podContext }, { securityContext: context }),
    SHOP,
  );
  if (!fit.fits) return fit.violations.map(({ field }) => field.replace('spec.containers[0].securityContext.', ''));
  const pod = applyChanges(aPod({ securityContext: podContext }, { securityContext: context }), fit.changes, {});
  return firstContainer(pod).securityContext;
}

function pod(scc: Json, spec: Json = {}, annotations: Record<string, string> = {}): string[] | Pod {
  const original = aPod(spec, {}, annotations);
  const fit = judge(compileSCC(anSCC('x', scc)), original, SHOP);
  return fit.fits ? applyChanges(original, fit.changes, {}) : fit.violations.map(({ field }) => field);
}
const podContext = (scc: Json, context: Json): unknown => {
  const result = pod(scc, { securityContext: context });
  return Array.isArray(result)
    ? result.map((field) => field.replace('spec.securityContext.', ''))
    : result.spec.securityContext;
};

const user = (runAsUser: Json) => ({ runAsUser });
const RANGE = user({ type: 'MustRunAsRange', uidRangeMin: 10, uidRangeMax: 20 });
const NON_ROOT = user({ type: 'MustRunAsNonRoot' });
const ONE = user({ type: 'MustRunAs', uid: 7 });

describe('runAsUser', () => {
  it.each<[string, Json, Json, Json, unknown]>([
    ['MustRunAs sets the id', ONE, {}, {}, { runAsUser: 7, runAsNonRoot: true }],
    ['MustRunAs accepts the id of the pod without repeating it', ONE, {}, { runAsUser: 7 }, { runAsNonRoot: true }],
    ['MustRunAs refuses another id', ONE, { runAsUser: 8 }, {}, ['runAsUser']],
    ['MustRunAs 0 does not claim not to be root', user({ type: 'MustRunAs', uid: 0 }), {}, {}, { runAsUser: 0 }],
    ['MustRunAsRange sets the lowest id', RANGE, {}, {}, { runAsUser: 10, runAsNonRoot: true }],
    ['MustRunAsRange includes its ends', RANGE, { runAsUser: 20 }, {}, { runAsUser: 20, runAsNonRoot: true }],
    ['MustRunAsRange refuses what lies above', RANGE, { runAsUser: 21 }, {}, ['runAsUser']],
    ['MustRunAsRange refuses what lies below', RANGE, {}, { runAsUser: 9 }, ['runAsUser']],
    ['MustRunAsRange ignores runAsNonRoot', RANGE, { runAsNonRoot: false }, {}, { runAsNonRoot: false, runAsUser: 10 }],
    [
      "MustRunAsRange uses the namespace's range",
      user({ type: 'MustRunAsRange' }),
      {},
      {},
      { runAsUser: 1000680000, runAsNonRoot: true },
    ],
    [
      'the container outranks the pod',
      RANGE,
      { runAsUser: 12 },
      { runAsUser: 1 },
      { runAsUser: 12, runAsNonRoot: true },
    ],
    ['MustRunAsNonRoot asks the kubelet to check', NON_ROOT, {}, {}, { runAsNonRoot: true }],
    ['MustRunAsNonRoot accepts an id', NON_ROOT, { runAsUser: 5 }, {}, { runAsUser: 5, runAsNonRoot: true }],
    ['MustRunAsNonRoot refuses root', NON_ROOT, { runAsUser: 0 }, {}, ['runAsUser']],
    ['MustRunAsNonRoot refuses root of the pod', NON_ROOT, {}, { runAsUser: 0 }, ['runAsUser']],
    [
      'MustRunAsNonRoot refuses runAsNonRoot false',
      NON_ROOT,
      { runAsNonRoot: false, runAsUser: 5 },
      {},
      ['runAsNonRoot'],
    ],
    [
      'MustRunAsNonRoot refuses root that claims not to be',
      NON_ROOT,
      { runAsNonRoot: true, runAsUser: 0 },
      {},
      ['runAsUser'],
    ],
    ['RunAsAny leaves root alone', {}, { runAsUser: 0 }, {}, { runAsUser: 0 }],
    ['RunAsAny marks any other id as not root', {}, { runAsUser: 5 }, {}, { runAsUser: 5, runAsNonRoot: true }],
    ['RunAsAny takes runAsNonRoot of the pod', {}, { runAsUser: 5 }, { runAsNonRoot: false }, { runAsUser: 5 }],
  ])('%s', (...[, scc, context, ofPod, expected]) => expect(container(scc, context, ofPod)).toEqual(expected));
});

const LEVEL = 's0:c26,c15';
const SELINUX = {
  seLinuxContext: { type: 'MustRunAs', seLinuxOptions: { level: LEVEL, type: 't', user: 'u', role: 'r' } },
};
const ALL_OPTIONS = { level: LEVEL, type: 't', user: 'u', role: 'r' };

describe('SELinux', () => {
  it.each([
    [LEVEL, LEVEL, true],
    [LEVEL, 's0:c15,c26', true],
    [LEVEL, 's1:c26,c15', false],
    [LEVEL, 's0:c26', false],
    [LEVEL, 's0', false],
    ['s0', 's0', true],
    ['', 's0', false],
    ['s0:a:b', 's0:a:b', true],
  ])('levels %j and %j: %s', (a, b, same) => expect(sameLevel(a, b)).toBe(same));

  it.each<[string, Json, Json, unknown]>([
    ['sets all options on the pod', SELINUX, {}, { seLinuxOptions: ALL_OPTIONS }],
    [
      'fills the level from the namespace',
      { seLinuxContext: { type: 'MustRunAs' } },
      {},
      { seLinuxOptions: { level: LEVEL } },
    ],
    [
      'accepts categories in another order',
      SELINUX,
      { seLinuxOptions: { ...ALL_OPTIONS, level: 's0:c15,c26' } },
      { seLinuxOptions: { ...ALL_OPTIONS, level: 's0:c15,c26' } },
    ],
    [
      'refuses every other option',
      SELINUX,
      { seLinuxOptions: { level: 's0' } },
      ['level', 'role', 'type', 'user'].map((key) => `seLinuxOptions.${key}`),
    ],
    [
      'refuses an option that the SCC leaves empty',
      { seLinuxContext: { type: 'MustRunAs' } },
      { seLinuxOptions: { level: LEVEL, type: 'spc_t' } },
      ['seLinuxOptions.type'],
    ],
    ['RunAsAny accepts anything', {}, { seLinuxOptions: { type: 'spc_t' } }, { seLinuxOptions: { type: 'spc_t' } }],
  ])('%s', (_what, scc, context, expected) => {
    const found = podContext(scc, context);
    // The container inherits the pod's options and repeats its violations.
    expect(
      Array.isArray(found) ? found.filter((field) => !String(field).startsWith('spec.containers')) : found,
    ).toEqual(expected);
  });
  it('refuses partial options of a container', () =>
    expect(container(SELINUX, { seLinuxOptions: { type: 't', user: 'u', role: 'r' } })).toEqual([
      'seLinuxOptions.level',
    ]));
});

const groups = (field: string, strategy: Json) => ({ [field]: { type: 'MustRunAs', ...strategy } });
const RANGES = {
  ranges: [
    { min: 5, max: 6 },
    { min: 10, max: 12 },
  ],
};

describe.each(['fsGroup', 'supplementalGroups'])('%s', (field) => {
  const value = (id: number) => (field === 'fsGroup' ? id : [id]);
  it.each<[string, Json, Json, unknown]>([
    ['sets the first id of the first range', RANGES, {}, { [field]: value(5) }],
    ['accepts an id of another range', RANGES, { [field]: value(12) }, { [field]: value(12) }],
    ['refuses an id between ranges', RANGES, { [field]: value(8) }, [field]],
    ['uses the namespace without ranges', {}, {}, { [field]: value(1000680000) }],
  ])('%s', (_what, strategy, context, expected) =>
    expect(podContext(groups(field, strategy), context)).toEqual(expected),
  );
});

describe('groups of the namespace', () => {
  it('limit fsGroup to one id, and supplementalGroups to the block', () => {
    expect(podContext(groups('fsGroup', {}), { fsGroup: 1000680001 })).toEqual(['fsGroup']);
    expect(podContext(groups('supplementalGroups', {}), { supplementalGroups: [1000680001] })).toEqual({
      supplementalGroups: [1000680001],
    });
  });
  it('do not take an empty list for an unset one', () =>
    expect(podContext(groups('supplementalGroups', RANGES), { supplementalGroups: [] })).toEqual([
      'supplementalGroups',
    ]));
  it('judge every group', () =>
    expect(podContext(groups('supplementalGroups', RANGES), { supplementalGroups: [5, 7, 9] })).toEqual([
      'supplementalGroups',
      'supplementalGroups',
    ]));
});

const caps = (add: string[] | undefined, drop: string[] | undefined) => ({
  capabilities: { ...(add && { add }), ...(drop && { drop }) },
});
const sccCaps = (defaultAdd: string[], requiredDrop: string[], allowed: string[]) => ({
  defaultAddCapabilities: defaultAdd,
  requiredDropCapabilities: requiredDrop,
  allowedCapabilities: allowed,
});

describe('capabilities', () => {
  it.each<[string, Json, Json, unknown]>([
    ['nothing asked, nothing set', {}, {}, {}],
    ['the default is added', sccCaps(['A'], [], []), {}, caps(['A'], undefined)],
    [
      'the default is not added to a container that drops it',
      sccCaps(['A'], [], []),
      caps(undefined, ['A']),
      caps(undefined, ['A']),
    ],
    [
      'both lists come back sorted when one changes',
      sccCaps([], ['B'], ['Z', 'Y']),
      caps(['Z', 'Y'], undefined),
      caps(['Y', 'Z'], ['B']),
    ],
    [
      'an unchanged object keeps its order',
      sccCaps([], ['B', 'A'], ['Z', 'Y']),
      caps(['Z', 'Y'], ['B', 'A']),
      caps(['Z', 'Y'], ['B', 'A']),
    ],
    [
      'repeated names do not count as a change',
      sccCaps([], ['B'], []),
      caps(undefined, ['B', 'B']),
      caps(undefined, ['B', 'B']),
    ],
    ['what is not allowed is refused', sccCaps([], [], ['A']), caps(['A', 'B'], undefined), ['capabilities.add']],
    ['a default may be asked for', sccCaps(['A'], [], []), caps(['A'], undefined), caps(['A'], undefined)],
    [
      '* allows everything and forgives missing drops',
      sccCaps([], [], ['*']),
      caps(['B'], undefined),
      caps(['B'], undefined),
    ],
    ['names are not folded', sccCaps([], [], ['ALL']), caps(['all'], undefined), ['capabilities.add']],
    ['CAP_ is not stripped', sccCaps([], [], ['SYS_ADMIN']), caps(['CAP_SYS_ADMIN'], undefined), ['capabilities.add']],
    [
      'what no type of ours knows stays when the lists change',
      sccCaps([], ['KILL'], []),
      { capabilities: { later: ['A'] } },
      { capabilities: { later: ['A'], drop: ['KILL'] } },
    ],
    [
      'dropping ALL does not stand for a required name',
      sccCaps([], ['KILL'], []),
      caps(undefined, ['ALL']),
      caps(undefined, ['ALL', 'KILL']),
    ],
  ])('%s', (_what, scc, context, expected) => expect(container(scc, context)).toEqual(expected));
});

describe('container flags', () => {
  const noEscalation = { allowPrivilegeEscalation: false };
  const readOnly = { readOnlyRootFilesystem: true };
  const defaultOn = { defaultAllowPrivilegeEscalation: true };
  it.each<[string, Json, Json, unknown]>([
    ['privileged needs the flag', {}, { privileged: true }, ['privileged']],
    ['privileged with the flag', { allowPrivilegedContainer: true }, { privileged: true }, { privileged: true }],
    ['privileged false needs none', {}, { privileged: false }, { privileged: false }],
    ['escalation is switched off', noEscalation, {}, noEscalation],
    ['escalation is refused', noEscalation, { allowPrivilegeEscalation: true }, ['allowPrivilegeEscalation']],
    ['the default of escalation is written', defaultOn, {}, { allowPrivilegeEscalation: true }],
    [
      'not for a privileged container',
      { ...defaultOn, allowPrivilegedContainer: true },
      { privileged: true },
      { privileged: true },
    ],
    [
      'not with CAP_SYS_ADMIN',
      { ...defaultOn, allowedCapabilities: ['*'] },
      caps(['CAP_SYS_ADMIN'], undefined),
      caps(['CAP_SYS_ADMIN'], undefined),
    ],
    [
      'but with SYS_ADMIN',
      { ...defaultOn, allowedCapabilities: ['*'] },
      caps(['SYS_ADMIN'], undefined),
      { ...caps(['SYS_ADMIN'], undefined), allowPrivilegeEscalation: true },
    ],
    ['an explicit value outranks the default', defaultOn, noEscalation, noEscalation],
    ['a read-only root is written', readOnly, {}, readOnly],
    ['a writable root is refused', readOnly, { readOnlyRootFilesystem: false }, ['readOnlyRootFilesystem']],
    ['a read-only root may be asked for', {}, readOnly, readOnly],
  ])('%s', (_what, scc, context, expected) => expect(container(scc, context)).toEqual(expected));
});

describe('the host', () => {
  it.each<[string, Json, Json, unknown]>([
    ['network', {}, { hostNetwork: true }, ['spec.hostNetwork']],
    ['PID', {}, { hostPID: true }, ['spec.hostPID']],
    ['IPC', {}, { hostIPC: true }, ['spec.hostIPC']],
    [
      'a user namespace is required, and never written',
      { userNamespaceLevel: 'RequirePodLevel' },
      {},
      ['spec.hostUsers'],
    ],
    ['a user namespace is denied', { userNamespaceLevel: 'RequirePodLevel' }, { hostUsers: true }, ['spec.hostUsers']],
    [
      'a port of the node',
      {},
      { containers: [{ name: 'web', ports: [{ containerPort: 80 }, { hostPort: 81 }] }] },
      ['spec.containers[0].ports[1].hostPort'],
    ],
    [
      'a port of the node in an init container',
      {},
      { initContainers: [{ name: 'i', ports: [{ hostPort: 1 }] }] },
      ['spec.initContainers[0].ports[0].hostPort'],
    ],
  ])('%s', (_what, scc, spec, expected) => expect(pod(scc, spec)).toEqual(expected));

  it('is open where the SCC says so', () => {
    const scc = {
      allowHostNetwork: true,
      allowHostPID: true,
      allowHostIPC: true,
      allowHostPorts: true,
      userNamespaceLevel: 'RequirePodLevel',
    };
    const spec = {
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      hostUsers: false,
      containers: [{ name: 'web', ports: [{ hostPort: 80 }] }],
    };
    expect(Array.isArray(pod(scc, spec))).toBe(false);
  });
});

describe('sysctls', () => {
  const sysctl = (name: string) => ({ sysctls: [{ name, value: '1' }] });
  it.each<[string, Json, string, boolean]>([
    ['a safe one', {}, 'net.ipv4.ip_unprivileged_port_start', true],
    ['a safe one that came later', {}, 'net.ipv4.tcp_rmem', true],
    ['an unsafe one', {}, 'kernel.msgmax', false],
    ['an allowed one', { allowedUnsafeSysctls: ['kernel.msgmax'] }, 'kernel.msgmax', true],
    ['one by its prefix', { allowedUnsafeSysctls: ['kernel.msg*'] }, 'kernel.msgmax', true],
    ['one beside the prefix', { allowedUnsafeSysctls: ['kernel.msg*'] }, 'kernel.shmmax', false],
    ['a forbidden safe one', { forbiddenSysctls: ['net.ipv4.*'] }, 'net.ipv4.tcp_syncookies', false],
    ['forbidden outranks allowed', { forbiddenSysctls: ['*'], allowedUnsafeSysctls: ['*'] }, 'kernel.msgmax', false],
  ])('%s', (_what, scc, name, fits) => {
    expect(podContext(scc, sysctl(name))).toEqual(fits ? sysctl(name) : ['sysctls[0]']);
  });
});

describe('volumes', () => {
  const field = (type: string) => ({ cephFS: 'cephfs', vsphere: 'vsphereVolume' })[type] ?? type;
  const volume = (type: string, source: Json = {}) => ({ volumes: [{ name: 'v', [field(type)]: source }] });
  const only = (type: string) => ({ volumes: [type], allowHostDirVolumePlugin: type === 'hostPath' });
  const token = (changes: Json = {}) => ({
    sources: [
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607, ...changes } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      { configMap: { name: 'openshift-service-ca.crt', items: [{ key: 'service-ca.crt', path: 'service-ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
  });

  it.each(VOLUME_TYPES)('%s must be listed', (type) => {
    expect(pod({ volumes: ['none'] }, volume(type))).toEqual(['spec.volumes[0]']);
    expect(Array.isArray(pod(only(type), volume(type)))).toBe(false);
    expect(Array.isArray(pod({ volumes: ['*'], allowHostDirVolumePlugin: true }, volume(type)))).toBe(false);
  });
  it('refuses what it does not know', () => expect(pod({}, volume('quantumDisk'))).toEqual(['spec.volumes[0]']));
  it.each<[string, Json, boolean]>([
    ['the injected token', token(), true],
    ['a token for another service', token({ audience: 'vault' }), false],
    ['a token elsewhere', token({ path: 'other' }), false],
    [
      'another config map',
      { sources: [{ configMap: { name: 'x', items: [{ key: 'ca.crt', path: 'ca.crt' }] } }] },
      false,
    ],
    ['a whole config map', { sources: [{ configMap: { name: 'kube-root-ca.crt' } }] }, false],
    ['a secret', { sources: [{ secret: { name: 'x' } }] }, false],
    [
      'another field',
      {
        sources: [
          {
            downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'spec.nodeName' } }] },
          },
        ],
      },
      false,
    ],
  ])('projects %s where only secrets are listed: %#', (_what, projected, fits) =>
    expect(Array.isArray(pod({ volumes: ['secret'] }, volume('projected', projected)))).toBe(!fits),
  );
  it('needs secret for the injected token', () =>
    expect(pod({ volumes: ['emptyDir'] }, volume('projected', token()))).toEqual(['spec.volumes[0]']));
  it('limits the drivers of flexVolume', () => {
    const drivers = { volumes: ['flexVolume'], allowedFlexVolumes: [{ driver: 'a/b' }] };
    expect(Array.isArray(pod(drivers, volume('flexVolume', { driver: 'a/b' })))).toBe(false);
    expect(pod(drivers, volume('flexVolume', { driver: 'c/d' }))).toEqual(['spec.volumes[0].flexVolume.driver']);
  });
});
