import { readFile, stat } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@scc/runtime';
import { type ClusterObject, clusterObjectSchema, type Collected } from '@scc/scc/scan';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { CliError } from '../exit.js';
import { filesBelow } from '../files.js';

/** Above it a file is no manifest, and would fill the memory. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** `kubectl get` and must-gather write lists of several kinds: List, DeploymentList, PodList. */
const listSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string().endsWith('List'),
  items: z.array(z.unknown()).nullable(),
});

/** Lists may hold lists, which nothing but a mistake makes deep. */
const MAX_LISTS = 5;

/** The objects in a document, or in a list of documents. Items of a typed list carry neither apiVersion nor kind. */
function itemsOf(value: unknown, lists = 0): unknown[] {
  if (value === null || value === undefined) return [];
  if (lists > MAX_LISTS) throw new Error(`its lists are nested more than ${MAX_LISTS} deep`);
  if (Array.isArray(value)) return value.flatMap((item) => itemsOf(item, lists + 1));
  const list = listSchema.safeParse(value).data;
  if (!list) return [value];
  const kind = list.kind.slice(0, -'List'.length);
  return (list.items ?? []).flatMap((item) =>
    typeof item === 'object' && item !== null && kind !== ''
      ? [{ apiVersion: list.apiVersion, kind, ...item }]
      : itemsOf(item, lists + 1),
  );
}

/** A mapping that has neither apiVersion nor kind is no object of Kubernetes: values of a chart, a kustomization. */
const isForeign = (value: unknown): boolean =>
  typeof value !== 'object' || value === null || !('apiVersion' in value && 'kind' in value);

/** Takes one object, or says why it cannot be read. */
function take(item: unknown, source: string, { objects, unreadable }: Collected): void {
  if (isForeign(item)) return;
  const parsed = clusterObjectSchema.safeParse(item);
  if (parsed.success) objects.push(parsed.data);
  else unreadable.push({ source, reason: z.prettifyError(parsed.error) });
}

/** JSON is read as such, which is faster than as YAML by far. */
function json(content: string): unknown {
  if (!/^\s*[{[]/.test(content)) return undefined;
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}

/** The objects of a text. A document that cannot be read is named, and the others are read all the same. */
export function objectsOf(content: string, source: string): Collected {
  const collected: Collected = { objects: [], unreadable: [] };
  const value = json(content);
  if (value !== undefined) {
    try {
      for (const item of itemsOf(value)) take(item, source, collected);
    } catch (error) {
      collected.unreadable.push({ source, reason: messageOf(error) });
    }
    return collected;
  }
  // Files that were joined bring a byte order mark each; behind the first one it would hide a document. Merge keys are
  // those of YAML 1.1, which Kubernetes reads.
  const documents = parseAllDocuments(content.replaceAll(/^\uFEFF/gm, ''), {
    uniqueKeys: false,
    merge: true,
    logLevel: 'error',
  });
  if (!Array.isArray(documents)) return collected;
  for (const [at, document] of documents.entries()) {
    const where = documents.length > 1 ? `${source}, document ${at + 1}` : source;
    try {
      const [error] = document.errors;
      if (error) throw error;
      for (const item of itemsOf(document.toJS({ maxAliasCount: 100 }))) take(item, where, collected);
    } catch (error) {
      collected.unreadable.push({ source: where, reason: messageOf(error).split('\n')[0] ?? '' });
    }
  }
  return collected;
}

const UTF16: readonly (readonly [encoding: string, first: number, second: number])[] = [
  ['utf-16le', 0xff, 0xfe],
  ['utf-16be', 0xfe, 0xff],
];

/** The text of a file in UTF-8, or in UTF-16 with a byte order mark. @throws Error for any other */
function textOf(bytes: Uint8Array): string {
  const marked = UTF16.find(([, first, second]) => bytes[0] === first && bytes[1] === second);
  try {
    return new TextDecoder(marked?.[0] ?? 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error('it is no text in UTF-8');
  }
}

/** The objects of a text of any encoding that is read, or the reason why it is none. */
function readText(bytes: Uint8Array, source: string): Collected {
  try {
    return objectsOf(textOf(bytes), source);
  } catch (error) {
    return { objects: [], unreadable: [{ source, reason: messageOf(error) }] };
  }
}

async function readFileOf(file: string): Promise<Collected> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes; ${MAX_FILE_BYTES} is the most that is read`);
    return readText(await readFile(file), file);
  } catch (error) {
    return { objects: [], unreadable: [{ source: file, reason: messageOf(error) }] };
  }
}

async function readFolder(folder: string): Promise<Collected> {
  const collected: Collected = { objects: [], unreadable: [] };
  try {
    for await (const found of filesBelow(folder)) {
      const { objects, unreadable } =
        'file' in found ? await readFileOf(found.file) : { objects: [], unreadable: [found] };
      for (const one of objects) collected.objects.push(one);
      collected.unreadable.push(...unreadable);
    }
  } catch (error) {
    collected.unreadable.push({ source: folder, reason: messageOf(error) });
  }
  return collected;
}

const keyOf = ({ apiVersion, kind, metadata }: ClusterObject): string =>
  [apiVersion.includes('/') ? apiVersion.split('/')[0] : '', kind, metadata.namespace ?? '', metadata.name].join('|');

/**
 * Each object once, as the last file has it: a must-gather holds many of them twice. Files that say different things of
 * an object that no cluster has made are named.
 */
function eachOnce({ objects, unreadable }: Collected): Collected {
  const byKey = new Map<string, ClusterObject>();
  const repeated: Collected['unreadable'] = [];
  for (const object of objects) {
    const before = byKey.get(keyOf(object));
    const { uid, name } = object.metadata;
    if (before && uid == null && !isDeepStrictEqual(before, object))
      repeated.push({ source: `${object.kind} ${name}`, reason: 'it is given more than once; the last one counts' });
    byKey.set(keyOf(object), object);
  }
  return { objects: [...byKey.values()], unreadable: [...unreadable, ...repeated] };
}

/**
 * The objects of files, of folders with all below them (a must-gather is one), and of standard input (`-`).
 * @throws CliError when a path does not exist
 */
export async function collectFiles(paths: readonly string[]): Promise<Collected> {
  const collected: Collected = { objects: [], unreadable: [] };
  const add = ({ objects, unreadable }: Collected): void => {
    for (const one of objects) collected.objects.push(one);
    collected.unreadable.push(...unreadable);
  };
  for (const one of paths) {
    if (one === '-') {
      add(readText(await buffer(process.stdin), 'standard input'));
      continue;
    }
    const found = await stat(one).catch((error: unknown) => {
      throw new CliError(`--filename: ${messageOf(error)}`);
    });
    if (!found.isDirectory()) add(await readFileOf(one));
    else add(await readFolder(one));
  }
  return eachOnce(collected);
}
