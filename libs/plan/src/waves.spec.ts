import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { campaignSpecSchema, type Member } from './campaign.js';
import { accountKey, memberKey, startable } from './members.js';
import { waveHash, wavesOf } from './waves.js';

const aMember = (over: Partial<Member> = {}): Member => ({
  namespace: 'shop',
  kind: 'Deployment',
  name: 'ledger',
  serviceAccount: 'ledger',
  targetSCC: 'restricted-v2',
  risk: 0,
  ...over,
});

const members = fc
  .uniqueArray(
    fc.record({
      namespace: fc.constantFrom('shop', 'bank'),
      kind: fc.constantFrom('Deployment', 'StatefulSet'),
      name: fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom('a', 'b', 'c', 'd') }),
      serviceAccount: fc.constantFrom('default', 'web', 'db'),
      targetSCC: fc.constant('restricted-v2'),
      risk: fc.integer({ min: 0, max: 5 }),
    }),
    { selector: memberKey, maxLength: 60 },
  )
  .map((all): Member[] => all);
const divisions = fc.oneof(
  fc.record({ count: fc.integer({ min: 1, max: 12 }) }),
  fc.record({ sizes: fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }) }),
);
const specOf = (waves: object) => campaignSpecSchema.parse({ selector: {}, waves });

describe('the waves of a campaign', () => {
  it('hold every workload once, and none is empty', () => {
    fc.assert(
      fc.property(members, divisions, (all, division) => {
        const waves = wavesOf(all, specOf(division));
        expect(waves.flat().map(memberKey).sort()).toEqual(all.map(memberKey).sort());
        expect(waves.filter((wave) => wave.length === 0)).toEqual([]);
      }),
    );
  });

  it('are the same whatever order the workloads come in', () => {
    fc.assert(
      fc.property(members, divisions, (all, division) => {
        expect(wavesOf([...all].reverse(), specOf(division))).toEqual(wavesOf(all, specOf(division)));
      }),
    );
  });

  it('rise in risk from wave to wave while no two workloads share a ServiceAccount', () => {
    fc.assert(
      fc.property(members, divisions, (all, division) => {
        const apart = all.map((member) => ({ ...member, serviceAccount: memberKey(member) }));
        const risks = wavesOf(apart, specOf(division)).map((wave) => wave.map(({ risk }) => risk));
        for (const [at, wave] of risks.entries())
          expect(Math.min(...wave)).toBeGreaterThanOrEqual(Math.max(...(risks[at - 1] ?? [0])));
      }),
    );
  });

  it('have the sizes that were given, the last one repeated', () => {
    const all = Array.from({ length: 10 }, (_one, at) => aMember({ name: `w${at}`, serviceAccount: `w${at}` }));
    expect(wavesOf(all, specOf({ sizes: [1, 3] })).map((wave) => wave.length)).toEqual([1, 3, 3, 3]);
    expect(wavesOf(all, specOf({ count: 4 })).map((wave) => wave.length)).toEqual([2, 2, 3, 3]);
  });

  it('keep workloads of one ServiceAccount apart where there is room', () => {
    const all = ['a', 'b', 'c', 'd'].map((name, at) =>
      aMember({ name, serviceAccount: at < 2 ? 'shared' : name, risk: at }),
    );
    const waves = wavesOf(all, specOf({ count: 2 }));
    for (const wave of waves) expect(new Set(wave.map(accountKey)).size).toBe(wave.length);
  });

  it('are those that the author gave', () => {
    const all = [aMember({ name: 'a', risk: 9 }), aMember({ name: 'b' }), aMember({ name: 'c' })];
    const placed = new Map([
      [memberKey(aMember({ name: 'a' })), 1],
      [memberKey(aMember({ name: 'b' })), 7],
      [memberKey(aMember({ name: 'c' })), 7],
    ]);
    expect(wavesOf(all, specOf({}), placed).map((wave) => wave.map(({ name }) => name))).toEqual([['a'], ['b', 'c']]);
  });
});

describe('the hash of a wave', () => {
  it('does not depend on the order, and changes with any workload or target', () => {
    const wave = [aMember({ name: 'a' }), aMember({ name: 'b' })];
    expect(waveHash([...wave].reverse())).toBe(waveHash(wave));
    expect(waveHash([aMember({ name: 'a' })])).not.toBe(waveHash(wave));
    expect(waveHash([aMember({ name: 'a', targetSCC: 'nonroot-v2' }), aMember({ name: 'b' })])).not.toBe(
      waveHash(wave),
    );
  });
});

describe('the workloads that may begin', () => {
  it('are never more than may run, and never two of one ServiceAccount', () => {
    fc.assert(
      fc.property(members, fc.nat(40), fc.integer({ min: 1, max: 10 }), (all, cut, maxConcurrent) => {
        const running = startable(all.slice(0, cut), [], maxConcurrent);
        const begun = startable(all.slice(cut), running, maxConcurrent);
        const together = [...running, ...begun];
        expect(together.length).toBeLessThanOrEqual(maxConcurrent);
        expect(new Set(together.map(accountKey)).size).toBe(together.length);
      }),
    );
  });

  it('always include one while nothing runs and any waits', () => {
    fc.assert(
      fc.property(members, fc.integer({ min: 1, max: 10 }), (all, maxConcurrent) => {
        expect(startable(all, [], maxConcurrent).length > 0).toBe(all.length > 0);
      }),
    );
  });
});
