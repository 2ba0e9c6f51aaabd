import { isCanaryObject } from '@scc/plan';
import type { ServicePort, ServiceSpec } from '@scc/routing';
import { z } from 'zod';
import { type ClusterObject, groupOf } from './objects.js';

const strings = z.record(z.string(), z.string());
const portSchema = z
  .looseObject({
    port: z.int(),
    name: z.string().nullish(),
    appProtocol: z.string().nullish(),
    protocol: z.string().nullish(),
  })
  .transform(({ port, name, appProtocol, protocol }): ServicePort => ({
    port,
    name: name ?? '',
    appProtocol: appProtocol ?? null,
    protocol: protocol ?? 'TCP',
  }));
const serviceSchema = z.looseObject({
  spec: z.looseObject({
    selector: strings,
    type: z.string().nullish(),
    clusterIP: z.string().nullish(),
    externalIPs: z.array(z.string()).nullish(),
    ports: z.array(portSchema).nullish(),
  }),
});

/** A Service that picks pods. */
export interface ScannedService {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Record<string, string>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: ServicePort[];
  /** How callers reach it, beside what sends to it. */
  readonly kind: string;
}

/** The Service that callers within the cluster call by its address. */
export const CLUSTER_SERVICE = 'ClusterIP Service';
/** One whose clients look up the addresses of its pods. */
export const HEADLESS_SERVICE = 'headless Service';

/** The fields of a Service that say how it is reached. */
export const serviceSpecOf = (object: ClusterObject): ServiceSpec => {
  const spec = object['spec'];
  return typeof spec === 'object' && spec !== null ? spec : {};
};

export const isService = ({ apiVersion, kind }: ClusterObject): boolean =>
  groupOf(apiVersion) === '' && kind === 'Service';

/** By what callers reach a Service, in words. */
function kindOf({ type, clusterIP, externalIPs }: z.infer<typeof serviceSchema>['spec']): string {
  if (clusterIP === 'None') return HEADLESS_SERVICE;
  return externalIPs?.length ? 'external address of Service' : `${type ?? 'ClusterIP'} Service`;
}

/** A Service that picks pods, or null for any other object. */
export function selectingService(object: ClusterObject, fallback: string): ScannedService | null {
  const spec = isService(object) ? serviceSchema.safeParse(object).data?.spec : undefined;
  if (!spec || Object.keys(spec.selector).length === 0 || spec.type === 'ExternalName') return null;
  const { name, labels, namespace = null } = object.metadata;
  if (isCanaryObject({ labels: labels ?? {} })) return null;
  return {
    labels: labels ?? {},
    ...{ namespace: namespace ?? fallback, name, selector: spec.selector, kind: kindOf(spec) },
    ports: spec.ports ?? [],
  };
}

export const selectsLabels = (
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean => Object.entries(selector).every(([key, value]) => labels[key] === value);

/** Adds an item to the list of a key. */
export function addTo<T>(to: Map<string, T[]>, key: string, item: T): void {
  const list = to.get(key);
  if (list) list.push(item);
  else to.set(key, [item]);
}
