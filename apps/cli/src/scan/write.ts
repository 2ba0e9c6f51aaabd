import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CAMPAIGN_TYPE, type CampaignSpecInput, LEAST_REACHABLE, MOST_WORKLOADS } from '@scc/plan';
import { isMovable, planForRow, type ScanReport, type ScanRow } from '@scc/scc/scan';
import { stringify } from 'yaml';
import { CliError, EXIT } from '../exit.js';
import { count } from '../output.js';

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

/** Campaigns do not move workloads of other kinds. */
const CAMPAIGN_KINDS: ReadonlySet<string> = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/**
 * Writes a campaign of the workloads that a plan can move, each to the SCC that the scan held it against or to the
 * least privileged one that it reaches.
 * @param target null: the least privileged one
 * @returns how many workloads
 * @throws CliError when they are none, or more than a campaign may have
 */
export async function writeCampaign(file: string, { rows }: ScanReport, target: string | null): Promise<number> {
  const workloads = rows
    .filter((row) => isMovable(row) && CAMPAIGN_KINDS.has(row.kind) && (target === null || row.target === target))
    .map(({ namespace, kind, name }) => ({ namespace, kind, name }));
  if (workloads.length === 0 || workloads.length > MOST_WORKLOADS)
    throw new CliError(
      `--campaign: ${count(workloads.length, 'workload')} can be moved, and a campaign has 1 to ${MOST_WORKLOADS}`,
      'Scan other or fewer namespaces (-n).',
      EXIT.invalid,
    );
  const name = path.basename(file).replace(/\.ya?ml$/, '');
  const spec: CampaignSpecInput = {
    workloads: workloads as CampaignSpecInput['workloads'],
    targetSCC: target ?? LEAST_REACHABLE,
  };
  await writeFile(file, stringify({ ...CAMPAIGN_TYPE, metadata: { name }, spec }));
  return workloads.length;
}

/**
 * By which kustomize finds the manifest: without a target it would have to say its namespace as the patch does. The
 * namespace is a part of it only where several have the workload.
 */
function targetOf(row: ScanRow | undefined, all: readonly ScanRow[]): object {
  const { kind, name, namespace } = row ?? {};
  const alike = all.filter((one) => one.kind === kind && one.name === name);
  // Kustomize reads it as an expression.
  const exact = name?.replaceAll('.', '\\.');
  return { kind, name: exact, ...(alike.length > 1 ? { namespace } : {}) };
}

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
    patches: files.map((file, index) => ({ path: file, target: targetOf(patched[index], patched) })),
  };
  await writeFile(path.join(folder, 'kustomization.yaml'), stringify(component));
  return files.length;
}
