import { type Checkpoint, parseCheckpoint } from './checkpoint.js';
import { CompactRange } from './compact-range.js';
import { diagnose, type Stretch, type SuspectLeaf } from './diagnosis.js';
import type { CheckpointRecord, TileRecord } from './export.js';
import type { Findings } from './findings.js';
import { HASH_BYTES } from './hashing.js';
import type { KeySchedule } from './keys.js';
import { isSignedBy, NoteError, type NoteVerifier, parseVerifier } from './note.js';
import { SealerCheck } from './sealer-check.js';
import { splitHashes, TILE_WIDTH } from './tiles.js';
import { UpperTiles } from './upper-tiles.js';

const TILE_DIFFERS = 'the stored tile does not hold what was sealed, or is gone';

/** Rebuilds the Merkle tree from the entries and compares every signed checkpoint and every stored tile with it. */
export class TreeCheck {
  private readonly range = CompactRange.empty();
  /** Entries since the last full tile. */
  private recent: SuspectLeaf[] = [];
  private confirmed = CompactRange.empty();
  /** Entries since the last checkpoint that came out right. */
  private window: SuspectLeaf[] = [];
  private suspicion: { stretch: Omit<Stretch, 'following'>; sizes: number[] } | null = null;
  private following: SuspectLeaf | null = null;
  private readonly tileDifferences: number[] = [];
  private upper: UpperTiles | null = null;
  private sealers: SealerCheck | null = null;
  private previous: Checkpoint | null = null;
  private newest: Checkpoint | null = null;
  private hasGap = false;
  /** How many leaves the tiles that were met hold. */
  private tiled = 0;
  /** The size of the stored checkpoint before the one at hand. */
  private lastStored = 0;
  checkpoints = 0;

  constructor(
    private readonly origin: string,
    private readonly keys: KeySchedule,
    private readonly otherKeys: readonly string[],
    private readonly findings: Findings,
  ) {}

  /** To be called before the first leaf of a log that comes with the tiles above the leaves. */
  expectUpperTiles(): void {
    this.upper = new UpperTiles();
  }

  /** Likewise, of one that comes with what sealers read of it. */
  expectSealers(sealers: readonly number[]): void {
    this.sealers = new SealerCheck(sealers, this.findings);
  }

  get size(): number {
    return this.range.size;
  }

  /** Without every leaf no root can be computed. */
  get isWhole(): boolean {
    return !this.hasGap;
  }

  /** The newest checkpoint with a valid signature and the right root. */
  get head(): Checkpoint | null {
    return this.newest;
  }

  root(): Buffer {
    return this.range.root();
  }

  append(leaf: SuspectLeaf): void {
    if (leaf.index !== this.range.size && !this.hasGap) {
      this.hasGap = true;
      this.findings.add(
        'index-gap',
        { index: this.range.size },
        `the log goes on at ${leaf.index}: seals between are gone`,
      );
    }
    this.requireTile();
    this.range.append(leaf.leaf);
    if (this.range.size % TILE_WIDTH === 0 && this.range.tileRoot) this.upper?.append(this.range.tileRoot);
    if (this.recent.length === TILE_WIDTH) this.recent = [];
    this.recent.push(leaf);
    if (this.suspicion) this.following ??= leaf;
    else this.window.push(leaf);
  }

  /** Full tiles are stored with the seals of their leaves. */
  private requireTile(): void {
    const { size } = this.range;
    if (!this.hasGap) this.tileDifferences.push(...(this.upper?.takeMissing() ?? []));
    if (this.hasGap || size === 0 || size % TILE_WIDTH !== 0 || this.tiled === size) return;
    this.tiled = size;
    this.tileDifferences.push(size - TILE_WIDTH);
  }

  tile(record: TileRecord): void {
    if (this.hasGap) return;
    if ((record.level ?? 0) === 0) {
      this.leafTile(record);
      return;
    }
    const differing = this.upper?.compare(record) ?? null;
    if (differing !== null) this.tileDifferences.push(differing);
  }

  private leafTile({ index, hashes, root }: TileRecord): void {
    this.tiled = (index + 1) * TILE_WIDTH;
    const isAligned = hashes.length === TILE_WIDTH * HASH_BYTES && (index + 1) * TILE_WIDTH === this.range.size;
    if (!isAligned) {
      this.tileDifferences.push(index * TILE_WIDTH);
      return;
    }
    // One comparison for all of them: nearly every tile is as it was.
    const isSame = Buffer.concat(this.recent.map(({ leaf }) => leaf)).equals(hashes);
    if (isSame && root && this.range.tileRoot?.equals(root) !== true) this.tileDifferences.push(index * TILE_WIDTH);
    const stored = isSame ? null : splitHashes(hashes);
    this.recent.forEach((suspect, at) => {
      suspect.tile = stored ? (stored[at] ?? null) : suspect.leaf;
      if (suspect.tile !== suspect.leaf && !suspect.tile?.equals(suspect.leaf))
        this.tileDifferences.push(suspect.index);
    });
  }

