import {
  allocateNamespace,
  type CompiledSCCs,
  compileSCCs,
  defaultSCC,
  defaultSCCs,
  type Namespace,
  sccSchema,
  type SecurityContextConstraints,
  type WorkloadContext,
} from '@scc/scc';
import { z } from 'zod';
import { CliError, EXIT } from './exit.js';
import { type Manifest, readManifests, type WorkloadManifest } from './manifests.js';
import type { Session } from './session.js';

const SCC_KIND = { apiVersion: 'security.openshift.io/v1', kind: 'SecurityContextConstraints' };

/** The SCCs and the namespace that a workload is judged by. */
export interface Surroundings {
  sccs: CompiledSCCs;
  namespace: Namespace;
  /** The assumptions that had to be made. */
  assumed: string[];
}

const parseSCC = (object: unknown, where: string): SecurityContextConstraints => {
  const parsed = sccSchema.safeParse(object);
  if (parsed.success) return defaultSCC(parsed.data);
  throw new CliError(`${where}: ${z.prettifyError(parsed.error)}`, 'Correct the SCC.', EXIT.invalid);
};

/** SCCs from a file, or the default ones. */
export async function sccsFrom(file: string | undefined): Promise<{ sccs: CompiledSCCs; assumed: string[] }> {
  if (file === undefined)
    return {
      sccs: compileSCCs(defaultSCCs()),
      assumed: ['the cluster has the default SCCs (--sccs FILE names others)'],
    };
  const found = (await readManifests(file)).filter(({ kind }) => kind === SCC_KIND.kind);
  if (found.length === 0) throw new CliError(`--sccs: ${file} holds no SecurityContextConstraints`);
  return { sccs: compileSCCs(found.map((scc) => parseSCC(scc, `${file}: ${scc.metadata.name}`))), assumed: [] };
}

/** A namespace whose id ranges are not known gets the first ones that an allocator would give. */
export function namespaceFrom(
  name: string,
  manifests: readonly Manifest[],
): { namespace: Namespace; assumed: string[] } {
  const known = manifests.find(({ kind, metadata }) => kind === 'Namespace' && metadata.name === name)?.metadata;
  const annotations = known?.annotations ?? {};
  const missing = allocateNamespace(annotations, new Set())?.annotations ?? {};
  return {
    namespace: { name, labels: known?.labels ?? {}, annotations: { ...annotations, ...missing } },
    assumed: Object.keys(missing).length > 0 ? [`the namespace ${name} has the id range and label of a new one`] : [],
  };
}

/** The SCCs and the namespace as the cluster holds them. */
export async function surroundingsOf(session: Session, name: string): Promise<Surroundings> {
  const kube = await session.kube();
  const [list, found] = await Promise.all([
    kube.list(SCC_KIND),
    kube.get({ apiVersion: 'v1', kind: 'Namespace', name }),
  ]);
  if (!found) throw new CliError(`--namespace: there is no namespace ${name}`);
  const { labels, annotations } = found.metadata;
  const complete = namespaceFrom(name, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: labels ?? {}, annotations: annotations ?? {} } },
  ]);
  return { sccs: compileSCCs(list.items.map((scc) => parseSCC(scc, `SCC ${scc.metadata.name ?? ''}`))), ...complete };
}

export const factsOf = (workload: WorkloadManifest, { sccs, namespace }: Surroundings): WorkloadContext => ({
  kind: workload.kind,
  name: workload.name,
  namespace,
  sccs,
  volumeClaimTemplates: workload.volumeClaimTemplates,
});
