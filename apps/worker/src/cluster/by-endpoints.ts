import { isCanaryObject, isRecord } from '@scc/plan';
import type { KubeObject } from '@scc/kube';

/**
 * EndpointSlices that the controller of Services did not make from a selector: written by hand, mirrored from Endpoints,
 * or kept by a program, such as one that elects a leader.
 */

const SERVICE_LABEL = 'kubernetes.io/service-name';
const MANAGER_LABEL = 'endpointslice.kubernetes.io/managed-by';
const OF_SELECTORS = 'endpointslice-controller.k8s.io';

/** The workload's own pods, as endpoints name them. */
export interface OwnPods {
  uids: ReadonlySet<string>;
  addresses: ReadonlySet<string>;
}

interface Endpoint {
  uid: string | undefined;
  addresses: string[];
}

function endpointsIn(slice: KubeObject): Endpoint[] {
  const list: unknown[] = Array.isArray(slice['endpoints']) ? slice['endpoints'] : [];
  return list.filter(isRecord).map(({ targetRef, addresses }) => ({
    uid: isRecord(targetRef) && typeof targetRef['uid'] === 'string' ? targetRef['uid'] : undefined,
    addresses: (Array.isArray(addresses) ? addresses : []).filter((item) => typeof item === 'string'),
  }));
}

const isOwn = ({ uid, addresses }: Endpoint, own: OwnPods): boolean =>
  uid === undefined ? addresses.some((address) => own.addresses.has(address)) : own.uids.has(uid);

const serviceOf = ({ metadata }: KubeObject): string => metadata.labels?.[SERVICE_LABEL] ?? '';
const isOfSelector = ({ metadata }: KubeObject): boolean => metadata.labels?.[MANAGER_LABEL] === OF_SELECTORS;

/** The addresses of pods, by their status. */
export const addressesOfPods = (pods: readonly KubeObject[]): string[] =>
  pods.flatMap(({ status }) => {
    const ips: unknown[] = isRecord(status) && Array.isArray(status['podIPs']) ? status['podIPs'] : [];
    const all = ips.map((ip) => (isRecord(ip) ? ip['ip'] : undefined));
    return [...all, isRecord(status) ? status['podIP'] : undefined].filter((ip) => typeof ip === 'string');
  });

/**
 * Services that lead to the workload's pods and are none of those which its template's labels meet: their endpoints were
 * written, or the pods got labels of their own.
 */
export function servicesByEndpoints(slices: readonly KubeObject[], own: OwnPods, known: readonly string[]): string[] {
  const found = slices
    .filter((slice) => !known.includes(serviceOf(slice)) && endpointsIn(slice).some((endpoint) => isOwn(endpoint, own)))
    .map(serviceOf);
  return [...new Set(found)].filter((name) => name !== '').toSorted();
}

/** Endpoints of a Service beside those of its selector that are none of the workload's pods: they get a share, too. What a migration lends goes with it. */
export const strangeSlices = (slices: readonly KubeObject[], service: string, own: OwnPods): string[] =>
  slices
    .filter(
      (slice) =>
        serviceOf(slice) === service &&
        !isOfSelector(slice) &&
        !isCanaryObject(slice.metadata) &&
        endpointsIn(slice).some((endpoint) => !isOwn(endpoint, own)),
    )
    .map(({ metadata }) => `EndpointSlice ${metadata.name ?? ''}`);
