import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { ownSCCs, pods } from '../model/arbitraries.fixture.js';
import { compileSCC } from '../model/compile.js';
import { podSchema, podTemplateSchema } from '../model/pod.js';
import { aTemplate, SHOP } from '../model/scc.fixture.js';
import { DEFAULTS } from '../admission/request.fixture.js';
import { judgeTemplate, type WorkloadContext } from './facts.js';
import { applyTemplatePatch, mergePatches } from './patch.js';
import { recommend } from './recommend.js';
import { remediate } from './remediate.js';
import type { RiskName } from './risk.js';

const FACTS: WorkloadContext = { kind: 'Deployment', name: 'web', namespace: SHOP, sccs: DEFAULTS };
const named = (name: string) => DEFAULTS.byName.get(name)!;
type Json = Record<string, unknown>;
const inContainer = (securityContext: Json) => ({ spec: { containers: [{ name: 'web', securityContext }] } });
const fix = (target: string, spec: Json, container: Json = {}, facts: Partial<WorkloadContext> = {}) =>
  remediate(aTemplate(spec, container), named(target), { ...FACTS, ...facts });

describe('the smallest patch', () => {
  it.each<[string, string, Json, Json, Json]>([
    ['nothing for a template that fits', 'restricted-v2', {}, {}, {}],
    ['a fixed user', 'restricted-v2', {}, { securityContext: { runAsUser: 1000 } }, inContainer({ runAsUser: null })],
    [
      'a fixed user of the pod',
      'restricted-v2',
      { securityContext: { runAsUser: 1000 } },
      {},
      { spec: { securityContext: { runAsUser: null } } },
    ],
    [
      'root under nonroot-v2',
      'nonroot-v2',
      {},
      { securityContext: { runAsUser: 0 } },
      inContainer({ runAsUser: null }),
    ],
    [
      'a claim to be root',
      'nonroot-v2',
      { securityContext: { runAsNonRoot: false } },
      {},
      { spec: { securityContext: { runAsNonRoot: null } } },
    ],
    [
      'groups',
      'restricted-v3',
      { hostUsers: false, securityContext: { fsGroup: 1, supplementalGroups: [2] } },
      {},
      { spec: { securityContext: { fsGroup: null, supplementalGroups: null } } },
    ],
    [
      'a privileged container',
      'restricted-v2',
      {},
      { securityContext: { privileged: true, allowPrivilegeEscalation: true } },
      inContainer({ privileged: null, allowPrivilegeEscalation: false }),
    ],
    [
      'capabilities that may not be added',
      'restricted-v2',
      {},
      { securityContext: { capabilities: { add: ['CHOWN', 'NET_BIND_SERVICE', 'KILL'] } } },
      inContainer({ capabilities: { add: ['NET_BIND_SERVICE'] } }),
    ],
    [
      'the only added capability',
      'restricted-v2',
      {},
      { securityContext: { capabilities: { add: ['CHOWN'], drop: ['KILL'] } } },
      inContainer({ capabilities: { add: null } }),
    ],
    [
      'seccomp where none may be set',
      'anyuid',
      { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
      {},
      { spec: { securityContext: { seccompProfile: null } } },
    ],
    [
      'seccomp of a container',
      'restricted-v2',
      {},
      { securityContext: { seccompProfile: { type: 'Unconfined' } } },
      inContainer({ seccompProfile: null }),
    ],
    [
      'SELinux options',
      'restricted-v2',
      {},
      { securityContext: { seLinuxOptions: { type: 'spc_t' } } },
      inContainer({ seLinuxOptions: null }),
    ],
    [
      'the network of the node, which takes its ports along',
      'restricted-v2',
      { hostNetwork: true },
      { ports: [{ containerPort: 80 }] },
      { spec: { hostNetwork: null } },
    ],
    [
      'a port of the node',
      'restricted-v2',
      {},
      { ports: [{ containerPort: 80, hostPort: 8080 }] },
      { spec: { containers: [{ name: 'web', ports: [{ containerPort: 80, hostPort: null }] }] } },
    ],
    [
      'sysctls',
      'restricted-v2',
      {
        securityContext: {
          sysctls: [
            { name: 'kernel.msgmax', value: '1' },
            { name: 'net.ipv4.tcp_syncookies', value: '1' },
          ],
        },
      },
      {},
      { spec: { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] } } },
    ],
    ['the user namespace', 'restricted-v3', {}, {}, { spec: { hostUsers: false } }],
  ])('lifts %s', (...[, target, spec, container, expected]) => {
    const { admitted, patch, blockers, template } = fix(target, spec, container);
    expect(patch).toEqual(expected);
    expect(blockers).toEqual([]);
    expect(admitted).toBe(true);
    expect(judgeTemplate(named(target), template, FACTS).fits).toBe(true);
  });

  it('says for each edit where it is, what was there and what shall be', () =>
    expect(fix('restricted-v2', {}, { securityContext: { runAsUser: 1000 } }).edits).toMatchObject([
      {
        field: 'spec.containers[web].securityContext.runAsUser',
        change: 'remove',
        from: 1000,
        to: undefined,
        reason: '1000680000-1000689999',
      },
    ]));

  it('names what no field can lift, beside what it could', () => {
    const { admitted, blockers, patch, pod } = fix('restricted-v2', {
      hostPID: true,
      volumes: [{ name: 'logs', hostPath: { path: '/var/log' } }],
    });
    expect(admitted).toBe(false);
    expect(pod).toBeUndefined();
    expect(patch).toEqual({ spec: { hostPID: null } });
    expect(blockers).toMatchObject([{ rule: 'volumes', field: 'spec.volumes[0]', value: 'hostPath' }]);
  });
  it('names a namespace in which the target cannot judge', () =>
    expect(fix('restricted-v2', {}, {}, { namespace: { name: 'bare' } }).blockers).toMatchObject([
      { rule: 'namespace' },
    ]));

  it('is admitted, and every edit of it is needed', () => {
    let patched = 0;
    fc.assert(
      fc.property(pods, ownSCCs, fc.nat(), (pod, own, index) => {
        const targets = [...DEFAULTS.ordered, ...own.map(compileSCC)];
        const target = targets[index % targets.length]!;
        const template = podTemplateSchema.parse(podSchema.parse(pod));
        const result = remediate(template, target, FACTS);
        if (!result.admitted) {
          expect(result.blockers.length).toBeGreaterThan(0);
          return;
        }
        if (result.edits.length > 0) patched += 1;
        expect(judgeTemplate(target, applyTemplatePatch(template, result.patch), FACTS).fits).toBe(true);
        for (const edit of result.edits) {
          const rest = result.edits
            .filter((other) => other !== edit)
            .reduce((patch, other) => mergePatches(patch, other.patch), {});
          expect(judgeTemplate(target, applyTemplatePatch(template, rest), FACTS).fits).toBe(false);
        }
      }),
      cases(300),
    );
    expect(patched).toBeGreaterThan(10);
  });
});

