import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { messageOf } from '@scc/runtime';

const EXTENSIONS = new Set(['.yaml', '.yml', '.json']);
const IGNORED = new Set(['.git', 'node_modules']);

/** A file, or the reason why something below a folder cannot be read. */
type FoundFile = { file: string } | { source: string; reason: string };
type EntryKind = 'folder' | 'file' | 'other';

/** What an entry of a folder is, or what a link leads to. */
async function kindOf(entry: Dirent, inner: string): Promise<EntryKind> {
  const found = entry.isSymbolicLink() ? await stat(inner) : entry;
  if (found.isDirectory()) return IGNORED.has(entry.name) ? 'other' : 'folder';
  return found.isFile() && EXTENSIONS.has(path.extname(entry.name)) ? 'file' : 'other';
}

async function* entriesOf(folder: string, seen: Set<string>): AsyncGenerator<FoundFile> {
  const entries = await readdir(folder, { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const inner = path.join(folder, entry.name);
    try {
      yield* within(inner, await kindOf(entry, inner), seen);
    } catch (error) {
      yield { source: inner, reason: messageOf(error) };
    }
  }
}

async function* within(inner: string, kind: EntryKind, seen: Set<string>): AsyncGenerator<FoundFile> {
  const real = await realpath(inner);
  if (kind === 'other' || seen.has(real)) return;
  seen.add(real);
  if (kind === 'file') yield { file: inner };
  else yield* entriesOf(inner, seen);
}

/**
 * The files of a folder and all below it that may hold YAML or JSON, in the order of their names, each once: links are
 * followed, and one that leads into a folder above it ends there.
 */
export const filesBelow = (folder: string): AsyncGenerator<FoundFile> => within(folder, 'folder', new Set());
