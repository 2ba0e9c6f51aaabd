import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject, isRecord } from '@scc/plan';
import { strangersAmong } from '@scc/routing';
import { selects } from './objects.js';
import { isLive } from './workload-pods.js';

const TEMPLATED = ['Deployment', 'StatefulSet', 'DaemonSet'];

/** Everything of a namespace whose pods a Service could reach. */
export interface Neighbourhood {
  pods: readonly KubeObject[];
  /** Workloads with a pod template, whether they have pods now or not. */
  workloads: readonly KubeObject[];
}

export async function readNeighbourhood(kube: Pick<KubeClient, 'list'>, namespace: string): Promise<Neighbourhood> {
  const [pods, ...workloads] = await Promise.all([
    kube.list({ apiVersion: 'v1', kind: 'Pod' }, { namespace }),
    ...TEMPLATED.map((kind) => kube.list({ apiVersion: 'apps/v1', kind }, { namespace })),
  ]);
  return { pods: pods.items, workloads: workloads.flatMap(({ items }) => items) };
}

const strings = (value: unknown): Record<string, string> =>
  isRecord(value)
    ? Object.fromEntries(
        Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
      )
    : {};

function templateLabels({ spec }: Record<string, unknown>): Record<string, string> {
  const template = isRecord(spec) ? spec['template'] : undefined;
  const metadata = isRecord(template) ? template['metadata'] : undefined;
  return isRecord(metadata) ? strings(metadata['labels']) : {};
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
  const templated = workloads.filter((workload) => isOther(workload) && selects(selector, templateLabels(workload)));
  const live = pods.filter(
    (pod) =>
      isOther(pod) &&
      selects(selector, pod.metadata.labels ?? {}) &&
      pod.metadata.deletionTimestamp === undefined &&
      isLive(pod, Date.now()),
  );
  return strangersAmong(templated, live);
}
