import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { signCheckpoint } from './checkpoint.js';
import { CompactRange } from './compact-range.js';
import type { TileRecord } from './export.js';
import { Findings } from './findings.js';
import { leafHash } from './hashing.js';
import { KeySchedule } from './keys.js';
import { parseVerifier, signerFromPem } from './note.js';
import { type Tile, TILE_WIDTH, TileBuilder } from './tiles.js';
import { TreeCheck } from './tree-check.js';

const ORIGIN = 'scc.poc/upper-tiles';
const SIZE = 2 * TILE_WIDTH ** 2;
const { privateKey } = generateKeyPairSync('ed25519');
const signer = signerFromPem(ORIGIN, privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());

/** The tile as the database holds it; null for one that is gone. */
type Stored = (tile: TileRecord) => TileRecord | null;

const leaves = Array.from({ length: SIZE }, (_none, at) => leafHash(Buffer.from(String(at))));
const asRecord = ({ level, index, hashes, root }: Tile): TileRecord => ({
  ...{ t: 'tile', level, index, hashes: Buffer.concat(hashes), root },
});

const builder = new TileBuilder(0, []);
const range = CompactRange.empty();
/** By the leaf that completes them. */
const tiles = leaves.map((leaf) => {
  range.append(leaf);
  return builder.append(leaf).map(asRecord);
});
const note = signCheckpoint({ origin: ORIGIN, size: SIZE, root: range.root() }, [signer]);

/** What is found in a log of two tiles of level 1. */
function found(stored: Stored, hasUpperTiles = true): string[] {
  const findings = new Findings();
  const keys = new KeySchedule();
  keys.start(parseVerifier(signer.vkey));
  const tree = new TreeCheck(ORIGIN, keys, [], findings);
  if (hasUpperTiles) tree.expectUpperTiles();
  leaves.forEach((leaf, index) => {
    tree.append({ index, row: index, entryId: null, leaf, tile: null });
    for (const record of tiles[index]?.map(stored) ?? []) if (record) tree.tile(record);
  });
  tree.checkpoint({ t: 'checkpoint', size: SIZE, note });
  tree.finish(() => null);
  return findings.sorted().map(({ fault, index }) => `${fault} ${index}`);
}

const upper =
  (change: Stored): Stored =>
  (tile) =>
    tile.level === 1 ? change(tile) : tile;
/** The second tile of level 1 in the place of the first. */
const exchanged: Stored = (tile) => (tile.index === 0 ? { ...tile, index: 1 } : { ...tile, index: 0 });
const lastByte = (bytes: Buffer): Buffer => {
  const other = Buffer.from(bytes);
  other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
  return other;
};

describe('tiles above the leaves', () => {
  it('are as the leaves make them', () => {
    expect(found((tile) => tile)).toEqual([]);
  });

  it.each<[string, Stored]>([
    ['whose root was altered', (tile) => ({ ...tile, root: lastByte(tile.root ?? tile.hashes) })],
    ['that hold another hash', (tile) => ({ ...tile, hashes: lastByte(tile.hashes) })],
    ['that are exchanged', exchanged],
    ['that are gone', () => null],
  ])('%s are named', (_what, change) => {
    const altered = found(upper(change));
    expect(altered).toContain('tile-altered 0');
    expect(altered).toContain(`tile-altered ${TILE_WIDTH ** 2}`);
  });

  it('are not asked for in exports of earlier versions, which have none', () => {
    expect(found((tile) => (tile.level === 0 ? tile : null), false)).toEqual([]);
  });
});
