import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';
import { folderOfVolume } from '../kubelet/claims.js';
import { NAMESPACE } from './scenarios.js';

/** The files in the volumes of the shop, by claim and path. */
export type Data = ReadonlyMap<string, Buffer>;

const claimsSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string() }),
    spec: z.looseObject({ volumeName: z.string().optional() }),
  }),
);

/** Reads what the volumes hold at this moment, behind the backs of those who write there. */
export async function readData(api: Pick<ClusterApi, 'list'>, stateDir: string): Promise<Data> {
  const { items } = await api.list(`/api/v1/namespaces/${NAMESPACE}/persistentvolumeclaims`);
  const data = new Map<string, Buffer>();
  for (const { metadata, spec } of claimsSchema.parse(items)) {
    if (spec.volumeName === undefined) continue;
    const folder = folderOfVolume(stateDir, spec.volumeName);
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      data.set(path.join(metadata.name, path.relative(folder, file)), await readFile(file));
    }
  }
  return data;
}

/** Files that no longer begin with the bytes that they had: journals grow, and nothing else may happen to them. */
export const damaged = (before: Data, after: Data): string[] =>
  [...before].flatMap(([file, bytes]) => {
    const is = after.get(file);
    return is?.subarray(0, bytes.length).equals(bytes) ? [] : [file];
  });

/** Acknowledged writes that no journal holds. */
export function lostOf(acknowledged: readonly string[], data: Data): string[] {
  const kept = new Set([...data.values()].flatMap((bytes) => bytes.toString().split('\n')));
  return acknowledged.filter((write) => !kept.has(write));
}
