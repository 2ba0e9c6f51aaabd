import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { DEFAULTS } from '../admission/request.fixture.js';
import { ownSCCs, pods } from '../model/arbitraries.fixture.js';
import { compileSCC } from '../model/compile.js';
import { type Pod, podSchema, podTemplateSchema } from '../model/pod.js';
import { aTemplate, SHOP } from '../model/scc.fixture.js';
import type { WorkloadContext } from './facts.js';
import { remediate } from './remediate.js';

type Json = Record<string, unknown>;
const FACTS: WorkloadContext = { kind: 'Deployment', name: 'web', namespace: SHOP, sccs: DEFAULTS };
const fix = (target: string, spec: Json, container: Json = {}, facts: Partial<WorkloadContext> = {}) =>
  remediate(aTemplate(spec, container), DEFAULTS.byName.get(target)!, { ...FACTS, ...facts });
const causes = (...of: Parameters<typeof fix>): string[] =>
  fix(...of).risks.map(({ name, containers, cause }) => `${name}(${containers.join()}): ${cause}`);

describe('what a target takes away', () => {
  it('is named capability by capability, beside privileged', () => {
    const securityContext = { privileged: true, capabilities: { add: ['NET_ADMIN', 'SYS_TIME', 'WAKE_ALARM'] } };
    expect(causes('anyuid', {}, { securityContext })).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^privileged-withdrawn\(web\)/),
        'capabilities-withdrawn(web): the capability NET_ADMIN is taken away',
        'capabilities-withdrawn(web): the capability SYS_TIME is taken away',
        'capabilities-withdrawn(web): the capability WAKE_ALARM is taken away',
      ]),
    );
  });

  it.each<[string, string, Json, Json, string]>([
    [
      'sysctls',
      'restricted-v2',
      {
        securityContext: {
          sysctls: [
            { name: 'net.core.somaxconn', value: '4096' },
            { name: 'kernel.msgmax', value: '1' },
          ],
        },
      },
      {},
      'sysctls-withdrawn(): the sysctls net.core.somaxconn, kernel.msgmax fall back to the default of the node',
    ],
    [
      'groups',
      'restricted-v2',
      { securityContext: { fsGroup: 5000 } },
      {},
      'groups-withdrawn(): the pod no longer belongs to the group 5000',
    ],
    [
      'an SELinux type',
      'restricted-v2',
      {},
      { securityContext: { seLinuxOptions: { type: 'spc_t' } } },
      'selinux-options-withdrawn(web): the SELinux type spc_t is taken away',
    ],
    [
      'a seccomp profile of the node',
      'restricted-v2',
      {},
      { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'own.json' } } },
      'seccomp-changed(web): the seccomp profile changes: Localhost own.json becomes RuntimeDefault',
    ],
    [
      'ports of the node',
      'restricted-v2',
      {},
      {
        ports: [
          { containerPort: 80, hostPort: 8080 },
          { containerPort: 53, hostPort: 5353, protocol: 'UDP' },
        ],
      },
      'host-resources-withdrawn(web): the ports 8080, 5353/UDP of the node are no longer opened',
    ],
    [
      'the network of the node',
      'restricted-v2',
      { hostNetwork: true },
      {},
      'host-resources-withdrawn(): hostNetwork is taken away',
    ],
    [
      'the processes of the node',
      'restricted-v2',
      { hostPID: true },
      {},
      'host-resources-withdrawn(): hostPID is taken away',
    ],
    [
      'the memory of the node',
      'restricted-v2',
      { hostIPC: true },
      {},
      'host-resources-withdrawn(): hostIPC is taken away',
    ],
  ])('is named for %s', (...[, target, spec, container, expected]) =>
    expect(causes(target, spec, container)).toContain(expected),
  );

  it('says who loses a port of the node', () => {
    const [lost] = fix('restricted-v2', {}, { ports: [{ containerPort: 80, hostPort: 8080 }] }).risks.filter(
      ({ name }) => name === 'host-resources-withdrawn',
    );
    expect(lost?.symptom).toMatch(/clients that connect to the address of a node and that port/);
  });

  it('is not named when the pod that runs does not have it', () => {
    const runningPod = fix('restricted-v2', {}).pod!;
    expect(causes('nonroot-v2', { securityContext: { runAsUser: 1000680000 } }, {}, { runningPod })).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/capabilities|seccomp/)]),
    );
  });

  it('stays readable for a thousand of them', () => {
    const add = Array.from({ length: 1000 }, (_none, index) => `OWN_${index}`);
    const said = causes('restricted-v2', {}, { securityContext: { capabilities: { add } } }).join('\n');
    expect(said).toContain('and 980 more');
    expect(said.length).toBeLessThan(5000);
  });

  it('is nothing when the same pod is admitted unchanged', () => {
    fc.assert(
      fc.property(pods, ownSCCs, fc.nat(), (pod, own, index) => {
        const targets = [...DEFAULTS.ordered, ...own.map(compileSCC)];
        const target = targets[index % targets.length]!;
        const first = remediate(podTemplateSchema.parse(podSchema.parse(pod)), target, FACTS);
        if (!first.pod) return;
        const again = remediate(first.template, target, { ...FACTS, runningPod: first.pod });
        expect(again.risks.filter(({ name }) => /withdrawn|changed|removed|applied/.test(name))).toEqual([]);
      }),
      cases(200),
    );
  });

  it('is named in full, whatever the pod has that it had no more', () => {
    fc.assert(
      fc.property(pods, ownSCCs, fc.nat(), (had, own, index) => {
        const targets = [...DEFAULTS.ordered, ...own.map(compileSCC)];
        const target = targets[index % targets.length]!;
        const { pod: has, risks } = remediate(podTemplateSchema.parse(podSchema.parse(had)), target, {
          ...FACTS,
          runningPod: had,
        });
        if (!has) return;
        const said = risks.map(({ name, containers, cause }) => `${name}(${containers.join()}): ${cause}`).join('\n');
        for (const lost of lostBetween(had, has)) expect(said).toMatch(lost);
      }),
      cases(300),
    );
  });
});

