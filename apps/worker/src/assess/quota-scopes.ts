import { z } from 'zod';
import { meetsSetRequirement } from '../cluster/requirements.js';

/** Which pods a ResourceQuota counts, where it does not count all. */

const scopeSchema = z.looseObject({
  scopeName: z.string(),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
});
export const scopedSchema = z.looseObject({
  scopes: z.array(z.string()).nullish(),
  scopeSelector: z.looseObject({ matchExpressions: z.array(scopeSchema).nullish() }).nullish(),
});

const amounts = z.record(z.string(), z.unknown()).default({});
const containerSchema = z.looseObject({
  resources: z.looseObject({ requests: amounts, limits: amounts }).prefault({}),
});
const containers = z
  .array(containerSchema)
  .nullish()
  .transform((list) => list ?? []);
const podSchema = z.looseObject({
  activeDeadlineSeconds: z.number().nullish(),
  priorityClassName: z.string().nullish(),
  /** Of the pod as a whole. */
  resources: z.unknown().optional(),
  containers,
  initContainers: containers,
});
type Pod = z.infer<typeof podSchema>;

const isBestEffort = ({ resources: ofPod, containers: own, initContainers }: Pod): boolean =>
  ofPod === undefined &&
  [...own, ...initContainers].every(({ resources: { requests, limits } }) =>
    [requests, limits].every((of) => of['cpu'] === undefined && of['memory'] === undefined),
  );

/** Whether a pod is of a scope; null for one that is not known here. */
function isOf(pod: Pod, { scopeName, operator, values }: z.infer<typeof scopeSchema>): boolean | null {
  switch (scopeName) {
    case 'Terminating':
      return (pod.activeDeadlineSeconds ?? null) !== null;
    case 'NotTerminating':
      return (pod.activeDeadlineSeconds ?? null) === null;
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass': {
      const { priorityClassName } = pod;
      // A class that admission gives by default is not in the template.
      if (!priorityClassName) return null;
      return meetsSetRequirement(
        { key: scopeName, operator, values: values ?? [] },
        { [scopeName]: priorityClassName },
      );
    }
    default:
      return null;
  }
}

/**
 * Whether a quota counts a pod: all of its scopes must hold. Null where that is for the API server to say.
 * @param podSpec as the pod is made
 */
export function isCounted(quota: z.infer<typeof scopedSchema>, podSpec: unknown): boolean | null {
  const named = (quota.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  const answers = [...named, ...(quota.scopeSelector?.matchExpressions ?? [])].map((scope) =>
    isOf(podSchema.parse(podSpec), scope),
  );
  if (answers.includes(false)) return false;
  return answers.includes(null) ? null : true;
}
