import { MANAGED_LABEL, type Violation } from '@scc/plan';

/** An object of a router that a migration would write. */
export interface Written {
  kind: string;
  namespace: string;
  name: string;
}

/**
 * Objects of other namespaces are written only where those have agreed: who may write plans in one namespace has no say
 * in the routes of another.
 *
 * @param agrees whether a namespace carries the label that says so
 */
export async function notAgreed(
  planNamespace: string,
  written: readonly Written[],
  agrees: (namespace: string) => Promise<boolean>,
): Promise<Violation[]> {
  const others = Map.groupBy(
    written.filter(({ namespace }) => namespace !== planNamespace),
    ({ namespace }) => namespace,
  );
  const refused = await Promise.all(
    [...others].map(async ([namespace, objects]) => ((await agrees(namespace)) ? [] : [{ namespace, objects }])),
  );
  return refused.flat().map(({ namespace, objects }) => ({
    code: 'NamespaceHasNotAgreed',
    field: 'spec.workloadRef',
    message: `the migration would write ${objects.map(({ kind, name }) => `${kind} ${name}`).join(', ')} in the namespace ${namespace}, which has not agreed to migrations`,
    remedy: `Let an administrator of the cluster label ${namespace} ${MANAGED_LABEL}=true, or move these objects to ${planNamespace}.`,
  }));
}

export const hasAgreed = (labels: Readonly<Record<string, string>> | null | undefined): boolean =>
  labels?.[MANAGED_LABEL] === 'true';

/** Whether the pods of a namespace get proxies of the mesh, by its labels. */
export const isInMesh = (labels: Readonly<Record<string, string>>): boolean =>
  labels['istio-injection'] === 'enabled' || labels['istio.io/rev'] !== undefined;
