import { readFile, stat } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { messageOf } from '@scc/runtime';
import { clusterObjectSchema, type Collected } from '@scc/scc/scan';
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

/** The objects in a document. Items of a typed list carry neither apiVersion nor kind. */
function itemsOf(value: unknown): unknown[] {
  if (value === null || value === undefined) return [];
  const list = listSchema.safeParse(value).data;
  if (!list) return [value];
  const kind = list.kind.slice(0, -'List'.length);
  return (list.items ?? []).map((item) =>
    typeof item === 'object' && item !== null && kind !== '' ? { apiVersion: list.apiVersion, kind, ...item } : item,
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
    for (const item of itemsOf(value)) take(item, source, collected);
    return collected;
  }
  const documents = parseAllDocuments(content, { uniqueKeys: false });
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

async function readFileOf(file: string): Promise<Collected> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes; ${MAX_FILE_BYTES} is the most that is read`);
    return objectsOf(await readFile(file, 'utf8'), file);
  } catch (error) {
    return { objects: [], unreadable: [{ source: file, reason: messageOf(error) }] };
  }
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
      add(objectsOf(await text(process.stdin), 'standard input'));
      continue;
    }
    const found = await stat(one).catch((error: unknown) => {
      throw new CliError(`--filename: ${messageOf(error)}`);
    });
    if (!found.isDirectory()) add(await readFileOf(one));
    else for await (const file of filesBelow(one)) add(await readFileOf(file));
  }
  return collected;
}
