import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  EMPTY_ROOT,
  HASH_BYTES,
  leafHash,
  parseCheckpoint,
  splitHashes,
  verifyConsistency,
  verifyInclusion,
} from '@scc/audit';
import type { DataSource } from 'typeorm';
import { append, aRecord, aSigner, Databases, seal, SecondVerifier } from './audit-log.fixture.js';
import { consistencyProof, inclusionProof, rootAt } from './proofs.js';

interface Claim {
  index: number;
  first: number;
  size: number;
  leaf: Buffer | null;
  before: Buffer;
  root: Buffer;
  path: Buffer[];
}

const SIZE = 530;
let databases: Databases;
let secondVerifier: SecondVerifier;
let source: DataSource;
let leaves: Buffer[];

beforeAll(async () => {
  secondVerifier = await SecondVerifier.build();
  databases = await Databases.start();
  source = await databases.app(await databases.create());
  const records = Array.from({ length: SIZE }, (_none, at) => aRecord(at));
  leaves = (await append(source, records)).map(({ leafHash: leaf }) => Buffer.from(leaf, 'hex'));
  await seal(source, { signer: aSigner() });
}, 60_000);
afterAll(async () => {
  await databases.close();
  await secondVerifier.remove();
});

async function inclusionClaim(index: number, size: number): Promise<Claim> {
  const [path, root] = await Promise.all([inclusionProof(source, index, size), rootAt(source, size)]);
  return { index, first: 0, size, leaf: leaves[index] ?? EMPTY_ROOT, before: EMPTY_ROOT, root, path };
}

async function consistencyClaim(first: number, size: number): Promise<Claim> {
  const [path, before, root] = await Promise.all([
    consistencyProof(source, first, size),
    rootAt(source, first),
    rootAt(source, size),
  ]);
  return { index: 0, first, size, leaf: null, before, root, path };
}

/** Forms that an attacker may give a proof. */
const forgeries = (claim: Claim): Claim[] => [
  { ...claim, path: claim.path.slice(1) },
  { ...claim, path: claim.path.slice(0, -1) },
  { ...claim, path: [...claim.path, EMPTY_ROOT] },
  { ...claim, path: [...claim.path, Buffer.concat(claim.path.slice(-1))] },
  { ...claim, path: claim.path.toReversed() },
  { ...claim, path: claim.path.map((hash) => hash.subarray(0, -1)) },
  { ...claim, path: splitHashes(Buffer.alloc(claim.path.length * HASH_BYTES)) },
  { ...claim, root: EMPTY_ROOT },
  { ...claim, before: leafHash(Buffer.alloc(0)) },
  { ...claim, leaf: claim.leaf && leafHash(Buffer.alloc(0)) },
  { ...claim, size: claim.size + 1 },
  { ...claim, size: claim.size - 1 },
  { ...claim, size: 0 },
  { ...claim, index: claim.index + 1, first: claim.first + 1 },
  { ...claim, index: claim.size, first: claim.size + 1 },
];

const ours = ({ index, first, size, leaf, before, root, path }: Claim): boolean =>
  leaf
    ? verifyInclusion({ index, size, leaf, path, root })
    : verifyConsistency({ first, second: size, firstRoot: before, secondRoot: root, path });

const hexed = ({ leaf, before, root, path, ...numbers }: Claim): object => ({
  ...numbers,
  ...(leaf && { leaf: leaf.toString('hex') }),
  before: before.toString('hex'),
  root: root.toString('hex'),
  path: path.map((hash) => hash.toString('hex')),
});

describe('proofs from stored tiles', () => {
  it('16: are judged alike by both verifiers, true ones and forged ones', async () => {
    const sizes = [1, 2, 3, 255, 256, 257, 511, 512, 513, SIZE];
    const genuine: Claim[] = [];
    for (const size of sizes) {
      for (const index of new Set([0, Math.floor(size / 2), size - 1])) genuine.push(await inclusionClaim(index, size));
      for (const first of new Set([1, Math.floor(size / 2), 256, size]))
        if (first > 0 && first <= size) genuine.push(await consistencyClaim(first, size));
    }
    const forged = genuine.flatMap(forgeries);
    expect(genuine.map(ours)).toEqual(genuine.map(() => true));
    expect(await secondVerifier.judgeProofs([...genuine, ...forged].map(hexed))).toEqual(
      [...genuine, ...forged].map(ours),
    );
    // Some changes leave a proof as it was; by far most must not.
    expect(forged.filter(ours).length).toBeLessThan(forged.length / 4);
  });

  it('compute the root of every size that was signed', async () => {
    const rows = await source.query<{ note: string }[]>('select note from audit_checkpoint order by size');
    const signed = rows.map(({ note }) => parseCheckpoint(note));
    expect(signed.length).toBeGreaterThan(5);
    for (const { size, root } of signed) expect(await rootAt(source, size)).toEqual(root);
    await expect(rootAt(source, SIZE + 1)).rejects.toThrow(/gaps/);
  });
});
