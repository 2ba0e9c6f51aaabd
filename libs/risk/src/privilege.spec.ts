import { describe, expect, it } from '@jest/globals';
import { compare, compileSCC, containment, defaultSCCs, podTemplateSchema } from '@scc/scc';
import { cases } from '@scc/testing/scale';
import fc from 'fast-check';
import { ownSCCs } from '@scc/scc/testing';
import { EVERYTHING, NOTHING, privilegeGain, privilegeLoss } from './privilege.js';

const DEFAULTS = new Map(defaultSCCs().map((scc) => [scc.metadata.name, compileSCC(scc)]));
const named = (name: string) => DEFAULTS.get(name)!;
const lossOf = (a: string, b: string, template: unknown) =>
  privilegeLoss(named(a), named(b), template === null ? null : podTemplateSchema.parse(template));

const aTemplate = (container: object = {}, spec: object = {}) => ({
  spec: { containers: [{ name: 'web', image: 'web', ...container }], ...spec },
});

describe('the ends of the lattice', () => {
  it.each([...DEFAULTS.values()].map((scc) => [scc.name, scc] as const))('%s lies between them', (_name, scc) => {
    const lost = privilegeLoss(NOTHING, scc, null).parts.map(({ dimension }) => dimension);
    expect(lost.filter((dimension) => dimension !== 'user ids')).toEqual([]);
    expect(privilegeGain(EVERYTHING, scc).exposure).toBe(0);
  });
});

describe('loss', () => {
  it('is what the pods use: declared fully, undeclared by half, excluded not at all', () => {
    const hardened = {
      runAsUser: 1000680000,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    };
    const asRoot = { runAsUser: 0, capabilities: { add: ['CHOWN'] } };
    const losses = [{ securityContext: hardened }, {}, { securityContext: asRoot }].map(
      (container) => lossOf('anyuid', 'restricted-v2', aTemplate(container)).loss,
    );
    const [unused, undeclared, declared] = losses;
    // Only that the id lies outside of the block of a namespace that the SCC does not name.
    expect(unused).toBeLessThan(0.11);
    expect(undeclared).toBeGreaterThan(unused!);
    expect(declared).toBeGreaterThan(undeclared!);
  });

  it('names what is used and what is not declared', () => {
    const { parts } = lossOf('privileged', 'restricted-v2', aTemplate({}, { hostNetwork: true, hostUsers: false }));
    const use = Object.fromEntries(parts.map((part) => [part.dimension, part.use]));
    expect(use).toMatchObject({ 'host namespaces': 1, 'host files': 0, 'root user': 0.5, SELinux: 0 });
  });

  it('counts a user that was seen as one that the template names', () => {
    const template = podTemplateSchema.parse(aTemplate());
    const useSeen = (uid: number): number | undefined =>
      privilegeLoss(named('anyuid'), named('restricted-v2'), template, new Map([['web', uid]])).parts.find(
        ({ dimension }) => dimension === 'root user',
      )?.use;
    expect([useSeen(0), useSeen(1001)]).toEqual([1, 0]);
    const other = privilegeLoss(named('anyuid'), named('restricted-v2'), template, new Map([['sidecar', 0]]));
    expect(other.loss).toBe(lossOf('anyuid', 'restricted-v2', aTemplate()).loss);
  });

  it('drops to what is declared once the template says so', () => {
    const { loss, lossIfDeclared } = lossOf(
      'anyuid',
      'restricted-v2',
      aTemplate({ securityContext: { runAsUser: 0 } }),
    );
    expect(lossIfDeclared).toBeGreaterThan(0);
    expect(lossIfDeclared).toBeLessThan(loss);
  });
});

