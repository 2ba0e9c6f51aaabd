import { compileSCCs } from '../model/compile.js';
import type { Container, Pod } from '../model/pod.js';
import { aPod, anSCC } from '../model/scc.fixture.js';
import { MAX_CHARACTERS, MAX_SENTENCES, MAX_VIOLATIONS } from '../rules/findings.js';
import { decide } from './decide.js';
import { aRequest, DEFAULTS } from './request.fixture.js';

const numbers = (count: number): number[] => Array.from({ length: count }, (_none, index) => index);

/** A pod whose containers count how often a rule reads one of them. */
function counted(pod: Pod): { pod: Pod; reads: () => number } {
  let reads = 0;
  const watched = (container: Container): Container =>
    new Proxy(container, {
      get: (target, key) => {
        reads += 1;
        return Reflect.get(target, key) as unknown;
      },
    });
  return { pod: { ...pod, spec: { ...pod.spec, containers: pod.spec.containers.map(watched) } }, reads: () => reads };
}

const withHostPorts = (count: number): Pod =>
  aPod({
    containers: numbers(count).map((index) => ({
      name: `c${index}`,
      ports: [{ containerPort: 8080, hostPort: 10_000 + index }],
    })),
  });

/** All characters that a rejection holds, beside those of the pod that it refers to. */
function charactersOf(held: unknown): number {
  if (typeof held === 'string') return held.length;
  if (typeof held !== 'object' || held === null) return 0;
  return Object.entries(held).reduce((sum, [key, item]) => sum + (key === 'value' ? 0 : charactersOf(item)), 0);
}

/** A volume for each SCC to refuse, beside what the pod asks for. */
const refusedByAll = ({ spec, ...pod }: Pod): Pod => ({
  ...pod,
  spec: { ...spec, volumes: [{ name: 'data', rbd: {} }] },
});
const REFUSING = DEFAULTS.ordered.filter(({ anyVolume }) => !anyVolume).map(({ name }) => name);

const refuse = (pod: Pod, usable: readonly string[] = REFUSING) => {
  const decision = decide(aRequest(refusedByAll(pod), usable), DEFAULTS);
  if (decision.decision !== 'rejected') throw new Error(`the pod is ${decision.decision}`);
  return decision;
};

/** Every pod here is refused by every SCC that may be used. */
const ATTACKS: [string, (count: number) => Pod][] = [
  ['host ports', withHostPorts],
  ['host ports of one container', (count) => aPod({}, { ports: numbers(count).map((n) => ({ hostPort: n + 1 })) })],
  ['groups', (count) => aPod({ securityContext: { supplementalGroups: numbers(count), fsGroup: 1 } })],
  [
    'a long SELinux level that all containers inherit',
    (count) =>
      aPod({
        securityContext: { seLinuxOptions: { level: `s0:${numbers(count).join(',')}` } },
        containers: numbers(count).map((index) => ({ name: `c${index}` })),
      }),
  ],
  [
    'a long seccomp profile that all containers inherit',
    (count) =>
      aPod({
        securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'x'.repeat(100 * count) } },
        containers: numbers(count).map((index) => ({ name: `c${index}` })),
      }),
  ],
  [
    'capabilities',
    (count) => aPod({}, { securityContext: { capabilities: { add: numbers(count).map((n) => `CAP_${n}`) } } }),
  ],
  ['a long name', (count) => aPod({}, { name: 'n'.repeat(1000 * count) })],
  [
    'host namespaces of many containers',
    (count) =>
      aPod({
        ...{ hostPID: true, hostIPC: true, hostNetwork: true },
        containers: numbers(count).map((index) => ({ name: `c${index}` })),
      }),
  ],
];

describe('a decision about a pod that asks for much', () => {
  it.each(ATTACKS)('holds no more text for more %s', (_what, podOf) => {
    const [some, more] = [400, 800].map((count) => charactersOf(refuse(podOf(count))));
    expect(more).toBeLessThan((some ?? 0) * 1.1 + 2000);
    expect(refuse(podOf(800)).message.length).toBeLessThan(MAX_CHARACTERS + 2000);
  });

  it.each(ATTACKS)('keeps a bounded number of violations for %s', (_what, podOf) => {
    for (const { violations } of refuse(podOf(800)).failures)
      expect(violations.length).toBeLessThanOrEqual(MAX_VIOLATIONS);
  });

  it('reads each container as often, however many there are', () => {
    const perContainer = [100, 200, 400, 800].map((count) => {
      const { pod, reads } = counted(withHostPorts(count));
      refuse(pod);
      return reads() / count;
    });
    expect(Math.max(...perContainer)).toBeLessThan(Math.min(...perContainer) * 1.05);
  });

  it('names the first things and says how many more there are', () => {
    const only = compileSCCs([anSCC('only')]);
    const decision = decide(aRequest(withHostPorts(20)), only);
    if (decision.decision !== 'rejected') throw new Error('the pod is not refused');
    const said = decision.message.slice(decision.message.indexOf('[') + 1, -1).split(', ');
    expect(said).toHaveLength(MAX_SENTENCES + 1);
    expect(said[0]).toContain('containers[0].containers[0].hostPort: Invalid value: 10000');
    expect(said.at(-1)).toBe(`… and ${20 * 20 - MAX_SENTENCES} more`);
  });

  it('says how many violations it left out', () => {
    const [failure] = refuse(withHostPorts(MAX_VIOLATIONS + 6), ['restricted-v2']).failures.filter(
      ({ scc }) => scc === 'restricted-v2',
    );
    expect(failure).toMatchObject({ omitted: 7 });
  });
});
