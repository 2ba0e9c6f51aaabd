import { isDeepStrictEqual } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { addressesOf, lastWriter, preImagesOf, releaseFields, rewriteSpec, type KubeClient } from '@scc/kube';
import type { WayIn } from '@scc/plan';
import {
  ClientsStay,
  deletedRoute,
  manifestBefore,
  routedName,
  type Conflict,
  type PreImage,
  type RoutedObject,
  type Split,
  type Survey,
  type Surveyed,
  type SurveyRequest,
  affinityNotRouted,
  testersNotRouted,
  type TrafficRouter,
  type Verified,
  type WayShare,
} from '@scc/routing';
import { baseOf, listOf, withCanaryBackend } from './backends.js';
import { reloadMsOf } from './reload.js';
import { type Backends, backendsOf, ROUTE_TYPE, openshiftRouteSpecSchema } from './schema.js';
import { realShare } from './share.js';
import { keptSchema, surveyOpenShiftRoutes, type Kept } from './survey-cluster.js';

/** A change waits for one reload, and may come right after another one has begun. */
const RELOADS = 2;

/** What the routers sent to the pods of Services over the last moments. */
export interface RoutedLately {
  /** Requests, and connections that were passed through. */
  requests: number;
  /** Connections that stand. */
  standing: number;
  /** Over which stretch, in milliseconds. */
  overMs: number;
}

/** What the routers count of the requests that they send to the pods of Services. */
export interface RouterCounters {
  /** Whether anything counts for these Services. */
  sees: (namespace: string, services: readonly string[]) => Promise<boolean>;
  /**
   * What came over the last moments that are counted; null when nothing counts it any more.
   * @param quietMs over no shorter stretch than this; a minute when absent
   */
  recent: (namespace: string, services: readonly string[], quietMs?: number) => Promise<RoutedLately | null>;
}

export interface OpenShiftRouterOptions {
  kube: KubeClient;
  fieldManager: string;
  /** The reload interval of routers whose controller does not tell it, in milliseconds. */
  reloadMs: number;
  counters?: RouterCounters | undefined;
  /** Of the work that waits now; aborting it ends the wait. */
  signal: () => AbortSignal | undefined;
}

const idOf = (namespace: string, name: string): RoutedObject => ({ ...ROUTE_TYPE, namespace, name });

/** As a patch: what a Route did not say before, it does not say afterwards. */
const written = ({ to, alternateBackends }: Backends, keepsList: boolean) => ({
  to: { ...to, weight: to.weight ?? null },
  alternateBackends: alternateBackends.length > 0 || keepsList ? alternateBackends : null,
});

const OWN_COOKIES = [
  "OpenShift's router holds each client at the pod that it met by a cookie of its own",
  'Leave spec.traffic.affinity out: a client of a Route stays where it is already, unless its annotation haproxy.router.openshift.io/disable_cookies or a passthrough says otherwise.',
] as const;

/**
 * Divides requests by the weights of OpenShift's Routes. The routers confirm nothing: after a write, twice the longest
 * reload interval of the shards that serve it is waited for.
 */
export class OpenShiftRouter implements TrafficRouter {
  constructor(private readonly options: OpenShiftRouterOptions) {}

  async survey(request: SurveyRequest): Promise<Surveyed> {
    const { counters, kube } = this.options;
    const names = request.services.map(({ name }) => name);
    const sees = async (): Promise<boolean> => (await counters?.sees(request.namespace, names)) ?? false;
    const { divided, undivided, warnings } = await surveyOpenShiftRoutes(kube, request, sees);
    const routes: Kept = { divided };
    return {
      survey: { request, routes },
      ways: divided.map(({ name }): WayIn => ({ kind: 'Route', name, dividedBy: 'OpenShiftRouter' })),
      undivided,
      violations: [
        ...(request.testers && divided.length > 0
          ? [testersNotRouted('Routes of OpenShift do not look at headers')]
          : []),
        ...(request.affinity && divided.length > 0 ? [affinityNotRouted(...OWN_COOKIES)] : []),
      ],
      warnings: [
        ...warnings,
        ...(request.mirror && divided.length > 0 ? ['Routes mirror no requests: none of theirs are copied'] : []),
      ],
      mirrorsNothing: true,
    };
  }

  preImages(survey: Survey): Promise<PreImage[]> {
    return preImagesOf(this.options.kube, this.ids(survey));
  }

  async prepare(survey: Survey): Promise<void> {
    const { namespace, services } = survey.request;
    if (this.kept(survey).length === 0) return;
    for (const { canary } of services)
      if (!(await this.options.kube.get({ apiVersion: 'v1', kind: 'Service', namespace, name: canary })))
        throw new Error(`Service ${namespace}/${canary} is not there, so that no Route may name it`);
    await this.split(survey, { canary: 0, mirror: null });
  }

