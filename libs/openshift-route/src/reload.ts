import { isForbidden, isNotFound, type KubeClient } from '@scc/kube';
import { z } from 'zod';

/** The controller of one shard of routers. */
const CONTROLLER = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'IngressController',
  namespace: 'openshift-ingress-operator',
};

const controllerSchema = z.looseObject({
  spec: z.looseObject({ tuningOptions: z.looseObject({ reloadInterval: z.string().nullish() }).nullish() }).nullish(),
});

const UNITS_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** A duration as Go writes it, such as `1m30s`, in milliseconds; null for another text. */
export function goDurationMs(text: string): number | null {
  if (!/^(\d+(\.\d+)?(ms|[hms]))+$/.test(text)) return null;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[hms])/g)].reduce(
    (sum, [, amount = '0', unit = '']) => sum + Number(amount) * (UNITS_MS[unit] ?? 0),
    0,
  );
}

/**
 * How long a shard's routers may let a change wait for their next reload, in milliseconds.
 * @param usualMs where its controller cannot be read or does not say
 */
export async function reloadMsOf(kube: Pick<KubeClient, 'get'>, router: string, usualMs: number): Promise<number> {
  try {
    const object = await kube.get({ ...CONTROLLER, name: router });
    const interval = controllerSchema.parse(object ?? {}).spec?.tuningOptions?.reloadInterval;
    return (interval === undefined || interval === null ? null : goDurationMs(interval)) ?? usualMs;
  } catch (error) {
    if (isNotFound(error) || isForbidden(error)) return usualMs;
    throw error;
  }
}
