import { isDeepStrictEqual } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import {
  lastWriter,
  preImagesOf,
  releaseFields,
  removeMarked,
  rewriteSpec,
  type KubeClient,
  type KubeObject,
} from '@scc/kube';
import type { WayIn } from '@scc/plan';
import {
  deletedRoute,
  holdingTesters,
  ledBy,
  manifestBefore,
  ownership,
  routedName,
  RoutesBehind,
  type Conflict,
  type PreImage,
  type RoutedObject,
  type RouteProof,
  type Split,
  type Survey,
  type Surveyed,
  type SurveyRequest,
  type TrafficRouter,
  type Verified,
  type Watched,
} from '@scc/routing';
import { rulesWithCanary } from './canary-rules.js';
import type { MirrorAbility } from './mirror-rules.js';
import { rulesInOtherWords, meaningOfRule, restoredRules } from './restore.js';
import { GRANTS_VERSION, ROUTES_VERSION, routeSpecSchema, routeStatusSchema, type Rule } from './schema.js';
import { parentBehind } from './status.js';
import { isLeftOut, scopeOf, type DividedRoute } from './survey.js';
import { gatewayRoutesSchema, surveyGatewayRoutes, type GatewayRoutes } from './survey-cluster.js';

/** How long a controller may take to take over a route, in milliseconds. */
const CONTROLLERS_TIMEOUT_MS = 30_000;
const POLL_MS = 100;

export interface GatewayRouterOptions {
  kube: KubeClient;
  fieldManager: string;
  /** Of controllers whose proxies can be asked. Routes of all others are given `boundMs` once their status is there. */
  proof: { isFor: (controller: string) => boolean; of: RouteProof };
  boundMs: number;
  /** Of the cluster, such as `cluster.local`. */
  domain?: string;
  /** Of the work that waits now; aborting it ends the wait. */
  signal: () => AbortSignal | undefined;
}

const idOf = ({ kind, namespace, name }: DividedRoute): RoutedObject => ({
  apiVersion: ROUTES_VERSION,
  kind,
  namespace,
  name,
});
const rulesOf = (object: KubeObject): Rule[] => routeSpecSchema.parse(object['spec']).rules ?? [];

/** Divides requests by the weights of HTTPRoutes and GRPCRoutes, at gateways and within a mesh. */
export class GatewayRouter implements TrafficRouter {
  constructor(private readonly options: GatewayRouterOptions) {}

  async survey(request: SurveyRequest): Promise<Surveyed> {
    const { routes, undivided, routed, violations, warnings } = await surveyGatewayRoutes(this.options.kube, request);
    const ways = routes.divided.map(({ kind, namespace, name }): WayIn => ({
      kind,
      name: namespace === request.namespace ? name : `${namespace}/${name}`,
      dividedBy: 'GatewayAPI',
      ...(request.affinity ? { shareOf: 'NewClients' } : {}),
    }));
    return { survey: { request, routes }, ways, undivided, routed, violations, warnings };
  }

  async preImages(survey: Survey): Promise<PreImage[]> {
    const { divided, grant } = gatewayRoutesSchema.parse(survey.routes);
    const ids = [...divided.map(idOf), ...(grant ? [this.grantId(survey)] : [])];
    return preImagesOf(this.options.kube, ids);
  }

