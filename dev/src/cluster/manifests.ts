import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { isNotFound, type KubeObject, objectSchema } from '@scc/kube';
import { z } from 'zod';
import type { ClusterApi } from './api.js';

const manifestSchema = objectSchema.and(z.looseObject({ metadata: z.looseObject({ name: z.string() }) }));
/** An object as a file states it: it has a name. */
export type StatedObject = z.infer<typeof manifestSchema>;

/** Every object of a YAML file, in order. */
export function parseObjects(text: string): StatedObject[] {
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJSON();
    return value === null ? [] : [manifestSchema.parse(value)];
  });
}

/** Every object of a file, or of all YAML files of a folder. An absent folder holds none. */
export async function readObjects(location: string): Promise<StatedObject[]> {
  if (/\.ya?ml$/.test(location)) return parseObjects(await readFile(location, 'utf8'));
  const files = (await readdir(location).catch(() => [])).filter((file) => /\.ya?ml$/.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(path.join(location, file), 'utf8')));
  return texts.flatMap(parseObjects);
}

/** Rights before what is admitted by them: a pod that comes before its grant runs under another SCC. */
const FIRST = [
  ...['CustomResourceDefinition', 'Namespace', 'ServiceAccount', 'ClusterRole', 'Role'],
  ...['ClusterRoleBinding', 'RoleBinding'],
];
const rank = ({ kind }: KubeObject): number => (FIRST.includes(kind) ? FIRST.indexOf(kind) : FIRST.length);

type Applying = Pick<ClusterApi, 'apply'>;

const SERVED_WITHIN_MS = 10_000;

/** Applies one object; an API that a CRD has just defined may take a moment until it is served. */
async function applyOne(api: Applying, object: KubeObject): Promise<void> {
  const deadline = performance.now() + SERVED_WITHIN_MS;
  for (;;) {
    try {
      await api.apply(object);
      return;
    } catch (error) {
      if (!isNotFound(error) || performance.now() > deadline) throw error;
      await delay(50);
    }
  }
}

/** Applies objects server-side: what others refer to first, each rank in parallel. */
export async function applyAll(api: Applying, objects: readonly KubeObject[]): Promise<void> {
  const ranks = [...new Set(objects.map(rank))].sort((a, b) => a - b);
  for (const current of ranks)
    await Promise.all(objects.filter((o) => rank(o) === current).map((object) => applyOne(api, object)));
}
