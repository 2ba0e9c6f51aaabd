import { isDeepStrictEqual } from 'node:util';
import { divided, type ServicePair } from '@scc/routing';
import { UNSET_WEIGHT } from './limits.js';
import type { RouteBackend, Backends } from './schema.js';
import { fitting } from './weights.js';

const isService = ({ kind }: RouteBackend): boolean => kind === undefined || kind === '' || kind === 'Service';
export const weightOf = ({ weight }: RouteBackend): number => weight ?? UNSET_WEIGHT;
export const listOf = ({ to, alternateBackends }: Backends): RouteBackend[] => [to, ...alternateBackends];

export const pairInBackends = (backend: RouteBackend, services: readonly ServicePair[]): ServicePair | undefined =>
  isService(backend) ? services.find(({ name }) => name === backend.name) : undefined;

/** The Service whose canary a backend is. */
const canaryOf = (backend: RouteBackend, services: readonly ServicePair[]): ServicePair | undefined =>
  isService(backend) ? services.find(({ canary }) => canary === backend.name) : undefined;

/** Whether a Route sends requests to one of the Services, or would at another weight. */
export const leadsTo = (backends: Backends, services: readonly ServicePair[]): boolean =>
  listOf(backends).some((backend) => pairInBackends(backend, services) !== undefined);

const asBackends = ([to, ...alternateBackends]: readonly RouteBackend[]): Backends => {
  if (!to) throw new Error('a Route names no Service');
  return { to, alternateBackends };
};

/**
 * The backends without canaries, each of whose weights returns to its Service. Numbers are added: of weights that had to
 * be rounded, proportions return with that error.
 */
export function withoutCanaryBackend(backends: Backends, services: readonly ServicePair[]): Backends {
  const all = listOf(backends);
  const kept = all.filter((backend) => !canaryOf(backend, services));
  const given = (service: string): number =>
    all.filter((backend) => canaryOf(backend, services)?.name === service).reduce((sum, one) => sum + weightOf(one), 0);
  const returned = kept.map((backend) => {
    const pair = pairInBackends(backend, services);
    const more = pair ? given(pair.name) : 0;
    return more === 0 ? backend : { ...backend, weight: weightOf(backend) + more };
  });
  // Only another client that took the Service itself away leaves nothing but canaries.
  return returned.length > 0 ? asBackends(returned) : backends;
}

/**
 * The backends with requests of the Services divided, and otherwise as their user wrote them: all weights at once, since a
 * Route whose weights are all 0 answers nobody.
 * @param base without canaries
 * @param percent the canary's share, 0 to 100
 */
export function withCanaryBackend(base: Backends, percent: number, services: readonly ServicePair[]): Backends {
  const all = listOf(base);
  const parts = all.map((backend) => {
    const pair = pairInBackends(backend, services);
    if (!pair) return { own: { backend, weight: weightOf(backend) * 100 } };
    const { stable, canary } = divided(weightOf(backend), percent);
    return {
      own: { backend, weight: stable },
      canary: { backend: { kind: 'Service', name: pair.canary }, weight: canary },
    };
  });
  const placed = [...parts.map(({ own }) => own), ...parts.flatMap(({ canary }) => canary ?? [])];
  const weights = fitting(placed.map(({ weight }) => weight));
  return asBackends(placed.map(({ backend }, index) => ({ ...backend, weight: weights[index] ?? 0 })));
}

const PERCENTS = Array.from({ length: 101 }, (_, percent) => percent);

/**
 * The backends from which a division starts: those of the survey as long as what is there now comes from them by some
 * division, else what another client wrote meanwhile, without our part.
 */
export function baseOf(now: Backends, surveyed: Backends, services: readonly ServicePair[]): Backends {
  const isOurs =
    isDeepStrictEqual(now, surveyed) ||
    PERCENTS.some((percent) => isDeepStrictEqual(now, withCanaryBackend(surveyed, percent, services)));
  return isOurs ? surveyed : withoutCanaryBackend(now, services);
}
