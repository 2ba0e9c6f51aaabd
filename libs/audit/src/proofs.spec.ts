import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rootOf } from './compact-range.js';
import { EMPTY_ROOT, leafHash } from './hashing.js';
import { consistencySpans, inclusionSpans, type LeafSpan, verifyConsistency, verifyInclusion } from './proofs.js';
import { hashOfSpan, TILE_WIDTH, TileBuilder } from './tiles.js';

const leaves = Array.from({ length: 600 }, (_none, at) => leafHash(Buffer.from(`entry ${at}`)));
const roots = new Map<string, Buffer>();
function spanRoot({ start, end }: LeafSpan): Buffer {
  const key = `${start}-${end}`;
  const root = roots.get(key) ?? rootOf(leaves.slice(start, end));
  roots.set(key, root);
  return root;
}
const inclusion = (index: number, size: number) => ({
  index,
  size,
  leaf: leaves[index] ?? EMPTY_ROOT,
  path: inclusionSpans(index, size).map(spanRoot),
  root: spanRoot({ start: 0, end: size }),
});
const consistency = (first: number, second: number) => ({
  first,
  second,
  firstRoot: spanRoot({ start: 0, end: first }),
  secondRoot: spanRoot({ start: 0, end: second }),
  path: consistencySpans(first, second).map(spanRoot),
});

/** 2^k and its neighbours: where trees change shape. */
const edges = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 511, 512, 513];
const size = fc.integer({ min: 1, max: leaves.length });

describe('RFC 6962 hashing', () => {
  /** Test vectors that every implementation of certificate transparency shares. */
  it.each([
    [0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
    [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
    [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
    [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
    [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
  ])('gives the known root of %i leaves', (count, root) => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const known = inputs.slice(0, count).map((hex) => leafHash(Buffer.from(hex, 'hex')));
    expect(rootOf(known).toString('hex')).toBe(root);
  });
});

describe('inclusion proofs', () => {
  it.each(edges)('prove every leaf of a tree of %i', (count) => {
    const results = Array.from({ length: count }, (_none, index) => verifyInclusion(inclusion(index, count)));
    expect(results.every(Boolean)).toBe(true);
  });

  it('16: prove nothing when the path is cut, too long, reordered or of another leaf, size or root', () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (count, seed, at) => {
        const claim = inclusion(seed % count, count);
        const { path } = claim;
        const place = at % Math.max(1, path.length);
        const cut = [
          { ...claim, path: path.slice(1) },
          { ...claim, path: path.slice(0, -1) },
          { ...claim, path: path.toSpliced(place, 1, EMPTY_ROOT) },
          { ...claim, path: path.map((hash, step) => (step === place ? hash.subarray(1) : hash)) },
        ];
        const forged = [
          ...(path.length > 0 ? cut : []),
          { ...claim, path: [...path, EMPTY_ROOT] },
          { ...claim, path: [EMPTY_ROOT, ...path] },
          { ...claim, leaf: EMPTY_ROOT },
          { ...claim, root: EMPTY_ROOT },
          { ...claim, index: claim.index + count },
          { ...claim, index: -1 },
          { ...claim, index: claim.index + 0.5 },
        ];
        expect(forged.map(verifyInclusion)).toEqual(forged.map(() => false));
      }),
    );
  });

  it('16: prove nothing about the empty tree', () => {
    expect(verifyInclusion({ index: 0, size: 0, leaf: EMPTY_ROOT, path: [], root: EMPTY_ROOT })).toBe(false);
    expect(() => inclusionSpans(0, 0)).toThrow(RangeError);
    expect(() => inclusionSpans(5, 5)).toThrow(RangeError);
  });
});

describe('consistency proofs', () => {
  it.each(edges)('prove every beginning of a tree of %i', (count) => {
    const results = Array.from({ length: count + 1 }, (_none, first) => verifyConsistency(consistency(first, count)));
    expect(results.every(Boolean)).toBe(true);
  });

  it('16: prove nothing when the path is cut, too long or altered, or a root is another', () => {
    fc.assert(
      fc.property(size, size, fc.nat(), (one, other, at) => {
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        const claim = consistency(first, second);
        const { path } = claim;
        const place = at % Math.max(1, path.length);
        const cut = [
          { ...claim, path: path.slice(1) },
          { ...claim, path: path.slice(0, -1) },
          { ...claim, path: path.toSpliced(place, 1, EMPTY_ROOT) },
        ];
        const forged = [
          ...(path.length > 0 ? cut : []),
          { ...claim, path: [...path, EMPTY_ROOT] },
          { ...claim, path: [EMPTY_ROOT, ...path] },
          { ...claim, firstRoot: EMPTY_ROOT },
          { ...claim, secondRoot: EMPTY_ROOT },
          { ...claim, first: second + 1 },
          { ...claim, first: -1 },
        ];
        expect(forged.map(verifyConsistency)).toEqual(forged.map(() => false));
      }),
    );
  });

  it('16: say of the empty tree only that every tree begins with it', () => {
    const claim = { first: 0, second: 5, firstRoot: EMPTY_ROOT, secondRoot: spanRoot({ start: 0, end: 5 }), path: [] };
    expect(verifyConsistency(claim)).toBe(true);
    expect(verifyConsistency({ ...claim, path: [EMPTY_ROOT] })).toBe(false);
    expect(verifyConsistency({ ...claim, firstRoot: claim.secondRoot })).toBe(false);
  });
});

describe('tiles', () => {
  it('hold enough to compute the hash of any span', async () => {
    const builder = new TileBuilder(0, []);
    const tiles = leaves.flatMap((leaf) => builder.append(leaf));
    expect(tiles.map(({ level, index }) => [level, index])).toEqual([
      [0, 0],
      [0, 1],
    ]);
    const nodesAt = (level: number): readonly Buffer[] => (level === 0 ? leaves : tiles.map(({ root }) => root));
    const source = (level: number, { start, end }: LeafSpan): Promise<readonly Buffer[]> =>
      Promise.resolve(nodesAt(level).slice(start, end));
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (count, at) => {
        for (const span of [{ start: 0, end: count }, ...inclusionSpans(at % count, count)])
          expect((await hashOfSpan(span, source)).equals(spanRoot(span))).toBe(true);
      }),
    );
  });

  it('are completed level by level', () => {
    const builder = new TileBuilder(TILE_WIDTH ** 2 - 1, [leaves.slice(0, 255), leaves.slice(0, 255)]);
    const full = builder.append(EMPTY_ROOT);
    expect(full.map(({ level, index }) => [level, index])).toEqual([
      [0, 255],
      [1, 0],
    ]);
    expect(full[1]?.hashes.at(-1)).toEqual(full[0]?.root);
  });
});