describe('risks', () => {
  const claim = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] };
  const port = { ports: [{ containerPort: 80 }] };
  const root = { securityContext: { runAsUser: 0 } };
  const hardened = {
    securityContext: {
      runAsUser: 1000680000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
  };
  const names = (target: string, spec: Json, container: Json = {}, facts: Partial<WorkloadContext> = {}): RiskName[] =>
    fix(target, spec, container, facts).risks.map(({ name }) => name);

  it.each<[string, RiskName, boolean, RiskName[]]>([
    ['an unknown image under nonroot-v2', 'image-runs-as-root', true, names('nonroot-v2', {})],
    [
      'an image with a numeric user',
      'image-runs-as-root',
      false,
      names('nonroot-v2', {}, {}, { imageUsers: { web: '1000:0' } }),
    ],
    [
      'a low port of the image alone, no longer root',
      'privileged-port',
      true,
      names('restricted-v2', {}, {}, { imageUsers: { web: '' }, imagePorts: { web: [80] } }),
    ],
    [
      'a low port of the image where the template names another one',
      'privileged-port',
      false,
      names('restricted-v2', {}, { ports: [{ containerPort: 8080 }] }, { imagePorts: { web: [80] } }),
    ],
    ['another user than the template had', 'files-owned-by-another-user', true, names('restricted-v2', {}, root)],
    ['the same user', 'files-owned-by-another-user', false, names('restricted-v2', {}, hardened)],
    ['another user on a claim', 'volume-owned-by-another-user', true, names('restricted-v2', claim, root)],
    ['another user without a claim', 'volume-owned-by-another-user', false, names('restricted-v2', {}, root)],
    ['a new fsGroup on a claim', 'recursive-chown', true, names('restricted-v2', claim)],
    [
      'a new fsGroup with OnRootMismatch',
      'recursive-chown',
      false,
      names('restricted-v2', { ...claim, securityContext: { fsGroupChangePolicy: 'OnRootMismatch' } }),
    ],
    ['a new SELinux level on a claim', 'selinux-relabel', true, names('restricted-v2', claim)],
    ['port 80 without root', 'privileged-port', true, names('restricted-v2', {}, { ...root, ...port })],
    [
      'port 80 with the sysctl',
      'privileged-port',
      false,
      names(
        'restricted-v2',
        { securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }] } },
        { ...root, ...port },
      ),
    ],
    [
      'port 80 with the capability',
      'privileged-port',
      false,
      names(
        'restricted-v2',
        {},
        { ...port, securityContext: { runAsUser: 0, capabilities: { add: ['NET_BIND_SERVICE'] } } },
      ),
    ],
    ['port 8080', 'privileged-port', false, names('restricted-v2', {}, { ...root, ports: [{ containerPort: 8080 }] })],
    ['newly dropped capabilities', 'file-capabilities', true, names('restricted-v2', {})],
    ['newly dropped capabilities', 'capabilities-withdrawn', true, names('restricted-v2', {})],
    ['capabilities that were dropped before', 'capabilities-withdrawn', false, names('restricted-v2', {}, hardened)],
    ['a new seccomp profile', 'seccomp-newly-applied', true, names('restricted-v2', {})],
    ['an old seccomp profile', 'seccomp-newly-applied', false, names('restricted-v2', {}, hardened)],
    ['a seccomp profile given up', 'seccomp-removed', true, names('anyuid', {}, hardened)],
    [
      'the network of the node given up',
      'host-resources-withdrawn',
      true,
      names('restricted-v2', { hostNetwork: true }),
    ],
  ])('of %s: %s %s', (_what, name, expected, found) => expect(found.includes(name)).toBe(expected));

  it('are proven when the image is known to run as root', () => {
    const uncertain = (user: string) =>
      fix('nonroot-v2', {}, {}, { imageUsers: { web: user } }).risks.find(({ name }) => name === 'image-runs-as-root')
        ?.uncertain;
    expect(uncertain('')).toBe(false);
    expect(uncertain('nginx')).toBe(false);
    expect(uncertain('0:0')).toBe(false);
  });
  it('compare with the pod that runs, when it is known', () => {
    const running = fix('restricted-v2', claim).pod!;
    expect(names('restricted-v2', claim, {}, { runningPod: running })).toEqual([]);
  });
  it('each name a check and a remedy', () => {
    for (const { check, remedy, symptom, cause } of fix(
      'restricted-v2',
      { ...claim, hostNetwork: true },
      { ...root, ...port },
    ).risks)
      expect([check, remedy, symptom, cause].every((text) => text.length > 10)).toBe(true);
  });
});

