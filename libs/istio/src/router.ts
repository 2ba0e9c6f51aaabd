import { isDeepStrictEqual } from 'node:util';
import {
  hasOtherWriter,
  lastWriter,
  preImagesOf,
  releaseFields,
  removeMarked,
  rewriteSpec,
  type KubeClient,
  type KubeObject,
} from '@scc/kube';
import { copyName, type Violation, type WayIn } from '@scc/plan';
import {
  deletedRoute,
  holdingTesters,
  ledBy,
  manifestBefore,
  ownership,
  ProxiesUnseen,
  routedName,
  type Conflict,
  type PreImage,
  type RoutedObject,
  type Split,
  type Survey,
  type Surveyed,
  type SurveyRequest,
  type TrafficRouter,
  type Verified,
  type Watched,
} from '@scc/routing';
import { addedObject, Pace } from './added.js';
import { withCanary, type RouteScope } from './canary-routes.js';
import { canaryRule, isRuleOf } from './destination-rules.js';
import { isForAll } from './mesh-config.js';
import { IstioProof, type IstioProofOptions } from './proof.js';
import { restored } from './restore.js';
import { canonicalLists, inOtherWords } from './spelling.js';
import { virtualServiceSpecSchema, type VirtualServiceSpec } from './schema.js';
import { ownRoutes, scopeFor } from './survey.js';
import { notServed, proxiesUnseen, type Routes, routesSchema, surveyRoutes } from './survey-cluster.js';

export interface IstioRouterOptions extends IstioProofOptions {
  kube: KubeClient;
  fieldManager: string;
  /** Of the cluster, such as `cluster.local`. */
  domain?: string;
  /** The root namespace of the mesh. */
  root?: string;
}

type Name = Routes['divided'][number];
const virtualServices = ({ apiVersion }: Routes, names: readonly Name[]): RoutedObject[] =>
  names.map(({ namespace, name }) => ({ apiVersion, kind: 'VirtualService', namespace, name }));
const destinationRules = ({ apiVersion }: Routes, names: readonly Name[]): RoutedObject[] =>
  names.map(({ namespace, name }) => ({ apiVersion, kind: 'DestinationRule', namespace, name }));

/** VirtualServices that send to the workload, and Services whose callers get one. */
const waysOf = ({ divided, own }: Routes, { namespace: planNamespace, affinity }: SurveyRequest): WayIn[] => [
  ...divided.map(({ namespace, name }): WayIn => ({
    kind: 'VirtualService',
    name: namespace === planNamespace ? name : `${namespace}/${name}`,
    dividedBy: 'Istio',
    ...(affinity ? { shareOf: 'NewClients' } : {}),
  })),
  ...own.map(({ service }): WayIn => ({
    ...{ kind: 'Service', name: service, dividedBy: 'Istio' },
    ...(affinity ? { shareOf: 'NewClients' } : {}),
  })),
];

const specOf = (object: KubeObject): VirtualServiceSpec => virtualServiceSpecSchema.parse(object['spec']);
const listsOf = ({ http, tls, tcp }: VirtualServiceSpec): Record<string, unknown> => ({
  ...(http ? { http } : {}),
  ...(tls ? { tls } : {}),
  ...(tcp ? { tcp } : {}),
});

/** Divides requests by the weights of Istio's VirtualServices. */
export class IstioRouter implements TrafficRouter {
  /** Of what the proxies of this mesh have: routers beside this one share it. */
  readonly proof: IstioProof;
  private readonly pace = new Pace();

  constructor(private readonly options: IstioRouterOptions) {
    this.proof = new IstioProof(options);
  }

  async survey(request: SurveyRequest): Promise<Surveyed> {
    const { services } = request;
    const { kube, domain, root, boundMs } = this.options;
    const { routes, violations, warnings } = await surveyRoutes(kube, request, { domain, root });
    const survey = { request, routes };
    const { proof } = this;
    const isAsked = violations.length === 0 && services.length > 0;
    const unseen = isAsked ? await this.unseenBy(survey) : [];
    return {
      survey,
      ways: waysOf(routes, request),
      takesPart: routes.destinationRules.length > 0,
      violations: [...violations, ...unseen],
      warnings: [
        ...warnings,
        ...(proof.isBlind
          ? [`istiod's debug endpoint is not configured: routes are given ${boundMs} ms to reach the proxies`]
          : []),
      ],
    };
  }

  /** Why no proxy could be seen to follow, which a migration would otherwise find out after it has begun. */
  private async unseenBy(survey: Survey): Promise<Violation[]> {
    const { namespace, services } = survey.request;
    try {
      return (await this.proof.serves(this.watched(survey))) ? [] : [notServed(services, namespace)];
    } catch (error) {
      if (error instanceof ProxiesUnseen && error.isRefusal) return [proxiesUnseen(error)];
      throw error;
    }
  }