  async split(survey: Survey, { canary }: Split, together?: () => Promise<void>): Promise<Verified> {
    const { services } = survey.request;
    await together?.();
    const shares: WayShare[] = [];
    for (const { name, backends } of this.kept(survey)) {
      const found: { next: Backends | null } = { next: null };
      const isThere = await this.rewrite(survey, name, (now) => {
        found.next = withCanaryBackend(baseOf(now, backends, services), canary, services);
        return { next: found.next, keepsList: true };
      });
      if (!isThere && canary > 0)
        throw new Error(`${routedName(idOf(survey.request.namespace, name))} was deleted during the migration`);
      if (found.next) shares.push(...(await this.shareOf(survey, name, found.next)));
    }
    await this.reloaded(survey);
    if (canary === 100) await this.left(survey);
    return { verifiedBy: 'bound', shares };
  }

  async drift(survey: Survey, { canary }: Split): Promise<Conflict | null> {
    const { kube, fieldManager } = this.options;
    const { namespace, services } = survey.request;
    for (const { name, backends } of this.kept(survey)) {
      const id = idOf(namespace, name);
      const object = await kube.get(id);
      if (!object) return deletedRoute(id);
      const now = backendsOf(openshiftRouteSpecSchema.parse(object['spec']));
      const wanted = withCanaryBackend(baseOf(now, backends, services), canary, services);
      const fields = [
        ...(isDeepStrictEqual(now.to, wanted.to) ? [] : ['spec.to']),
        ...(isDeepStrictEqual(now.alternateBackends, wanted.alternateBackends) ? [] : ['spec.alternateBackends']),
      ];
      if (fields.length > 0) return { object: routedName(id), fields, manager: lastWriter(object, fieldManager) };
    }
    return null;
  }

  async restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    for (const { name } of this.kept(survey)) conflicts.push(...(await this.restoreRoute(survey, name, images)));
    await this.reloaded(survey);
    return conflicts;
  }

  private async restoreRoute(survey: Survey, name: string, images: PreImage[]): Promise<Conflict[]> {
    const { kube, fieldManager } = this.options;
    const { namespace, services } = survey.request;
    const id = idOf(namespace, name);
    const spec = openshiftRouteSpecSchema.parse(manifestBefore(images, id)['spec']);
    const before = backendsOf(spec);
    const found = { isForeign: false };
    const isThere = await this.rewrite(survey, name, (now) => {
      const next = baseOf(now, before, services);
      found.isForeign = !isDeepStrictEqual(next, before);
      return { next, keepsList: spec.alternateBackends !== undefined };
    });
    if (!isThere) return [deletedRoute(id)];
    const manager = found.isForeign ? lastWriter((await kube.get(id)) ?? isThere, fieldManager) : '';
    await releaseFields(kube, id, fieldManager);
    return found.isForeign ? [{ object: routedName(id), fields: ['spec.to', 'spec.alternateBackends'], manager }] : [];
  }

  private rewrite(
    { request }: Survey,
    name: string,
    change: (now: Backends) => { next: Backends; keepsList: boolean },
  ) {
    const { kube, fieldManager } = this.options;
    return rewriteSpec(kube, idOf(request.namespace, name), {
      fieldManager,
      change: (object) => {
        const spec = openshiftRouteSpecSchema.parse(object['spec']);
        const { next, keepsList } = change(backendsOf(spec));
        return { now: written(backendsOf(spec), spec.alternateBackends !== undefined), next: written(next, keepsList) };
      },
    });
  }

  /** The share that the endpoints of this moment make of the weights. */
  private async shareOf({ request }: Survey, name: string, backends: Backends): Promise<WayShare[]> {
    const { namespace, services } = request;
    const counts = new Map<string, number>();
    for (const { name: service } of listOf(backends))
      counts.set(service, (await addressesOf(this.options.kube, namespace, service)).ready.size);
    const share = realShare(backends, services, (service) => counts.get(service) ?? 0);
    return share === null ? [] : [{ kind: 'Route', name, share }];
  }

  /** Waits until every shard that serves one of the Routes has reloaded. */
  private async reloaded(survey: Survey): Promise<void> {
    const { kube, reloadMs, signal } = this.options;
    const shards = new Set(this.kept(survey).flatMap(({ routers }) => routers));
    const intervals = await Promise.all([...shards].map((shard) => reloadMsOf(kube, shard, reloadMs)));
    await delay(RELOADS * Math.max(0, ...intervals), undefined, { signal: signal() });
  }

  /**
   * Makes sure that no client is kept with the stable pods by a cookie of the router, which outlives every weight.
   * @throws ClientsStay
   */
  private async left(survey: Survey): Promise<void> {
    const sticky = this.kept(survey).filter(({ isSticky }) => isSticky);
    const { counters } = this.options;
    if (sticky.length === 0 || !counters) return;
    const { namespace, services } = survey.request;
    const names = services.map(({ name }) => name);
    const recent = (await counters.recent(namespace, names))?.requests ?? null;
    if (recent !== 0)
      throw new ClientsStay(
        sticky.map(({ name }) => name),
        names,
        recent,
      );
  }

  private kept({ routes }: Survey): Kept['divided'] {
    return keptSchema.parse(routes).divided;
  }

  private ids(survey: Survey): RoutedObject[] {
    return this.kept(survey).map(({ name }) => idOf(survey.request.namespace, name));
  }
}
