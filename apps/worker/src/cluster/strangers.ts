import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import { strangersAmong } from '@scc/routing';
import { isJobOver } from './cron-jobs.js';
import { madeBy, ownersAmong, readMakers } from './makers.js';
import { selects } from './objects.js';
import { isLive } from './workload-pods.js';

/** Everything of a namespace whose pods a Service could reach. */
export interface Neighbourhood {
  pods: readonly KubeObject[];
  /** Workloads with a pod template, whether they have pods now or not. */
  workloads: readonly KubeObject[];
}

export async function readNeighbourhood(kube: Pick<KubeClient, 'list'>, namespace: string): Promise<Neighbourhood> {
  const [pods, { objects: makers }] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }),
    readMakers(kube, namespace),
  ]);
  const above = ownersAmong(makers);
  // Of what a maker makes, and of a Job that has ended, nothing more comes.
  const isIdle = (one: KubeObject): boolean => above(one).length > 0 || (one.kind === 'Job' && isJobOver(one));
  return { pods: pods.items, workloads: makers.filter((one) => !isIdle(one)) };
}

/**
 * What a Service reaches beside the workload's own pods: a share of its requests is theirs, or will be as soon as they
 * have pods.
 * @param own uids of the workload and of its pods
 */
export function strangersBehind(
  selector: Record<string, string>,
  { pods, workloads }: Neighbourhood,
  own: ReadonlySet<string>,
): string[] {
  const isOther = ({ metadata }: KubeObject): boolean => !isCanaryObject(metadata) && !own.has(metadata.uid ?? '');
  const templated = workloads.filter(
    (workload) => isOther(workload) && selects(selector, madeBy(workload).template?.metadata?.labels ?? {}),
  );
  const live = pods.filter(
    (pod) =>
      isOther(pod) &&
      selects(selector, pod.metadata.labels ?? {}) &&
      pod.metadata.deletionTimestamp === undefined &&
      isLive(pod, Date.now()),
  );
  return strangersAmong(templated, live);
}
