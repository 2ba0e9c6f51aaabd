import fc from 'fast-check';
import { allocateNamespace, mcsLabel, occupiedBlocks } from './allocation.js';
import { isExemptNamespace, namespaceValues, parseGroupRanges, parseUidRange } from './namespace.js';
import { MCS_ANNOTATION, SUPPLEMENTAL_GROUPS_ANNOTATION, UID_RANGE_ANNOTATION } from './names.js';
import { SHOP, without } from './scc.fixture.js';

describe('a block of ids', () => {
  it.each([
    ['1000680000/10000', 1000680000, 1000689999],
    ['1000680000-1000689999', 1000680000, 1000689999],
    ['  7/1', 7, 7],
    ['7/ 3', 7, 9],
    ['0/10', 0, 9],
    ['5-3', 5, 3],
    ['10/0', 10, 9],
    ['0/0', 0, 4294967295],
    ['4294967295/2', 4294967295, 0],
    ['1/2 and more', 1, 2],
    ['1/10,100/10', 1, 10],
    ['1-10,20-30', 1, 10],
  ])('%j is %d to %d', (text, min, max) => expect(parseUidRange(text)).toEqual({ min, max }));

  it.each([
    '',
    'abc',
    '1',
    '1/',
    '/5',
    '-1/5',
    '+1/5',
    '1/-5',
    '1 /5',
    '1-5/3',
    '4294967296/1',
    '1/4294967296',
    '0x10/5',
  ])('%j is none', (text) => expect(() => parseUidRange(text)).toThrow(RangeError));

  it('may be one of a list', () => {
    expect(parseGroupRanges('1000/10,2000/5')).toEqual([
      { min: 1000, max: 1009 },
      { min: 2000, max: 2004 },
    ]);
    expect(() => parseGroupRanges('1000/10,')).toThrow(RangeError);
  });
});

describe('values of a namespace', () => {
  const withGroups = (groups: string) => ({
    ...SHOP,
    annotations: { ...SHOP.annotations, [SUPPLEMENTAL_GROUPS_ANNOTATION]: groups },
  });

  it('gives fsGroup one id and supplementalGroups every block', () => {
    const values = namespaceValues(withGroups('1000/10,2000/5'));
    expect(values.fsGroup).toEqual({ ok: true, value: [{ min: 1000, max: 1000 }] });
    expect(values.supplementalGroups).toMatchObject({ ok: true, value: [{ min: 1000 }, { min: 2000, max: 2004 }] });
  });
  it('falls back to the user range without a group annotation, but not with an empty one', () => {
    const annotations = without({ ...SHOP.annotations }, SUPPLEMENTAL_GROUPS_ANNOTATION);
    expect(namespaceValues({ ...SHOP, annotations }).fsGroup).toEqual({
      ok: true,
      value: [{ min: 1000680000, max: 1000680000 }],
    });
    expect(namespaceValues(withGroups('')).supplementalGroups.ok).toBe(false);
  });
  it('takes the SELinux level as it is', () => {
    const annotations = { ...SHOP.annotations, [MCS_ANNOTATION]: 'anything' };
    expect(namespaceValues({ ...SHOP, annotations }).level).toEqual({ ok: true, value: 'anything' });
  });
});

describe('exempt namespaces', () => {
  it.each([
    ['kube-system', {}, true],
    ['default', {}, true],
    ['openshift', {}, true],
    ['openshift-dns', {}, false],
    ['shop', { 'openshift.io/run-level': '0' }, true],
    ['shop', { 'openshift.io/run-level': '1' }, true],
    ['shop', { 'openshift.io/run-level': '2' }, false],
    ['shop', { 'security.openshift.io/disable-securitycontextconstraints': 'true' }, true],
    ['shop', { 'security.openshift.io/disable-securitycontextconstraints': 'True' }, false],
  ])('%s with %j: %s', (name, labels, exempt) => expect(isExemptNamespace({ name, labels })).toBe(exempt));
});

describe('allocation', () => {
  it.each([
    [0, 's0:c1,c0'],
    [1, 's0:c2,c0'],
    [5, 's0:c3,c2'],
    [340, 's0:c26,c15'],
    [523_775, 's0:c1023,c1022'],
  ])('label %d is %s', (rank, label) => expect(mcsLabel(rank)).toBe(label));

  it('gives block 68 what OpenShift gives it', () => {
    const occupied = new Set(Array.from({ length: 68 }, (_, block) => block));
    expect(allocateNamespace({}, occupied)).toEqual({ block: 68, annotations: SHOP.annotations });
  });
  it('takes the first gap and leaves a complete namespace alone', () => {
    expect(allocateNamespace({}, new Set([0, 1, 3]))?.block).toBe(2);
    expect(allocateNamespace({ ...SHOP.annotations }, new Set())).toBeUndefined();
  });
  it('keeps an existing range and adds what belongs to it', () => {
    const added = allocateNamespace({ [UID_RANGE_ANNOTATION]: '1000680000/10000' }, new Set([68]));
    expect(added).toEqual({
      block: 68,
      annotations: { [MCS_ANNOTATION]: 's0:c26,c15', [SUPPLEMENTAL_GROUPS_ANNOTATION]: '1000680000/10000' },
    });
  });
  it('fails when every block is taken', () =>
    expect(() => allocateNamespace({}, new Set(Array.from({ length: 100_000 }, (_, block) => block)))).toThrow(
      'taken',
    ));
  it('sees every block that a foreign range overlaps', () => {
    expect(occupiedBlocks('1000005000/10000')).toEqual([0, 1]);
    expect(occupiedBlocks('1000/10')).toEqual([]);
    expect(occupiedBlocks('nonsense')).toEqual([]);
  });

  it('never gives two namespaces the same ids or label', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { maxLength: 60 }), (taken) => {
        const occupied = new Set(taken);
        const seen = new Set<string>();
        for (let index = 0; index < 20; index += 1) {
          const given = allocateNamespace({}, occupied)!;
          expect(occupied.has(given.block)).toBe(false);
          occupied.add(given.block);
          const label = given.annotations[MCS_ANNOTATION]!;
          expect(seen.has(label)).toBe(false);
          seen.add(label);
        }
      }),
    );
  });
});