  async preImages(survey: Survey): Promise<PreImage[]> {
    const routes = routesSchema.parse(survey.routes);
    const ids = [...virtualServices(routes, routes.divided), ...this.ownIds(survey), ...this.copyIds(survey)];
    return preImagesOf(this.options.kube, ids);
  }

  async prepare(survey: Survey): Promise<void> {
    const { kube, fieldManager } = this.options;
    const { request } = survey;
    const routes = routesSchema.parse(survey.routes);
    for (const id of destinationRules(routes, routes.destinationRules)) {
      const rule = await kube.get(id);
      if (rule)
        await kube.apply(canaryRule(rule, { ...request, domain: routes.domain }), { fieldManager, force: true });
    }
    // Proxies hear of the canary's endpoints once a route names it; not one request may go there before they do.
    await this.split(holdingTesters(survey), { canary: 0, mirror: null });
    await this.proof.endpoints(this.watched(survey), { stable: false, canary: true });
    if (request.testers && !request.testers.isHeld) await this.split(survey, { canary: 0, mirror: null });
  }

  async split(surveyed: Survey, split: Split, together?: () => Promise<void>): Promise<Verified> {
    const survey = ledBy(surveyed, split);
    const watched = this.watched(survey);
    if (watched.services.length === 0) return { verifiedBy: 'bound' };
    const { proof } = this;
    const { testers } = watched;
    const usesCanary = split.canary > 0 || split.mirror !== null || Boolean(testers && !testers.isHeld);
    await proof.endpoints(watched, { stable: split.canary < 100, canary: usesCanary });
    const change = async (): Promise<void> => {
      await together?.();
      await this.write(survey, split);
    };
    return proof.follow(watched, split, change, () => this.writeInOtherWords(survey));
  }

  async drift(surveyed: Survey, split: Split): Promise<Conflict | null> {
    const survey = ledBy(surveyed, split);
    const { kube, fieldManager } = this.options;
    const routes = routesSchema.parse(survey.routes);
    const ids = [...virtualServices(routes, routes.divided), ...this.ownIds(survey)];
    for (const id of ids) {
      const object = await kube.get(id);
      if (!object) return deletedRoute(id);
      const now = specOf(object);
      const wanted = canonicalLists(withCanary(now, split, this.scope(survey, id.namespace)));
      const fields = Object.entries(canonicalLists(now)).filter(
        ([list, value]) => !isDeepStrictEqual(value, wanted[list]),
      );
      if (fields.length)
        return {
          object: routedName(id),
          fields: fields.map(([list]) => `spec.${list}`),
          manager: lastWriter(
            object,
            fieldManager,
            fields.map(([list]) => `spec.${list}`),
          ),
        };
    }
    return (await this.driftOfRules(survey)) ?? this.driftByAdded(survey);
  }

  private async driftByAdded({ request, routes }: Survey): Promise<Conflict | null> {
    if (!this.pace.isDue(request)) return null;
    const { kube, fieldManager } = this.options;
    const added = await addedObject(kube, { request, routes: routesSchema.parse(routes) });
    if (!added) return null;
    const { apiVersion, kind, metadata } = added;
    const object = routedName({ apiVersion, kind, namespace: request.namespace, name: metadata.name ?? '' });
    return { object, fields: ['spec'], manager: lastWriter(added, fieldManager, ['spec']) };
  }

  /** The policy of a host, and its copy for the canary's, say the same. */
  private async driftOfRules(survey: Survey): Promise<Conflict | null> {
    const { kube, fieldManager } = this.options;
    const routes = routesSchema.parse(survey.routes);
    const request = { ...survey.request, domain: routes.domain };
    for (const id of destinationRules(routes, routes.destinationRules)) {
      const rule = await kube.get(id);
      if (!rule) return deletedRoute(id);
      const copyId = { ...id, name: copyName(id.name) };
      const copy = await kube.get(copyId);
      if (!copy) return deletedRoute(copyId);
      const wanted = isRuleOf(rule, request) ? canaryRule(rule, request) : null;
      if (wanted && isDeepStrictEqual(copy['spec'], wanted['spec'])) continue;
      const isOfCopy = hasOtherWriter(copy, fieldManager);
      const object = routedName(isOfCopy ? copyId : id);
      return { object, fields: ['spec'], manager: lastWriter(isOfCopy ? copy : rule, fieldManager, ['spec']) };
    }
    return null;
  }

