import fc from 'fast-check';
import { ownSCCs } from '../model/arbitraries.fixture.js';
import { compileSCC } from '../model/compile.js';
import { defaultSCCs } from '../cluster/default-sccs.js';
import { anSCC } from '../model/scc.fixture.js';
import { DEFAULTS } from '../admission/request.fixture.js';
import { compare } from './compare.js';
import { compareByPrivilege, containment } from './lattice.js';

const named = (name: string) => DEFAULTS.byName.get(name)!;
const sccs = ownSCCs.map((own) => [...defaultSCCs(), ...own].map(compileSCC));
const MIRRORED = { equal: 'equal', narrower: 'wider', wider: 'narrower', incomparable: 'incomparable' } as const;

describe('containment', () => {
  it.each([
    ['restricted-v2', 'nonroot-v2', 'narrower'],
    ['restricted-v2', 'restricted', 'narrower'],
    ['nonroot-v2', 'nonroot', 'narrower'],
    ['restricted', 'nonroot', 'narrower'],
    ['restricted', 'anyuid', 'narrower'],
    ['restricted-v3', 'nonroot-v2', 'narrower'],
    ['restricted-v2', 'restricted-v3', 'incomparable'],
    ['restricted-v2', 'hostnetwork-v2', 'incomparable'],
    ['hostmount-anyuid', 'hostmount-anyuid-v2', 'narrower'],
    ['anyuid', 'nonroot-v2', 'wider'],
    ['hostaccess', 'anyuid', 'incomparable'],
    ['privileged', 'hostaccess', 'wider'],
    ['anyuid', 'anyuid', 'equal'],
  ] as const)('%s is, seen from %s, %s', (a, b, relation) => expect(containment(named(a), named(b))).toBe(relation));

  it('holds for every SCC below privileged', () => {
    for (const scc of DEFAULTS.ordered)
      if (scc.name !== 'privileged') expect(containment(scc, named('privileged'))).toBe('narrower');
  });
  it('ignores what a pod may state without being able to do more', () =>
    expect(
      containment(
        compileSCC(anSCC('a', { seccompProfiles: [] })),
        compileSCC(anSCC('a', { seccompProfiles: ['unconfined'] })),
      ),
    ).toBe('equal'));

  it('is mirrored, and transitive', () =>
    fc.assert(
      fc.property(sccs, fc.nat(), fc.nat(), fc.nat(), (all, i, j, k) => {
        const [a, b, c] = [all[i % all.length]!, all[j % all.length]!, all[k % all.length]!];
        expect(containment(b, a)).toBe(MIRRORED[containment(a, b)]);
        if (containment(a, b) === 'narrower' && containment(b, c) === 'narrower')
          expect(containment(a, c)).toBe('narrower');
      }),
    ));

  it('is respected by the order of privilege', () =>
    fc.assert(
      fc.property(sccs, (all) => {
        for (const a of all)
          for (const b of all) if (containment(a, b) === 'narrower') expect(compareByPrivilege(a, b)).toBeLessThan(0);
      }),
    ));
});

it('the default SCCs from least to most privileged', () =>
  expect([...DEFAULTS.ordered].sort(compareByPrivilege).map(({ name }) => name)).toEqual([
    'restricted-v2',
    'restricted-v3',
    'nonroot-v2',
    'restricted',
    'nonroot',
    'nested-container',
    'anyuid',
    'hostmount-anyuid',
    'hostmount-anyuid-v2',
    'hostnetwork-v2',
    'hostnetwork',
    'hostaccess',
    'privileged',
  ]));

describe('comparing two SCCs', () => {
  it('tells what a pod loses, weightiest first', () => {
    const { relation, gains, losses, podSecurity } = compare(named('anyuid'), named('restricted-v2'));
    expect(relation).toBe('narrower');
    expect(podSecurity).toEqual({ source: 'baseline', target: 'restricted' });
    expect(losses.map(({ dimension }) => dimension)).toEqual([
      'root user',
      'privilege escalation',
      'capabilities',
      'seccomp',
      'user ids',
      'groups',
    ]);
    expect(losses[0]?.what).toEqual(['in the pod', 'on the node']);
    expect(gains).toEqual([{ dimension: 'stating a seccomp profile', what: ['runtime/default', 'docker/default'] }]);
  });
  it('tells what a pod gains', () => {
    const { gains, losses } = compare(named('restricted-v2'), named('hostnetwork-v2'));
    expect(gains).toEqual([{ dimension: 'host namespaces', what: ['network', 'ports'] }]);
    expect(losses.map(({ dimension }) => dimension)).toEqual(['groups']);
  });
  it('finds nothing between an SCC and itself', () =>
    expect(compare(named('anyuid'), named('anyuid'))).toMatchObject({ relation: 'equal', gains: [], losses: [] }));
});
