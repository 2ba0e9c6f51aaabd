import { z } from 'zod';
import { meetsSetRequirement } from '../cluster/requirements.js';

/** Which nodes take a pod, by its own words; what is not understood here excludes no node. */

const tolerationSchema = z.looseObject({
  key: z.string().default(''),
  operator: z.string().default('Equal'),
  value: z.string().default(''),
  effect: z.string().default(''),
});
const requirementSchema = z.looseObject({
  key: z.string(),
  operator: z.string(),
  values: z
    .array(z.string())
    .nullish()
    .transform((values) => values ?? []),
});
type Requirement = z.infer<typeof requirementSchema>;
const termSchema = z.looseObject({
  matchExpressions: z.array(requirementSchema).default([]),
  matchFields: z.array(requirementSchema).default([]),
});
const placedSchema = z.looseObject({
  nodeSelector: z.record(z.string(), z.string()).default({}),
  tolerations: z
    .array(tolerationSchema)
    .nullish()
    .transform((tolerations) => tolerations ?? []),
  affinity: z
    .looseObject({
      nodeAffinity: z
        .looseObject({
          requiredDuringSchedulingIgnoredDuringExecution: z
            .looseObject({ nodeSelectorTerms: z.array(termSchema).default([]) })
            .nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

interface Taint {
  key: string;
  value: string;
  effect: string;
}

/** Whether a pod may stand on a node in spite of its taints. */
export function toleratesAll(podSpec: unknown, taints: readonly Taint[]): boolean {
  const { tolerations } = placedSchema.parse(podSpec);
  const binding = taints.filter(({ effect }) => effect === 'NoSchedule' || effect === 'NoExecute');
  return binding.every((taint) =>
    tolerations.some(
      ({ key, operator, value, effect }) =>
        (effect === '' || effect === taint.effect) &&
        (key === '' ? operator === 'Exists' : key === taint.key) &&
        (operator !== 'Equal' || value === taint.value),
    ),
  );
}

function isMet(requirement: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const { key, operator, values } = requirement;
  if (operator === 'Gt') return Number(labels[key]) > Number(values[0]);
  if (operator === 'Lt') return Number(labels[key]) < Number(values[0]);
  return meetsSetRequirement(requirement, labels) ?? true;
}

/** Whether a pod's node selector and required node affinity pick a node. */
export function isOnNodes(
  podSpec: unknown,
  { name, labels }: { name: string; labels: Readonly<Record<string, string>> },
): boolean {
  const { nodeSelector, affinity } = placedSchema.parse(podSpec);
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    Object.entries(nodeSelector).every(([key, value]) => labels[key] === value) &&
    (!terms ||
      terms.some(
        ({ matchExpressions, matchFields }) =>
          matchExpressions.every((requirement) => isMet(requirement, labels)) &&
          matchFields.every((requirement) => isMet(requirement, { 'metadata.name': name })),
      ))
  );
}
