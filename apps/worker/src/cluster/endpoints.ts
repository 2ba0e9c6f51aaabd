import { type KubeClient, readyEndpointsOf } from '@scc/kube';
import { dividesByReplicas } from '@scc/replicas';
import type { LabelSwitch } from '@scc/routing';
import { serviceSchema } from './objects.js';
import { livePods } from './workload-pods.js';

interface Sides {
  ref: { namespace: string };
  services: { name: string; canary: string }[];
  label: LabelSwitch;
  survey: unknown;
}

export interface ReadyCount {
  service: string;
  stable: number;
  canary: number;
}

/** Ready endpoints of both sides of every Service. */
export const readyCounts = (kube: KubeClient, { ref, services, label, survey }: Sides): Promise<ReadyCount[]> =>
  Promise.all(
    services.map(async ({ name, canary }) => ({
      service: name,
      stable: dividesByReplicas(survey)
        ? await readyStable(kube, ref.namespace, { name, label })
        : await readyEndpointsOf(kube, ref.namespace, name),
      canary: await readyEndpointsOf(kube, ref.namespace, canary),
    })),
  );

/** Ready pods of the workload behind a Service whose endpoints are those of either side, as its division asks. */
async function readyStable(
  kube: KubeClient,
  namespace: string,
  { name, label }: { name: string; label: LabelSwitch },
): Promise<number> {
  const service = await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name });
  const { selector = {} } = service ? serviceSchema.parse(service).spec : {};
  const pods = await livePods(kube, namespace, { ...selector, [label.key]: label.stable });
  return pods.filter(({ ready, leaving }) => ready && !leaving).length;
}

/**
 * What a side lacks for its share of the requests, or null.
 * @param weight the canary's share, in percent
 * @param replicas what all requests together need
 * @param largest how many endpoints the canary has at most, by the plan
 */
export function shortSide(
  counts: readonly ReadyCount[],
  weight: number,
  replicas: number,
  largest = Infinity,
): string | null {
  for (const { service, stable, canary } of counts) {
    const needed = (share: number): number => Math.max(1, Math.floor((replicas * share) / 100));
    const needsStable = needed(100 - weight);
    const needsCanary = Math.min(needed(weight), largest);
    if (weight < 100 && stable < needsStable)
      return `${stable} of ${needsStable} stable endpoints of ${service} are ready for ${100 - weight} % of the requests`;
    if (weight > 0 && canary < needsCanary)
      return `${canary} of ${needsCanary} canary endpoints of ${service} are ready for ${weight} % of the requests`;
  }
  return null;
}
