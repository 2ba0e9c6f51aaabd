import type { KindRef, KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { isJobOver } from './cron-jobs.js';
import { clusterPodSchema, sccOf } from './objects.js';
import { isLive } from './workload-pods.js';

/** Kinds whose templates make pods; a pod that does not run now may be made from one tonight. */
const TEMPLATE_KINDS: readonly KindRef[] = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'batch/v1', kind: 'CronJob' },
];

const templateSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).nullish() }).nullish(),
  spec: z.looseObject({ serviceAccountName: z.string().default('default') }),
});
const makerSchema = z.looseObject({
  spec: z.looseObject({
    template: templateSchema.optional(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template: templateSchema }) }).optional(),
  }),
});

export interface GrantUse {
  /** The workload that was migrated: it needs the grant no longer. */
  workloadUid: string;
  serviceAccount: string;
  scc: string;
}

/** Whether a maker of pods, other than the migrated workload, may make one that needs the grant. */
function mayNeed(maker: KubeObject, { workloadUid, serviceAccount, scc }: GrantUse): boolean {
  if (maker.metadata.uid === workloadUid || isCanaryObject(maker.metadata)) return false;
  const { spec } = makerSchema.parse(maker);
  const template = spec.template ?? spec.jobTemplate?.spec.template;
  if ((maker.kind === 'Job' && isJobOver(maker)) || template?.spec.serviceAccountName !== serviceAccount) return false;
  const pinned = template.metadata?.annotations?.[REQUIRED_SCC_ANNOTATION];
  return pinned === undefined || pinned === scc;
}

/**
 * Other pods that run, or may yet run, by the grant of an SCC to a ServiceAccount: a live pod under it, or a template
 * of the ServiceAccount that none of its live pods shows to run under another SCC. Null when there is none.
 */
export function grantUserAmong(
  { pods, makers }: { pods: KubeObject[]; makers: KubeObject[] },
  use: GrantUse,
  nowMs: number,
): string | null {
  const live = pods.filter((pod) => {
    const isLeaving = pod.metadata.deletionTimestamp !== undefined;
    return (
      !isLeaving && isLive(pod, nowMs) && clusterPodSchema.parse(pod).spec.serviceAccountName === use.serviceAccount
    );
  });
  const pod = live.find((one) => sccOf(one) === use.scc);
  if (pod) return `pod ${pod.metadata.name ?? ''}`;
  // Pods that a maker has now run under something else, or one would have been found above; a CronJob's next may not.
  const runsOtherwise = ({ kind, metadata }: KubeObject): boolean =>
    kind !== 'CronJob' && live.some((one) => (one.metadata.name ?? '').startsWith(`${metadata.name ?? ''}-`));
  const maker = makers.find((one) => mayNeed(one, use) && !runsOtherwise(one));
  return maker ? `${maker.kind} ${maker.metadata.name ?? ''}` : null;
}

/** Looks for the users of a grant in the namespace. */
export async function grantUser(
  kube: KubeClient,
  {
    ref,
    workloadUid,
    sourceServiceAccount,
  }: { ref: { namespace: string }; workloadUid: string; sourceServiceAccount: string },
  scc: string,
): Promise<string | null> {
  const { namespace } = ref;
  const [pods, ...makers] = await Promise.all(
    [{ apiVersion: 'v1', kind: 'Pod' }, ...TEMPLATE_KINDS].map(async (kind) =>
      (await kube.list(kind, { namespace })).items.map((item) => ({ ...item, kind: kind.kind })),
    ),
  );
  const use = { workloadUid, serviceAccount: sourceServiceAccount, scc };
  return grantUserAmong({ pods: pods ?? [], makers: makers.flat() }, use, Date.now());
}