  checkpoint(record: CheckpointRecord): void {
    const before = this.lastStored;
    this.checkpoints += 1;
    this.lastStored = record.size;
    const checkpoint = this.read(record);
    if (!checkpoint || !this.isTrusted(checkpoint)) return;
    const { previous } = checkpoint;
    if (previous !== null && previous > before)
      this.findings.add(
        'checkpoint-missing',
        { index: previous - 1 },
        `the checkpoint of size ${record.size} was signed after one of size ${previous}, which is gone`,
      );
    if (this.hasGap) return;
    if (record.size > this.range.size) {
      if (!this.findings.has('tail-truncated'))
        this.findings.add(
          'tail-truncated',
          { index: this.range.size },
          `a checkpoint signs ${record.size} entries, ${this.range.size} are left`,
        );
      return;
    }
    this.compare(checkpoint, record);
  }

  /** With the tree, and with the checkpoint before. */
  private compare(checkpoint: Checkpoint, record: CheckpointRecord): void {
    if (this.previous?.size === record.size && !this.previous.root.equals(checkpoint.root))
      this.findings.add(
        'split-view',
        { index: this.confirmed.size },
        `two signed checkpoints of ${record.size} entries have different roots`,
      );
    this.previous = checkpoint;
    const isRight = checkpoint.root.equals(this.range.root());
    this.sealers?.see(record, isRight ? this.range.encode() : null);
    if (isRight) this.confirm(checkpoint);
    else this.suspect(checkpoint);
  }

  private read({ size, note }: CheckpointRecord): Checkpoint | null {
    try {
      const checkpoint = parseCheckpoint(note);
      if (checkpoint.size === size) return checkpoint;
      this.findings.add(
        'checkpoint-replaced',
        { index: size - 1 },
        `the checkpoint of size ${size} states ${checkpoint.size}`,
      );
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.add(
        'checkpoint-signature-invalid',
        { index: size - 1 },
        `the checkpoint of size ${size}: ${error.message}`,
      );
    }
    return null;
  }

  private isTrusted(checkpoint: Checkpoint): boolean {
    const { origin, size } = checkpoint;
    if (origin !== this.origin) {
      if (!this.findings.has('foreign-origin'))
        this.findings.add(
          'foreign-origin',
          { index: 0 },
          `a checkpoint is of the log ${origin}, not of ${this.origin}`,
        );
      return false;
    }
    const key = this.keys.keyFor(size);
    if (key && isSignedBy(checkpoint, key)) return true;
    const other = this.otherKeys.map(readKey).find((candidate) => candidate && isSignedBy(checkpoint, candidate));
    if (other)
      this.findings.add(
        'key-replaced',
        { index: size - 1 },
        `the checkpoint of size ${size} is signed by ${other.vkey}, which no rotation entry introduced`,
      );
    else
      this.findings.add(
        'checkpoint-signature-invalid',
        { index: size - 1 },
        `the checkpoint of size ${size} was not signed as it is`,
      );
    return false;
  }

  /** This checkpoint is right, so a wrong one before it was replaced, and a tile that differs was altered. */
  private confirm(checkpoint: Checkpoint): void {
    for (const size of this.suspicion?.sizes ?? [])
      this.findings.add(
        'checkpoint-replaced',
        { index: size - 1 },
        `the checkpoint of size ${size} contradicts the ones before and after it`,
      );
    for (const index of this.tileDifferences.splice(0)) this.findings.add('tile-altered', { index }, TILE_DIFFERS);
    this.suspicion = null;
    this.following = null;
    this.window = [];
    this.confirmed = this.range.clone();
    this.newest = checkpoint;
  }

  private suspect(checkpoint: Checkpoint): void {
    if (this.suspicion) this.suspicion.sizes.push(checkpoint.size);
    else {
      const stretch = { base: this.confirmed, suspects: this.window, root: checkpoint.root };
      this.suspicion = { stretch, sizes: [checkpoint.size] };
    }
  }

  /**
   * @param blame the first entry, from an index on, that a receipt contradicts
   * @returns where the entries stop having the signed root, null when they never do
   */
  finish(blame: (from: number) => number | null): number | null {
    if (this.hasGap) return null;
    this.requireTile();
    if (this.suspicion) return this.nameSuspicion(this.suspicion.stretch, blame);
    if (this.confirmed.size < this.range.size && !this.findings.has('tail-truncated')) {
      const message = `no valid checkpoint covers the sealed entries from ${this.confirmed.size} on`;
      this.findings.add('checkpoint-missing', { index: this.confirmed.size }, message);
    }
    for (const index of this.tileDifferences) this.findings.add('tile-altered', { index }, TILE_DIFFERS);
    return null;
  }

  private nameSuspicion(stretch: Omit<Stretch, 'following'>, blame: (from: number) => number | null): number {
    const { fault, index, entryId, message } = diagnose({ ...stretch, following: this.following });
    const place = fault === 'root-mismatch' ? (blame(index) ?? index) : index;
    this.findings.add(fault, { index: place, entryId: place === index ? entryId : null }, message);
    return place;
  }
}

function readKey(vkey: string): NoteVerifier | null {
  try {
    return parseVerifier(vkey);
  } catch {
    return null;
  }
}
