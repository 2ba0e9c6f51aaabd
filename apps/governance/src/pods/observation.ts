import { planNameOf } from '@scc/plan';
import { SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';

/** The facts that tracking keeps of a pod. */
export interface PodObservation {
  uid: string;
  namespace: string;
  name: string;
  scc: string | null;
  subjectType: string | null;
  image: string | null;
  node: string | null;
  ownerKind: string | null;
  ownerName: string | null;
  plan: string | null;
  /** As the API server says it, in whole seconds; absent while the pod is only about to exist. */
  createdAt?: string;
}

const podSchema = z.object({
  metadata: z.object({
    uid: z.string().min(1),
    namespace: z.string(),
    name: z.string(),
    creationTimestamp: z.iso.datetime({ offset: true }).nullish().catch(null),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
    ownerReferences: z
      .array(z.object({ kind: z.string(), name: z.string(), controller: z.boolean().optional() }))
      .default([]),
  }),
  spec: z.object({ nodeName: z.string().optional(), containers: z.array(z.object({ image: z.string().optional() })) }),
  status: z.object({ phase: z.string().optional() }).optional(),
});
type Pod = z.infer<typeof podSchema>;

const SUBJECT_ANNOTATION = 'security.openshift.io/validated-scc-subject-type';
const HASH_LABEL = 'pod-template-hash';

/** Reads a pod as the API server or an admission review shows it; null when it has no uid yet or is no pod. */
export function observePod(object: unknown): PodObservation | null {
  const parsed = podSchema.safeParse(object);
  if (!parsed.success) return null;
  const { metadata, spec } = parsed.data;
  return {
    uid: metadata.uid,
    namespace: metadata.namespace,
    name: metadata.name,
    scc: metadata.annotations[SCC_ANNOTATION] ?? null,
    subjectType: metadata.annotations[SUBJECT_ANNOTATION] ?? null,
    image: spec.containers[0]?.image ?? null,
    node: spec.nodeName ?? null,
    ...ownerOf(metadata),
    plan: planNameOf(metadata) ?? null,
    ...(metadata.creationTimestamp ? { createdAt: metadata.creationTimestamp } : {}),
  };
}

/** Pods that ended hold no rights any more, although their objects may stay. */
export function hasEnded(object: unknown): boolean {
  const parsed = podSchema.safeParse(object);
  return parsed.success && ['Succeeded', 'Failed'].includes(parsed.data.status?.phase ?? '');
}

/** The workload: a ReplicaSet of a Deployment is named after it and the hash of its template. */
function ownerOf({ ownerReferences, labels }: Pod['metadata']): Pick<PodObservation, 'ownerKind' | 'ownerName'> {
  const owner = ownerReferences.find(({ controller }) => controller);
  if (!owner) return { ownerKind: null, ownerName: null };
  const suffix = `-${labels[HASH_LABEL] ?? ''}`;
  const isDeployment = owner.kind === 'ReplicaSet' && suffix.length > 1 && owner.name.endsWith(suffix);
  return isDeployment
    ? { ownerKind: 'Deployment', ownerName: owner.name.slice(0, -suffix.length) }
    : { ownerKind: owner.kind, ownerName: owner.name };
}