describe('a recommendation', () => {
  it('lists every SCC that fits, least privileged first, and why', () => {
    const { fits, leastPrivileged, alternatives, reasons, stricter } = recommend(aTemplate(), FACTS);
    expect(fits.map(({ scc }) => scc)).toEqual([
      'restricted-v2',
      'nonroot-v2',
      'restricted',
      'nonroot',
      'anyuid',
      'hostmount-anyuid',
      'hostmount-anyuid-v2',
      'hostnetwork-v2',
      'hostnetwork',
      'hostaccess',
      'privileged',
    ]);
    expect(fits[0]).toMatchObject({ podSecurity: 'restricted' });
    expect(fits[0]?.defaults).toContain('spec.containers[0].securityContext.capabilities');
    expect(leastPrivileged).toBe('restricted-v2');
    expect(reasons[0]).toBe('nonroot-v2 also permits user ids (any id above 0); groups (any fsGroup)');
    expect(alternatives).toContain('hostnetwork-v2');
    expect(alternatives).not.toContain('nonroot-v2');
    expect(stricter).toEqual([]);
  });

  it('says which stricter SCC the smallest patch reaches', () => {
    const template = aTemplate({}, { securityContext: { runAsUser: 1000, allowPrivilegeEscalation: true } });
    const { leastPrivileged, stricter } = recommend(template, FACTS);
    expect(leastPrivileged).toBe('nonroot');
    expect(stricter.map(({ target, edits }) => [target, edits.length])).toEqual([
      ['nonroot-v2', 1],
      ['restricted', 1],
      ['restricted-v2', 2],
      ['restricted-v3', 2],
    ]);
    expect(stricter[0]?.patch).toEqual(inContainer({ allowPrivilegeEscalation: false }));
  });

  it('finds a way also when nothing fits', () => {
    const { leastPrivileged, fits, stricter } = recommend(
      aTemplate(
        { securityContext: { fsGroup: 5, seccompProfile: { type: 'Unconfined' } } },
        { securityContext: { capabilities: { add: ['NET_RAW'] } } },
      ),
      {
        ...FACTS,
        sccs: { ...DEFAULTS, ordered: DEFAULTS.ordered.filter(({ name }) => name !== 'privileged') },
      },
    );
    expect(fits).toEqual([]);
    expect(leastPrivileged).toBeUndefined();
    expect(stricter.length).toBeGreaterThan(0);
  });
});