describe('gain', () => {
  it('puts the defaults where their power is', () => {
    const exposures = ['nonroot-v2', 'anyuid', 'hostnetwork-v2', 'hostaccess', 'privileged'].map(
      (name) => privilegeGain(named('restricted-v2'), named(name)).exposure,
    );
    const [nonroot, anyuid, hostnetwork, hostaccess, privileged] = exposures;
    expect(nonroot).toBeLessThan(0.15);
    expect(anyuid).toBeGreaterThan(0.15);
    expect(anyuid).toBeLessThan(0.5);
    expect(hostnetwork).toBeGreaterThan(0.5);
    expect(hostnetwork).toBeLessThan(0.7);
    expect(hostaccess).toBeGreaterThan(0.7);
    expect(privileged).toBe(1);
  });
});

/** Changes of an SCC that only add a right. */
const RIGHTS = [
  { allowPrivilegedContainer: true },
  { allowHostNetwork: true },
  { allowHostPID: true },
  { allowHostIPC: true },
  { allowPrivilegeEscalation: true },
  { allowedCapabilities: ['*'] },
  { runAsUser: { type: 'RunAsAny' } },
  { seLinuxContext: { type: 'RunAsAny' } },
  { fsGroup: { type: 'RunAsAny' } },
  { supplementalGroups: { type: 'RunAsAny' } },
  { volumes: ['*'] },
  { allowedUnsafeSysctls: ['*'] },
  { readOnlyRootFilesystem: false },
  { userNamespaceLevel: 'AllowHostLevel' },
  { seccompProfiles: ['*'] },
] as const;

describe('properties of the order', () => {
  const sccs = ownSCCs.map((own) => [...defaultSCCs(), ...own]);
  const three = fc.tuple(sccs, fc.nat(), fc.nat(), fc.nat()).map(([all, i, j, k]) => {
    const pick = (index: number) => all[index % all.length]!;
    return [pick(i), pick(j), pick(k)] as const;
  });

  it('nothing is lost or gained where inclusion says so, and both where neither includes the other', () =>
    fc.assert(
      fc.property(three, ([first, second]) => {
        const [a, b] = [compileSCC(first), compileSCC(second)];
        const [loss, gain] = [privilegeLoss(a, b, null).loss, privilegeGain(a, b).exposure];
        expect(privilegeLoss(a, a, null).loss).toBe(0);
        expect(privilegeGain(a, a).exposure).toBe(0);
        const relation = containment(a, b);
        expect({ relation, loses: loss > 0, gains: gain > 0 }).toEqual({
          relation,
          loses: relation === 'wider' || relation === 'incomparable',
          gains: relation === 'narrower' || relation === 'incomparable',
        });
        expect(compare(a, b).relation === 'narrower').toBe(gain === 0 && loss > 0);
      }),
      cases(400),
    ));

  it('a gain in two moves is no less than in one', () =>
    fc.assert(
      fc.property(three, (sequence) => {
        const [a, b, c] = sequence.map(compileSCC);
        const direct = privilegeGain(a!, c!).exposure;
        expect(direct).toBeLessThanOrEqual(privilegeGain(a!, b!).exposure + privilegeGain(b!, c!).exposure + 1e-12);
      }),
      cases(400),
    ));

  it('one more right never lowers the gain', () =>
    fc.assert(
      fc.property(three, fc.constantFrom(...RIGHTS), ([first, second], right) => {
        const a = compileSCC(first);
        const [before, after] = [second, { ...second, ...right } as typeof second].map(compileSCC);
        expect(privilegeGain(a, after!).exposure).toBeGreaterThanOrEqual(privilegeGain(a, before!).exposure - 1e-12);
      }),
      cases(400),
    ));

  it('orders the default SCCs wherever one includes the other', () => {
    const all = [...DEFAULTS.values()];
    for (const narrow of all)
      for (const wide of all) {
        if (containment(narrow, wide) !== 'narrower') continue;
        const [less, more] = [narrow, wide].map((scc) => privilegeGain(NOTHING, scc).exposure);
        expect({ narrow: narrow.name, wide: wide.name, rises: more! >= less! }).toMatchObject({ rises: true });
      }
  });
});
