import type { TileRecord } from './export.js';
import { type Tile, TILE_WIDTH, TileBuilder } from './tiles.js';

/** How many leaves a tile of a level covers. */
const leavesOf = (level: number): number => TILE_WIDTH ** (level + 1);

/** Builds the tiles above the leaves from the roots of those below, and compares the stored ones with them. */
export class UpperTiles {
  private readonly builder = new TileBuilder(0, []);
  private awaited: Tile[] = [];

  /** The root of the next tile of leaves. */
  append(root: Buffer): void {
    this.awaited.push(...this.builder.append(root).map((tile) => ({ ...tile, level: tile.level + 1 })));
  }

  /** @returns the first leaf of a tile that is not as it has to be; null when it is. */
  compare({ level = 0, index, hashes, root }: TileRecord): number | null {
    const at = this.awaited.findIndex((tile) => tile.level === level && tile.index === index);
    const [tile] = at === -1 ? [] : this.awaited.splice(at, 1);
    const isSame = tile && Buffer.concat(tile.hashes).equals(hashes) && root?.equals(tile.root) !== false;
    return isSame ? null : index * leavesOf(level);
  }

  /** The first leaves of tiles that should have come by now and did not. */
  takeMissing(): number[] {
    return this.awaited.splice(0).map(({ level, index }) => index * leavesOf(level));
  }
}
