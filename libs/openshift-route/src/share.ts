import type { ServicePair } from '@scc/routing';
import { listOf, weightOf } from './backends.js';
import { MAX_BACKEND_WEIGHT } from './limits.js';
import type { Backends } from './schema.js';

/** Servers of one backend as the router configures them. */
export interface ServedShare {
  service: string;
  endpoints: number;
  /** Of each of its endpoints, 0 to 256. */
  perEndpoint: number;
}

/**
 * The weights that OpenShift's router gives to endpoints. A Service's weight is spread over its endpoints, scaled so that
 * the largest is 256, and cut to a whole number of at least 1. The router calculates in single precision.
 * @param endpointsOf how many endpoints of a Service are ready
 */
export function shareServedBy(backends: Backends, endpointsOf: (service: string) => number): ServedShare[] {
  const all = listOf(backends).map((backend) => ({
    service: backend.name,
    endpoints: endpointsOf(backend.name),
    weight: Math.min(weightOf(backend), MAX_BACKEND_WEIGHT),
  }));
  const parts = all.map((one) => (one.endpoints > 0 ? Math.fround(one.weight / one.endpoints) : 0));
  const largest = Math.max(...parts);
  const scale = largest > 0 ? Math.fround(MAX_BACKEND_WEIGHT / largest) : 0;
  return all.map(({ service, endpoints, weight }, index) => {
    const cut = Math.trunc(Math.fround((parts[index] ?? 0) * scale));
    const isServing = weight > 0 && endpoints > 0;
    return { service, endpoints, perEndpoint: isServing ? Math.max(1, cut) : 0 };
  });
}

/**
 * The share of the Services' requests that their canaries really get, in percent with two decimals; null while nothing of
 * theirs is served.
 */
export function realShare(
  backends: Backends,
  services: readonly ServicePair[],
  endpointsOf: (service: string) => number,
): number | null {
  const sum = (names: readonly string[]): number =>
    shareServedBy(backends, endpointsOf)
      .filter(({ service }) => names.includes(service))
      .reduce((total, { endpoints, perEndpoint }) => total + endpoints * perEndpoint, 0);
  const canary = sum(services.map((pair) => pair.canary));
  const stable = sum(services.map(({ name }) => name));
  return canary + stable === 0 ? null : Math.round((10_000 * canary) / (canary + stable)) / 100;
}
