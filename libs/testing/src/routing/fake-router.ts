import type { WayIn } from '@scc/plan';
import { divided, isSticky, reduced } from '@scc/routing';
import type { PreImage, Conflict, Split, Survey, SurveyRequest, TrafficRouter, Verified } from '@scc/routing';

interface Destination {
  service: string;
  weight: number;
}

/** A route of a user, as plain as it can be. */
export interface FakeRoute {
  destinations: Destination[];
  labels: Record<string, string>;
  annotations: Record<string, string>;
  timeout: string | null;
  /** Of requests of testers, where they go elsewhere than all others. */
  ofTesters?: Destination[];
  /** Of requests with the cookie of the canary, likewise. */
  ofReturning?: Destination[];
}

/** The routes of a cluster in memory. */
export interface FakeMesh {
  routes: Map<string, FakeRoute>;
  /** Canary hosts that can be reached. */
  reachable: Set<string>;
}

const copy = (route: FakeRoute): FakeRoute => structuredClone(route);

interface Request {
  services: SurveyRequest['services'];
}

function without(destinations: readonly Destination[], { services }: Request): Destination[] {
  const kept: Destination[] = [];
  for (const { service, weight } of destinations) {
    const pair = services.find(({ canary }) => canary === service);
    const stable = pair && kept.find((one) => one.service === pair.name);
    if (stable) stable.weight += weight;
    else if (!pair) kept.push({ service, weight });
  }
  return withWeights(kept);
}

const withWeights = (destinations: readonly Destination[]): Destination[] => {
  const small = reduced(destinations.map(({ weight }) => weight));
  return destinations.map(({ service }, index) => ({ service, weight: small[index] ?? 0 }));
};

function withCanary(destinations: readonly Destination[], request: Request, percent: number): Destination[] {
  return withWeights(
    without(destinations, request).flatMap(({ service, weight }) => {
      const pair = request.services.find(({ name }) => name === service);
      if (!pair) return [{ service, weight: weight * 100 }];
      const parts = divided(weight, percent);
      return [
        { service, weight: parts.stable },
        { service: pair.canary, weight: parts.canary },
      ];
    }),
  );
}

const toCanary = (destinations: readonly Destination[], request: Request): Destination[] =>
  without(destinations, request).map(({ service, weight }) => ({
    service: request.services.find(({ name }) => name === service)?.canary ?? service,
    weight,
  }));

/** Divides the requests of routes in memory, as a router of a cluster does. For tests of what uses a router. */
export class FakeRouter implements TrafficRouter {
  readonly #mesh: FakeMesh;
  readonly #called: (call: string) => void;

  /** @param called after each change has taken effect; what it throws is the end of the process */
  constructor(mesh: FakeMesh, called: (call: string) => void = () => undefined) {
    this.#mesh = mesh;
    this.#called = called;
  }

  survey(request: SurveyRequest): ReturnType<TrafficRouter['survey']> {
    const names = request.services.map(({ name }) => name);
    const routes = [...this.#mesh.routes]
      .filter(([, { destinations }]) => destinations.some(({ service }) => names.includes(service)))
      .map(([name]) => name);
    const ways = routes.map((name): WayIn => ({ kind: 'Route', name, dividedBy: 'Istio' }));
    return Promise.resolve({ survey: { request, routes }, ways, violations: [], warnings: [] });
  }

  preImages(survey: Survey): Promise<PreImage[]> {
    return Promise.resolve(
      this.#routesOf(survey).map(([name, route]) => ({
        id: { apiVersion: 'fake/v1', kind: 'Route', namespace: survey.request.namespace, name },
        manifest: { ...copy(route) },
      })),
    );
  }

  async prepare(survey: Survey): Promise<void> {
    for (const { canary } of survey.request.services) {
      this.#mesh.reachable.add(canary);
      this.#called(`reach ${canary}`);
    }
    await this.split(survey, { canary: 0, mirror: null });
  }

  async split(survey: Survey, { canary, isUndo = false }: Split, together?: () => Promise<void>): Promise<Verified> {
    await together?.();
    for (const [name, route] of this.#routesOf(survey)) {
      route.destinations = withCanary(route.destinations, survey.request, canary);
      const { testers, affinity } = survey.request;
      delete route.ofTesters;
      delete route.ofReturning;
      if (testers && !isUndo) route.ofTesters = toCanary(route.destinations, survey.request);
      if (affinity && isSticky({ canary })) route.ofReturning = toCanary(route.destinations, survey.request);
      this.#called(`divide ${name}`);
    }
    return { verifiedBy: 'proxies' };
  }

  drift(survey: Survey, { canary }: Split): Promise<Conflict | null> {
    for (const [name, { destinations }] of this.#routesOf(survey))
      if (JSON.stringify(destinations) !== JSON.stringify(withCanary(destinations, survey.request, canary)))
        return Promise.resolve({ object: `Route ${name}`, fields: ['destinations'], manager: 'somebody' });
    return Promise.resolve(null);
  }

  restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    return this.#guarded(() => {
      const conflicts: Conflict[] = [];
      for (const [name, route] of this.#routesOf(survey)) {
        const before = images.find(({ id }) => id.name === name)?.manifest?.['destinations'] as Destination[];
        const bare = without(route.destinations, survey.request);
        const isOurs = JSON.stringify(bare) === JSON.stringify(withWeights(before));
        route.destinations = isOurs ? structuredClone(before) : bare;
        delete route.ofTesters;
        delete route.ofReturning;
        if (!isOurs) conflicts.push({ object: `Route ${name}`, fields: ['destinations'], manager: 'somebody' });
        this.#called(`restore ${name}`);
      }
      for (const { canary } of survey.request.services) {
        this.#mesh.reachable.delete(canary);
        this.#called(`forget ${canary}`);
      }
      return conflicts;
    });
  }

  #routesOf({ routes }: Survey): [string, FakeRoute][] {
    return (routes as string[]).flatMap((name) => {
      const route = this.#mesh.routes.get(name);
      return route ? [[name, route] as [string, FakeRoute]] : [];
    });
  }

  #guarded<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      resolve(work());
    });
  }
}