/** Patterns of everything that a pod had and another one does not. */
function lostBetween(had: Pod, has: Pod): RegExp[] {
  const word = (text: string | number): RegExp => new RegExp(`(^|[ ,])${text}([ ,;:]|$)`, 'm');
  const gone = <T>(before: readonly T[], after: readonly T[]): T[] => before.filter((item) => !after.includes(item));
  const flags = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter(
    (field) => had.spec[field] === true && has.spec[field] !== true,
  );
  const sysctls = gone(...both(had, has, ({ spec }) => (spec.securityContext?.sysctls ?? []).map(({ name }) => name)));
  const groups = gone(
    ...both(had, has, ({ spec: { securityContext: context } }) => [
      ...(context?.supplementalGroups ?? []),
      ...(context?.fsGroup == null ? [] : [context.fsGroup]),
    ]),
  );
  const ofContainers = containersIn(had).flatMap(({ name, securityContext: before }) => {
    const after = containersIn(has).find((container) => container.name === name)?.securityContext;
    const [added, adds] = [before, after].map((context) =>
      (context?.capabilities?.add ?? []).map((capability) => capability.replace(/^CAP_/, '')),
    );
    const isOpen = after?.privileged === true || adds?.includes('ALL');
    const [options, others] = [
      [had, before],
      [has, after],
    ].map(
      ([pod, context]) =>
        (context as typeof before)?.seLinuxOptions ?? (pod as Pod).spec.securityContext?.seLinuxOptions,
    );
    const labels = (['user', 'role', 'type'] as const).filter(
      (field) => options?.[field] && options[field] !== others?.[field],
    );
    return [
      ...(before?.privileged === true && after?.privileged !== true
        ? [new RegExp(`^privileged-withdrawn.*${name}`, 'm')]
        : []),
      ...(isOpen ? [] : gone(added ?? [], adds ?? [])).map(word),
      ...labels.map((field) => word(`${field} ${options?.[field] ?? ''}`)),
    ];
  });
  return [
    ...flags.map((field) => word(`${field} is taken away`)),
    ...[...sysctls, ...groups].map(word),
    ...ofContainers,
  ];
}
const both = <T>(a: Pod, b: Pod, of: (pod: Pod) => T): [T, T] => [of(a), of(b)];
const containersIn = ({ spec }: Pod) => [...(spec.initContainers ?? []), ...spec.containers];
