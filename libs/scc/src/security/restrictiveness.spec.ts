import { compileSCCs } from '../model/compile.js';
import { STANDARD_SCC_NAMES, defaultSCCs } from '../cluster/default-sccs.js';
import { restrictivenessPoints } from '../model/restrictiveness.js';
import { anSCC } from '../model/scc.fixture.js';
import { DEFAULTS } from '../admission/request.fixture.js';
import { podSecurityLevel } from './scc-level.js';
import { validateSCC } from '../cluster/validation.js';
import { defaultSCC } from '../model/write-defaults.js';

const pointsOf = (fields: Record<string, unknown>): number =>
  restrictivenessPoints(defaultSCC(anSCC('x', { volumes: ['secret'], ...fields })));
/** RunAsAny twice, no capability rule. */
const BASE = 40_000 + 40_000 + 5000;

describe('the default SCCs', () => {
  it.each([
    ['anyuid', 154_950, 'baseline'],
    ['restricted-v2', 132_010, 'restricted'],
    ['restricted-v3', 132_010, 'restricted'],
    ['restricted', 134_800, 'baseline'],
    ['nested-container', 135_020, 'privileged'],
    ['nonroot-v2', 142_010, 'restricted'],
    ['nonroot', 144_800, 'baseline'],
    ['hostmount-anyuid', 254_950, 'privileged'],
    ['hostmount-anyuid-v2', 284_950, 'privileged'],
    ['hostnetwork-v2', 1_332_010, 'privileged'],
    ['hostnetwork', 1_334_800, 'privileged'],
    ['hostaccess', 1_434_800, 'privileged'],
    ['privileged', 3_089_000, 'privileged'],
  ] as const)('%s has %d points and Pod Security level %s', (name, points, level) => {
    const scc = DEFAULTS.byName.get(name)!;
    expect(scc.points).toBe(points);
    expect(podSecurityLevel(scc)).toBe(level);
    expect(podSecurityLevel(scc.source)).toBe(level);
  });

  it('are tried by priority, points and name', () => {
    expect(DEFAULTS.ordered.map(({ name }) => name)).toEqual([
      'anyuid',
      'restricted-v2',
      'restricted-v3',
      'restricted',
      'nested-container',
      'nonroot-v2',
      'nonroot',
      'hostmount-anyuid',
      'hostmount-anyuid-v2',
      'hostnetwork-v2',
      'hostnetwork',
      'hostaccess',
      'privileged',
    ]);
  });

  it('are valid, complete and not shared between callers', () => {
    expect(defaultSCCs().flatMap(validateSCC)).toEqual([]);
    expect(STANDARD_SCC_NAMES.filter((name) => !DEFAULTS.byName.has(name))).toEqual([]);
    const [first] = defaultSCCs();
    first!.priority = 99;
    expect(defaultSCCs()[0]?.priority).toBe(10);
  });
});

describe('restrictiveness points', () => {
  it.each<[string, Record<string, unknown>, number]>([
    ['privileged containers', { allowPrivilegedContainer: true }, BASE + 1_600_000],
    ['host ports', { allowHostPorts: true }, BASE + 800_000],
    ['host network', { allowHostNetwork: true }, BASE + 400_000],
    ['hostPath by the flag', { allowHostDirVolumePlugin: true }, BASE + 200_000],
    ['every volume with the flag', { volumes: ['*'], allowHostDirVolumePlugin: true }, BASE + 200_000],
    ['every volume but hostPath', { volumes: ['*'] }, BASE + 100_000],
    ['a volume that is not trivial', { volumes: ['secret', 'nfs'] }, BASE + 100_000],
    ['only trivial volumes', { volumes: ['secret', 'configMap', 'emptyDir', 'downwardAPI', 'projected'] }, BASE],
    ['no volume', { volumes: ['none'] }, BASE],
    ['MustRunAs', { runAsUser: { type: 'MustRunAs', uid: 1 } }, BASE - 30_000],
    ['MustRunAsRange', { runAsUser: { type: 'MustRunAsRange' } }, BASE - 20_000],
    ['MustRunAsNonRoot', { runAsUser: { type: 'MustRunAsNonRoot' } }, BASE - 10_000],
    ['an unknown user strategy', { runAsUser: { type: 'Odd' } }, BASE - 40_000],
    ['an SELinux context', { seLinuxContext: { type: 'MustRunAs' } }, BASE - 30_000],
    ['default capabilities', { defaultAddCapabilities: ['A', 'B'] }, BASE + 600],
    ['every capability', { allowedCapabilities: ['*'] }, BASE + 4000],
    ['ALL capabilities in any case', { allowedCapabilities: ['all'] }, BASE + 4000],
    ['some capabilities', { allowedCapabilities: ['A', 'B', 'C'] }, BASE + 30],
    ['dropping ALL in any case', { requiredDropCapabilities: ['all', 'KILL'] }, BASE - 3000],
    ['dropping some', { requiredDropCapabilities: ['KILL', 'MKNOD'] }, BASE - 100],
    ['more drops than points', { requiredDropCapabilities: Array.from({ length: 200 }, String) }, BASE - 5000],
    ['more additions than points', { defaultAddCapabilities: Array.from({ length: 50 }, String) }, BASE + 4999],
    ['what is not counted', { allowHostPID: true, allowHostIPC: true, seccompProfiles: ['*'] }, BASE],
  ])('%s', (_what, fields, expected) => expect(pointsOf(fields)).toBe(expected));
});

describe('the order of SCCs', () => {
  const order = (...sccs: ReturnType<typeof anSCC>[]) => compileSCCs(sccs).ordered.map(({ name }) => name);

  it('puts a higher priority first and takes null for 0', () =>
    expect(order(anSCC('a', { priority: 0 }), anSCC('b', { priority: 5 }), anSCC('c', { priority: null }))).toEqual([
      'b',
      'a',
      'c',
    ]));
  it('compares names by bytes', () => expect(order(anSCC('b'), anSCC('B'), anSCC('a'))).toEqual(['B', 'a', 'b']));
  it('refuses two SCCs of one name', () => expect(() => order(anSCC('a'), anSCC('a'))).toThrow('same name'));
});
