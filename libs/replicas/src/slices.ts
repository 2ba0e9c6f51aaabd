import { isDeepStrictEqual } from 'node:util';
import { FIELD_MANAGER, LENT_ANNOTATION, LENT_FROM_ANNOTATION } from '@scc/plan';
import { MANAGER_LABEL, SERVICE_LABEL, type Endpoint, type Slice } from './schema.js';

/** Whether a slice lends canary pods to a Service, and so is ours. */
export const isLent = ({ metadata: { labels, annotations } }: Slice): boolean =>
  labels[MANAGER_LABEL] === FIELD_MANAGER && LENT_FROM_ANNOTATION in annotations;

export const serviceOf = ({ metadata }: Slice): string => metadata.labels[SERVICE_LABEL] ?? '';

/** An endpoint that does not say otherwise is ready. */
const isReady = ({ conditions }: Endpoint): boolean =>
  conditions?.ready !== false && conditions?.serving !== false && conditions?.terminating !== true;

export const readyIn = (slices: readonly Slice[]): Endpoint[] =>
  slices.flatMap(({ endpoints }) => endpoints ?? []).filter(isReady);

/** Pods of a Service: one in several slices is one. */
export const addressesIn = (slices: readonly Slice[]): Set<string> =>
  new Set(readyIn(slices).flatMap(({ addresses }) => addresses));

const addressOf = ({ addresses }: Endpoint): string => addresses[0] ?? '';
const READY = { ready: true, serving: true, terminating: false };

/**
 * So many of the ready endpoints as are lent: those that are lent already go first, so that connections move as little
 * as they can.
 */
export function lentEndpoints(lent: readonly Endpoint[], ready: readonly Endpoint[], count: number): Endpoint[] {
  const known = new Set(lent.map(addressOf));
  const byAddress = new Map(ready.map((endpoint) => [addressOf(endpoint), endpoint]));
  const ordered = [...byAddress.values()].toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1));
  return [...ordered.filter((one) => known.has(addressOf(one))), ...ordered.filter((one) => !known.has(addressOf(one)))]
    .slice(0, count)
    .toSorted((a, b) => (addressOf(a) < addressOf(b) ? -1 : 1))
    .map((endpoint) => ({ ...endpoint, conditions: READY }));
}

/**
 * What a slice of ours should hold now: pods that are no longer ready go, and others take their place.
 * @param sources slices of the canary's own Service
 * @returns null when it is as it should be
 */
export function renewedSlice(slice: Slice, sources: readonly Slice[]): Pick<Slice, 'endpoints' | 'ports'> | null {
  const alike = sources.filter(({ addressType }) => addressType === slice.addressType);
  const count = Number(slice.metadata.annotations[LENT_ANNOTATION] ?? 0);
  const endpoints = lentEndpoints(slice.endpoints ?? [], readyIn(alike), count);
  const ports = alike[0]?.ports ?? slice.ports ?? [];
  // No source is known while its controller is still making it: what is lent stays.
  if (alike.length === 0) return null;
  return isDeepStrictEqual(endpoints, slice.endpoints ?? []) && isDeepStrictEqual(ports, slice.ports ?? [])
    ? null
    : { endpoints, ports };
}
