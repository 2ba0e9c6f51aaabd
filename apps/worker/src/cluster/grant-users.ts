import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { REQUIRED_SCC_ANNOTATION } from '@scc/scc';
import { isJobOver } from './cron-jobs.js';
import { clusterPodSchema, sccOf } from './objects.js';
import { isOldOfMaker, madeBy, ownersAmong, readMakers } from './makers.js';
import { isLive } from './workload-pods.js';

export interface GrantUse {
  /** The workload that was migrated: it needs the grant no longer. */
  workloadUid: string;
  serviceAccount: string;
  scc: string;
}

/** Whether a template, or one in a form that nobody knows, may make a pod that needs the grant. */
function makesUsers(maker: KubeObject, { serviceAccount, scc }: GrantUse): boolean {
  const { template, isKnown } = madeBy(maker);
  if (!isKnown) return true;
  if (template?.spec.serviceAccountName !== serviceAccount) return false;
  const pinned = template.metadata?.annotations?.[REQUIRED_SCC_ANNOTATION];
  return pinned === undefined || pinned === scc;
}

/** Whether a maker of pods, other than the migrated workload, may make one that needs the grant. */
const mayNeed = (maker: KubeObject, use: GrantUse): boolean =>
  maker.metadata.uid !== use.workloadUid &&
  !isCanaryObject(maker.metadata) &&
  !(maker.kind === 'Job' && isJobOver(maker)) &&
  makesUsers(maker, use);

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
  const above = ownersAmong(makers);
  const running = new Set(live.flatMap((one) => above(one)));
  // Pods that a maker has now run under something else, or one would have been found above; a CronJob's next may not.
  const runsOtherwise = (one: KubeObject): boolean => one.kind !== 'CronJob' && running.has(one);
  const maker = makers.find((one) => mayNeed(one, use) && !runsOtherwise(one) && !isOldOfMaker(above(one)));
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
  const [pods, { objects: makers, unread }] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }),
    readMakers(kube, namespace),
  ]);
  const use = { workloadUid, serviceAccount: sourceServiceAccount, scc };
  const user = grantUserAmong({ pods: pods.items, makers }, use, Date.now());
  return user ?? (unread[0] ? `a ${unread[0].kind} that the worker may not list` : null);
}