  /** A reference to what is not there fails its share of the requests: the Services, their endpoints, then the routes. */
  async prepare(survey: Survey): Promise<void> {
    const { kube, fieldManager } = this.options;
    const { namespace, services, markers } = survey.request;
    const { grant } = gatewayRoutesSchema.parse(survey.routes);
    for (const { canary } of services)
      if (!(await kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: canary })))
        throw new Error(`Service ${namespace}/${canary} is not there, so that no route may name it`);
    if (grant) {
      const { apiVersion, kind, name } = this.grantId(survey);
      const metadata = { namespace, name, labels: markers, ...ownership(survey.request, namespace) };
      await kube.apply({ apiVersion, kind, metadata, spec: grant }, { fieldManager, force: true });
    }
    // Proxies hear of the canary's endpoints once a route names it; not one request may go there before they do.
    await this.split(holdingTesters(survey), { canary: 0, mirror: null });
    if (this.isProven(survey)) await this.proof.endpoints(this.watched(survey), { stable: false, canary: true });
    if (survey.request.testers && !survey.request.testers.isHeld) await this.split(survey, { canary: 0, mirror: null });
  }

  async split(surveyed: Survey, split: Split, together?: () => Promise<void>): Promise<Verified> {
    const survey = ledBy(surveyed, split);
    const { testers } = survey.request;
    const usesCanary = split.canary > 0 || split.mirror !== null || Boolean(testers && !testers.isHeld);
    const sides = { stable: split.canary < 100, canary: usesCanary };
    if (this.isProven(survey)) await this.proof.endpoints(this.watched(survey), sides);
    const change = async (): Promise<void> => {
      await together?.();
      await this.write(survey, split);
    };
    const again = (): Promise<void> => this.writeInOtherWords(survey);
    return this.follow(survey, await this.asPossible(survey, split), { change, again });
  }

  async drift(surveyed: Survey, split: Split): Promise<Conflict | null> {
    const survey = ledBy(surveyed, split);
    const { kube, fieldManager } = this.options;
    const routes = gatewayRoutesSchema.parse(survey.routes);
    for (const route of routes.divided) {
      const id = idOf(route);
      const object = await kube.get(id);
      if (!object) return deletedRoute(id);
      const now = rulesOf(object);
      const wanted = rulesWithCanary(now, split, this.meant(survey, routes, route));
      if (!isDeepStrictEqual(now.map(meaningOfRule), wanted.map(meaningOfRule)))
        return {
          object: routedName(id),
          fields: ['spec.rules'],
          manager: lastWriter(object, fieldManager, ['spec.rules']),
        };
    }
    return null;
  }

  async restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    const { divided, grant } = gatewayRoutesSchema.parse(survey.routes);
    const restoreAll = async (found: Conflict[]): Promise<void> => {
      for (const route of divided)
        found.push(...(await this.restoreRoute(survey, route, manifestBefore(images, idOf(route)))));
    };
    const change = (): Promise<void> => restoreAll(conflicts);
    const again = async (): Promise<void> => {
      await this.writeInOtherWords(survey);
      // Two writes that istiod reads at once are none to it where the second is as before the first.
      await this.accepted(survey);
      await restoreAll([]);
    };
    await this.follow(survey, null, { change, again });
    // It goes last: until now routes may have named the canary.
    if (grant) await removeMarked(this.options.kube, this.grantId(survey), survey.request.markers);
    return conflicts;
  }

  private async restoreRoute(
    survey: Survey,
    route: DividedRoute,
    manifest: Record<string, unknown>,
  ): Promise<Conflict[]> {
    const { kube, fieldManager } = this.options;
    const id = idOf(route);
    const before = routeSpecSchema.parse(manifest['spec']).rules ?? [];
    const found = { isChanged: false, manager: '' };
    const written = await rewriteSpec(kube, id, {
      fieldManager,
      change: (object) => {
        const { rules, isChanged } = restoredRules(rulesOf(object), before, scopeOf(survey.request, route));
        // Of the object as it was found: what is written now is ours, whoever had it before.
        Object.assign(found, { isChanged, manager: lastWriter(object, fieldManager, ['spec.rules']) });
        return { now: { rules: rulesOf(object) }, next: { rules } };
      },
    });
    if (!written) return [deletedRoute(id)];
    await releaseFields(kube, id, fieldManager);
    if (!found.isChanged) return [];
    return [{ object: routedName(id), fields: ['spec.rules'], manager: found.manager }];
  }

  /** A route that was deleted meanwhile divides nothing: only a canary without requests can do without it. */
  private async write(survey: Survey, split: Split): Promise<void> {
    const { kube, fieldManager } = this.options;
    const routes = gatewayRoutesSchema.parse(survey.routes);
    for (const route of routes.divided) {
      const id = idOf(route);
      const written = await rewriteSpec(kube, id, {
        fieldManager,
        change: (object) => ({
          now: { rules: rulesOf(object) },
          next: { rules: rulesWithCanary(rulesOf(object), split, this.meant(survey, routes, route)) },
        }),
      });
      if (!written && split.canary > 0) throw new Error(`${routedName(id)} was deleted during the migration`);
    }
  }

  /** What was deleted meanwhile is left so. */
  private async writeInOtherWords(survey: Survey): Promise<void> {
    const { kube, fieldManager } = this.options;
    for (const route of gatewayRoutesSchema.parse(survey.routes).divided)
      await rewriteSpec(kube, idOf(route), {
        fieldManager,
        change: (object) => ({
          now: { rules: rulesOf(object) },
          next: { rules: rulesInOtherWords(rulesOf(object), scopeOf(survey.request, route)) },
        }),
      });
  }

  /** The mirror that proxies can be expected to have: not all rules may be mirrored. */
  private async asPossible(survey: Survey, split: Split): Promise<Split> {
    const { mirror } = split;
    if (!mirror) return split;
    const routes = gatewayRoutesSchema.parse(survey.routes);
    const looked = await Promise.all(
      routes.divided.map(async (route) => {
        const object = await this.options.kube.get(idOf(route));
        return object !== undefined && isLeftOut(rulesOf(object), mirror, this.meant(survey, routes, route));
      }),
    );
    return looked.some(Boolean) ? { ...split, mirror: { ...mirror, isPartial: true } } : split;
  }

  /** Changes routes, waits until every controller that serves them has them, and then until their proxies do. */
  private async follow(
    survey: Survey,
    split: Split | null,
    { change, again }: Record<'change' | 'again', () => Promise<void>>,
  ): Promise<Verified> {
    const { boundMs, signal } = this.options;
    const changed = async (): Promise<void> => {
      await change();
      await this.accepted(survey);
    };
    if (this.isProven(survey)) {
      const verified = await this.proof.follow(this.watched(survey), split, changed, again);
      if (!this.hasOthers(survey)) return verified;
    } else await changed();
    await delay(boundMs, undefined, { signal: signal() });
    return { verifiedBy: 'bound' };
  }

  /** @throws RoutesBehind */
  private async accepted({ routes }: Survey): Promise<void> {
    const { divided } = gatewayRoutesSchema.parse(routes);
    const deadline = performance.now() + CONTROLLERS_TIMEOUT_MS;
    const signal = this.options.signal();
    for (;;) {
      signal?.throwIfAborted();
      const lacking = (await Promise.all(divided.map((route) => this.lackOf(route)))).find((lack) => lack !== null);
      if (lacking === undefined) return;
      if (performance.now() >= deadline) throw new RoutesBehind(`after ${CONTROLLERS_TIMEOUT_MS / 1000} s ${lacking}`);
      await delay(POLL_MS, undefined, { signal });
    }
  }

  private async lackOf(route: DividedRoute): Promise<string | null> {
    const object = await this.options.kube.get(idOf(route));
    if (!object) return null;
    const { generation = 0 } = object.metadata;
    const lack = parentBehind(routeStatusSchema.parse(object['status'] ?? {}), generation, route.served);
    return lack === null ? null : `${routedName(idOf(route))}: ${lack}`;
  }

  private get proof(): RouteProof {
    return this.options.proof.of;
  }

  private controllers({ routes }: Survey): string[] {
    return gatewayRoutesSchema
      .parse(routes)
      .divided.flatMap(({ served }) => served.map(({ controller }) => controller));
  }

  private isProven(survey: Survey): boolean {
    return this.controllers(survey).some((name) => this.options.proof.isFor(name));
  }

  private hasOthers(survey: Survey): boolean {
    return this.controllers(survey).some((name) => !this.options.proof.isFor(name));
  }

  private meant(survey: Survey, { percentKinds }: GatewayRoutes, route: DividedRoute) {
    const ability: MirrorAbility = {
      hasPercent: percentKinds.includes(route.kind),
      foreignPaths: route.foreignPaths,
    };
    return { scope: scopeOf(survey.request, route), ability };
  }

  private watched({ request }: Survey): Watched {
    const { namespace, services, testers, affinity } = request;
    const { domain } = this.options;
    const unasked = request.unasked && new Set(request.unasked);
    const asked = { namespace, services, hasStreams: false, testers, affinity, unasked };
    return domain === undefined ? asked : { ...asked, domain };
  }

  private grantId({ request: { namespace, services } }: Survey): RoutedObject {
    const [first] = services;
    return { apiVersion: GRANTS_VERSION, kind: 'ReferenceGrant', namespace, name: first?.canary ?? 'scc-canary' };
  }
}
