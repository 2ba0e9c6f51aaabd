import { readdir } from 'node:fs/promises';
import path from 'node:path';

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);

/** The files of a folder and all below it that may hold YAML or JSON, in the order of their names. */
export async function* filesBelow(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = path.join(folder, entry.name);
    if (entry.isDirectory() && entry.name !== '.git' && entry.name !== 'node_modules') yield* filesBelow(inner);
    else if (entry.isFile() && EXTENSIONS.has(path.extname(entry.name))) yield inner;
  }
}
