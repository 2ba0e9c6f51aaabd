import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isMovable, planForRow, type ScanReport, type ScanRow } from '@scc/scc/scan';
import { stringify } from 'yaml';

const fileOf = ({ namespace, kind, name }: ScanRow): string => `${namespace}-${kind.toLowerCase()}-${name}.yaml`;

/** Where the pod template stands in an object of the kind. */
const aroundTemplate = (kind: string, template: object): object => {
  if (kind === 'Pod') return template;
  if (kind === 'CronJob') return { spec: { jobTemplate: { spec: { template } } } };
  return { spec: { template } };
};

async function writeAll(
  folder: string,
  rows: readonly ScanRow[],
  contentOf: (row: ScanRow) => object,
): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = rows.map(fileOf);
  for (const row of rows) await writeFile(path.join(folder, fileOf(row)), stringify(contentOf(row)));
  return files;
}

/** Writes a plan for each workload that a plan can move. @returns how many */
export const writePlans = async (folder: string, { rows }: ScanReport): Promise<number> =>
  (await writeAll(folder, rows.filter(isMovable), (row) => planForRow(row))).length;

/** Writes a kustomize patch for each workload whose template has to change, with a kustomization that names them. */
export async function writePatches(folder: string, { rows }: ScanReport): Promise<number> {
  const patched = rows.filter(({ patch }) => patch !== null);
  const files = await writeAll(folder, patched, ({ apiVersion, kind, namespace, name, patch }) => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
    ...aroundTemplate(kind, patch ?? {}),
  }));
  const component = {
    apiVersion: 'kustomize.config.k8s.io/v1alpha1',
    kind: 'Component',
    patches: files.map((file) => ({ path: file })),
  };
  await writeFile(path.join(folder, 'kustomization.yaml'), stringify(component));
  return files.length;
}
