import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { ApiError, objectSchema, pathOf, type Api, type ApiObject } from './api.js';

/** Every object of a YAML file, in order. */
export function parseObjects(text: string): ApiObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJSON();
    return value === null ? [] : [objectSchema.parse(value)];
  });
}

/** Every object of a file, or of all YAML files of a folder. An absent folder holds none. */
export async function readObjects(location: string): Promise<ApiObject[]> {
  if (/\.ya?ml$/.test(location)) return parseObjects(await readFile(location, 'utf8'));
  const files = (await readdir(location).catch(() => [])).filter((file) => /\.ya?ml$/.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(path.join(location, file), 'utf8')));
  return texts.flatMap(parseObjects);
}

const FIRST = ['CustomResourceDefinition', 'Namespace', 'ServiceAccount', 'ClusterRole', 'Role'];
const rank = ({ kind }: ApiObject): number => (FIRST.includes(kind) ? FIRST.indexOf(kind) : FIRST.length);

const SERVED_WITHIN_MS = 10_000;

/** Applies one object; an API that a CRD has just defined may take a moment until it is served. */
async function applyOne(api: Api, object: ApiObject): Promise<void> {
  const deadline = performance.now() + SERVED_WITHIN_MS;
  for (;;) {
    try {
      await api.apply(pathOf(object), object);
      return;
    } catch (error) {
      const notServedYet = error instanceof ApiError && error.status === 404;
      if (!notServedYet || performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}

/** Applies objects server-side: what others refer to first, each rank in parallel. */
export async function applyAll(api: Api, objects: readonly ApiObject[]): Promise<void> {
  const ranks = [...new Set(objects.map(rank))].sort((a, b) => a - b);
  for (const current of ranks)
    await Promise.all(objects.filter((o) => rank(o) === current).map((object) => applyOne(api, object)));
}
