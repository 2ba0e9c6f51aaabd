import { isForbidden, isNotFound, type KubeClient, KubeError, type ObjectId } from '@scc/kube';
import { type CheckFault, messageOf } from '@scc/runtime';
import type { Session } from '../session.js';

/** What every look is given. */
export interface CheckedCluster {
  readonly session: Session;
  readonly kube: KubeClient;
  /** Where the product is installed. */
  readonly namespace: string;
}

/** Looks at one part of an installation and names what keeps plans from running. */
export type Look = (surroundings: CheckedCluster) => Promise<CheckFault[]>;

/** Faults of one part. */
export const faultsOf =
  (part: string) =>
  (fault: string, remedy: string): CheckFault => ({ part, fault, remedy });

const CHART = 'Install the chart again: helm upgrade, see docs/INSTALL.md.';

/** Objects of the chart that are not there. */
export async function missing(kube: KubeClient, part: string, objects: readonly ObjectId[]): Promise<CheckFault[]> {
  const found = await Promise.all(
    objects.map(async (id) => ({
      id,
      isThere: (await kube.get(id).catch(orNotServed)) !== undefined,
    })),
  );
  return found
    .filter(({ isThere }) => !isThere)
    .map(({ id: { kind, namespace, name } }) =>
      faultsOf(part)(`${kind} ${namespace === undefined ? name : `${namespace}/${name}`} is missing`, CHART),
    );
}

/** A kind that is not served has no objects; what is missing of the API is named apart. */
export function orNotServed(error: unknown): undefined {
  if (isNotFound(error)) return undefined;
  throw error;
}

/** A look that cannot be taken is a fault as well: nothing is said to be right that was not seen. */
export function unseen(part: string, error: unknown): CheckFault {
  const remedy = isForbidden(error)
    ? 'Run this as someone who may read it, such as a cluster administrator.'
    : error instanceof KubeError
      ? 'Look at the answer of the API server.'
      : 'Check that the API server is reached.';
  return { part, fault: `it cannot be looked at: ${messageOf(error)}`, remedy };
}
