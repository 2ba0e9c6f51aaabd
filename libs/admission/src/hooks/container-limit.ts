import { isRecord } from '@scc/plan';
import type { ReviewRequest } from '../review/review.js';
import { type Answer, denied } from '../review/outcome.js';
import type { HookConfig } from './hook.js';

/** More than any real pod has; a decision grows with them, and any caller may ask for one. */
const MOST_CONTAINERS = 250;
const LISTS = ['initContainers', 'containers', 'ephemeralContainers'];

/** Counted on what was sent, before it is read. */
export function containersIn(podSpec: unknown): number {
  const spec = isRecord(podSpec) ? podSpec : {};
  return LISTS.reduce((sum, list) => sum + (Array.isArray(spec[list]) ? spec[list].length : 0), 0);
}

const specOf = (object: unknown): unknown => (isRecord(object) ? object['spec'] : undefined);

/** Why a pod or its template is too large to be decided on, or undefined. */
export const objectionToSize = (containers: number): string | undefined =>
  containers > MOST_CONTAINERS
    ? `it has ${containers} containers, and SCC admission decides on ${MOST_CONTAINERS} at most: split it into several pods`
    : undefined;

/** The answer to a pod with more containers than are decided on; pods that exist already may be updated. */
export function answerToSize({ object, oldObject }: ReviewRequest, { mode }: HookConfig): Answer | undefined {
  const containers = containersIn(specOf(object));
  const objection = containers > containersIn(specOf(oldObject)) ? objectionToSize(containers) : undefined;
  if (objection === undefined) return undefined;
  // OpenShift's own plugin decides there.
  return mode === 'openshift'
    ? { allowed: true, warnings: [`scc.poc does not look at this pod: ${objection}`] }
    : denied(`the pod is refused: ${objection}`, { code: 422, reason: 'Invalid' });
}