  async restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    const conflicts: Conflict[] = [];
    const routes = routesSchema.parse(survey.routes);
    const restoreAll = async (found: Conflict[]): Promise<void> => {
      for (const id of virtualServices(routes, routes.divided))
        found.push(...(await this.restoreRoute(survey, id, manifestBefore(images, id))));
    };
    const change = async (): Promise<void> => {
      await restoreAll(conflicts);
      for (const id of this.ownIds(survey)) await this.remove(survey, id);
    };
    await this.proof.follow(this.watched(survey), null, change, async () => {
      await this.writeInOtherWords(survey);
      await restoreAll([]);
    });
    // The canary's policy goes last: until now requests to it may have been under way.
    for (const id of this.copyIds(survey)) await this.remove(survey, id);
    return conflicts;
  }

  connected(): Promise<ReadonlySet<string> | null> {
    return this.proof.connected();
  }

  private async restoreRoute(survey: Survey, id: RoutedObject, manifest: Record<string, unknown>): Promise<Conflict[]> {
    const scope = this.scope(survey, id.namespace);
    const before = virtualServiceSpecSchema.parse(manifest['spec']);
    const { kube, fieldManager } = this.options;
    const found: { conflicts: string[]; manager: string } = { conflicts: [], manager: '' };
    const written = await this.rewrite(id, (spec, object) => {
      const { conflicts, spec: next } = restored(spec, before, scope);
      // Of the object as it was found: what is written now is ours, whoever had it before.
      Object.assign(found, { conflicts, manager: lastWriter(object, fieldManager, conflicts) });
      return next;
    });
    if (!written) return [deletedRoute(id)];
    await releaseFields(kube, id, fieldManager);
    if (found.conflicts.length === 0) return [];
    return [{ object: routedName(id), fields: found.conflicts, manager: found.manager }];
  }

  private async remove({ request }: Survey, id: RoutedObject): Promise<void> {
    await removeMarked(this.options.kube, id, request.markers);
  }

  /** A route that was deleted meanwhile divides nothing: only a canary without requests can do without it. */
  private async write(survey: Survey, split: Split): Promise<void> {
    const { kube, fieldManager } = this.options;
    const { namespace, markers } = survey.request;
    const { canary } = split;
    const change = (spec: VirtualServiceSpec, routeNamespace: string): VirtualServiceSpec =>
      withCanary(spec, split, this.scope(survey, routeNamespace));
    const routes = routesSchema.parse(survey.routes);
    for (const id of virtualServices(routes, routes.divided))
      if (!(await this.rewrite(id, (spec) => change(spec, id.namespace))) && canary > 0)
        throw new Error(`${routedName(id)} was deleted during the migration`);
    for (const { service, ports } of routes.own) {
      const id = { apiVersion: routes.apiVersion, kind: 'VirtualService', namespace, name: copyName(service) };
      const divided = change(ownRoutes(service, namespace, ports, routes.domain), namespace);
      // Callers of any namespace must see it, whatever the mesh does with routes that do not say so.
      const spec = isForAll(routes.exportedTo) ? divided : { ...divided, exportTo: ['*'] };
      const metadata = { namespace, name: id.name, labels: markers, ...ownership(survey.request, namespace) };
      await kube.apply({ apiVersion: id.apiVersion, kind: id.kind, metadata, spec }, { fieldManager, force: true });
    }
  }

  /** What was deleted meanwhile is left so. */
  private async writeInOtherWords(survey: Survey): Promise<void> {
    const routes = routesSchema.parse(survey.routes);
    for (const id of [...virtualServices(routes, routes.divided), ...this.ownIds(survey)])
      await this.rewrite(id, (spec) => inOtherWords(spec, this.scope(survey, id.namespace)));
  }

  private rewrite(
    id: RoutedObject,
    change: (spec: VirtualServiceSpec, object: KubeObject) => VirtualServiceSpec,
  ): Promise<KubeObject | null> {
    const { kube, fieldManager } = this.options;
    return rewriteSpec(kube, id, {
      fieldManager,
      change: (object) => ({ now: listsOf(specOf(object)), next: listsOf(change(specOf(object), object)) }),
    });
  }

  private watched({ request, routes }: Survey): Watched {
    const { namespace, services } = request;
    const { hasStreams, foreign, domain } = routesSchema.parse(routes);
    const { testers, affinity } = request;
    const unasked = request.unasked && new Set(request.unasked);
    return { namespace, domain, services, hasStreams, foreign: new Set(foreign), testers, affinity, unasked };
  }

  private scope(survey: Survey, routeNamespace: string): RouteScope {
    return scopeFor(this.watched(survey), routeNamespace);
  }

  private ownIds({ request, routes }: Survey): RoutedObject[] {
    const parsed = routesSchema.parse(routes);
    const names = parsed.own.map(({ service }) => ({ namespace: request.namespace, name: copyName(service) }));
    return virtualServices(parsed, names);
  }

  private copyIds({ routes }: Survey): RoutedObject[] {
    const parsed = routesSchema.parse(routes);
    const names = parsed.destinationRules.map(({ namespace, name }) => ({ namespace, name: copyName(name) }));
    return destinationRules(parsed, names);
  }
}
