import { isDeepStrictEqual } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import {
  addressesOf,
  lastWriter,
  preImagesOf,
  releaseFields,
  removeMarked,
  rewriteSpec,
  type KubeClient,
} from '@scc/kube';
import { copyName, FIELD_MANAGER, LENT_ANNOTATION, LENT_FROM_ANNOTATION, PLAN_TYPE, type WayIn } from '@scc/plan';
import {
  deletedRoute,
  manifestBefore,
  type PreImage,
  routedName,
  RoutesBehind,
  type Conflict,
  type RoutedObject,
  type ServicePair,
  type Split,
  type Survey,
  type Surveyed,
  type SurveyRequest,
  affinityNotRouted,
  testersNotRouted,
  type TrafficRouter,
  type Verified,
} from '@scc/routing';
import {
  MANAGER_LABEL,
  SERVICE_LABEL,
  SERVICE_TYPE,
  serviceSpecSchema,
  SLICE_TYPE,
  sliceSchema,
  type Slice,
} from './schema.js';
import { joinedFor, shareOf } from './share.js';
import { addressesIn, isLent, lentEndpoints, readyIn } from './slices.js';
import { pairsOf, serviceWarnings } from './survey.js';

export interface ReplicasRouterOptions {
  kube: KubeClient;
  fieldManager: string;
  /** How long nodes may take to follow a change of endpoints, in milliseconds: none of them says when it has. */
  boundMs: number;
  /** Of the work that waits now; aborting it ends the wait. */
  signal: () => AbortSignal | undefined;
}

/** How long the controller of endpoints may take to follow a selector, in milliseconds. */
const FOLLOW_MS = 30_000;
const EMPTY_MS = 5_000;
const POLL_MS = 100;

/** What each Service of the workload leads to. */
interface Wanted {
  /** Whose pods its selector picks. */
  side: 'stable' | 'canary';
  /** Whether some pods of the canary join those. */
  isJoined: boolean;
}

const wantedFor = ({ canary }: Pick<Split, 'canary'>): Wanted => ({
  side: canary === 100 ? 'canary' : 'stable',
  isJoined: canary > 0 && canary < 100,
});

const NOT_LOOKED_INTO = 'a plain Service divides connections and does not look into them';

/**
 * Divides the new connections of plain Services by their endpoints: some pods of the canary join those of the workload
 * by an EndpointSlice of ours, so that no label of any pod changes and no autoscaler or disruption budget of the workload
 * ever counts one of them. With everything on the canary the Service picks its pods instead. No node says when it
 * follows: after a write a bound is waited for.
 */
export class ReplicasRouter implements TrafficRouter {
  constructor(private readonly options: ReplicasRouterOptions) {}

  async survey(request: SurveyRequest): Promise<Surveyed> {
    const { kube } = this.options;
    const found = await Promise.all(
      request.services.map(async ({ name }) => ({ name, object: await kube.get(this.id(request, name)) })),
    );
    const served = found.flatMap(({ name, object }) =>
      object ? [{ name, spec: serviceSpecSchema.parse(object['spec']) }] : [],
    );
    return {
      survey: { request, routes: { services: served.map(({ name }) => name) } },
      ways: served.map(({ name }): WayIn => ({ kind: 'Service', name, dividedBy: 'Replicas' })),
      violations: [
        ...(request.testers && served.length > 0 ? [testersNotRouted(NOT_LOOKED_INTO)] : []),
        ...(request.affinity && served.length > 0 ? [affinityNotRouted(NOT_LOOKED_INTO)] : []),
      ],
      warnings: [
        ...served.flatMap(({ name, spec }) => serviceWarnings(name, spec)),
        ...(request.mirror && served.length > 0 ? ['plain Services mirror no requests: none are copied'] : []),
      ],
      mirrorsNothing: true,
    };
  }

  preImages(survey: Survey): Promise<PreImage[]> {
    return preImagesOf(
      this.options.kube,
      pairsOf(survey).map(({ name }) => this.id(survey.request, name)),
    );
  }

  async prepare(survey: Survey): Promise<void> {
    for (const { canary } of pairsOf(survey))
      if (!(await this.options.kube.get(this.id(survey.request, canary))))
        throw new Error(
          `Service ${survey.request.namespace}/${canary} is not there, so that none of its pods can join`,
        );
    await this.split(survey, { canary: 0, mirror: null });
  }

  async split(survey: Survey, split: Split, together?: () => Promise<void>): Promise<Verified> {
    await together?.();
    const pairs = pairsOf(survey);
    const shares = await Promise.all(
      pairs.map(async (pair) => ({ kind: 'Service', name: pair.name, share: await this.divide(survey, pair, split) })),
    );
    if (pairs.length > 0) await delay(this.options.boundMs, undefined, { signal: this.options.signal() });
    return { verifiedBy: 'bound', shares };
  }

  async drift(survey: Survey, split: Split): Promise<Conflict | null> {
    const { kube, fieldManager } = this.options;
    const { request } = survey;
    const { side, isJoined } = wantedFor(split);
    for (const pair of pairsOf(survey)) {
      const id = this.id(request, pair.name);
      const object = await kube.get(id);
      if (!object) return deletedRoute(id);
      const { selector } = serviceSpecSchema.parse(object['spec']);
      if (selector[request.label.key] !== request.label[side])
        return { object: routedName(id), fields: ['spec.selector'], manager: lastWriter(object, fieldManager) };
      if (isJoined && (await this.lent(request, pair)).length === 0)
        return { object: routedName(id), fields: ['its EndpointSlice'], manager: 'an unknown client (it was deleted)' };
    }
    return null;
  }

  async restore(survey: Survey, images: PreImage[]): Promise<Conflict[]> {
    const { kube, fieldManager } = this.options;
    const conflicts: Conflict[] = [];
    for (const pair of pairsOf(survey)) {
      const id = this.id(survey.request, pair.name);
      const before = serviceSpecSchema.parse(manifestBefore(images, id)['spec']).selector;
      await this.divide(survey, pair, { canary: 0 });
      const object = await kube.get(id);
      if (!object) {
        conflicts.push(deletedRoute(id));
        continue;
      }
      const { selector } = serviceSpecSchema.parse(object['spec']);
      const isForeign = !isDeepStrictEqual(selector, before);
      if (isForeign)
        conflicts.push({
          object: routedName(id),
          fields: ['spec.selector'],
          manager: lastWriter(object, fieldManager),
        });
      await releaseFields(kube, id, fieldManager);
    }
    return conflicts;
  }

  /**
   * Lets the Service lead where it should. While its selector changes, all ready pods of the canary are lent to it, so that
   * it has as many endpoints as before at every moment.
   * @returns the canary's share of its ready endpoints
   */
  private async divide(survey: Survey, pair: ServicePair, split: Pick<Split, 'canary'>): Promise<number> {
    const { kube, fieldManager } = this.options;
    const { request } = survey;
    const { key, ...label } = request.label;
    const id = this.id(request, pair.name);
    const object = await kube.get(id);
    if (!object) {
      if (split.canary > 0) throw new Error(`${routedName(id)} was deleted during the migration`);
      await this.takeBack(request, pair);
      return 0;
    }
    const { side, isJoined } = wantedFor(split);
    const isElsewhere = (now: Record<string, string>): boolean =>
      now[key] !== label[side] && (now[key] === label.stable || now[key] === label.canary);
    if (isElsewhere(serviceSpecSchema.parse(object['spec']).selector)) {
      await this.lend(request, pair, Infinity);
      await rewriteSpec(kube, id, {
        fieldManager,
        change: (found) => {
          const { selector } = serviceSpecSchema.parse(found['spec']);
          const next = isElsewhere(selector) ? { ...selector, [key]: label[side] } : selector;
          return { now: { selector }, next: { selector: next } };
        },
      });
    }
    await this.followed(request, pair, side);
    if (!isJoined) {
      await this.takeBack(request, pair);
      return split.canary;
    }
    const stable = addressesIn((await this.slices(request, pair.name)).filter((one) => !isLent(one))).size;
    const { ready } = await addressesOf(kube, request.namespace, pair.canary);
    const lent = await this.lend(request, pair, joinedFor(split.canary, { stable, canary: ready.size }));
    return shareOf(lent, stable);
  }

  /** Waits until the controller of endpoints gives the Service every ready pod of that side, and none of the other. */
  private async followed(request: SurveyRequest, pair: ServicePair, side: Wanted['side']): Promise<void> {
    const startMs = performance.now();
    for (let seen = -1; ;) {
      const own = addressesIn((await this.slices(request, pair.name)).filter((one) => !isLent(one)));
      const { ready: canary } = await addressesOf(this.options.kube, request.namespace, pair.canary);
      const waitedMs = performance.now() - startMs;
      // A workload that was deleted gets no endpoints, however long they are waited for.
      const isThere =
        side === 'stable'
          ? [...canary].every((address) => !own.has(address)) && (own.size > 0 || waitedMs >= EMPTY_MS)
          : canary.size > 0 && isDeepStrictEqual([...own].toSorted(), [...canary].toSorted());
      // Endpoints of many pods come in several slices, one after the other.
      if (isThere && own.size === seen) return;
      seen = own.size;
      if (waitedMs >= FOLLOW_MS)
        throw new RoutesBehind(
          `the endpoints of Service ${pair.name} are not those of the ${side === 'stable' ? 'workload' : 'canary'}'s pods`,
        );
      await delay(POLL_MS, undefined, { signal: this.options.signal() });
    }
  }

  /** Lends so many ready pods of the canary to the Service. @returns how many it has been lent */
  private async lend(request: SurveyRequest, pair: ServicePair, count: number): Promise<number> {
    const { kube, fieldManager } = this.options;
    const sources = await this.slices(request, pair.canary);
    const lent = await this.lent(request, pair);
    const counts = new Set<number>();
    for (const addressType of new Set(sources.map((one) => one.addressType))) {
      const alike = sources.filter((one) => one.addressType === addressType);
      const ready = readyIn(alike);
      const known = lent.filter((one) => one.addressType === addressType).flatMap(({ endpoints }) => endpoints ?? []);
      const wanted = Math.min(count, addressesIn(alike).size);
      const endpoints = lentEndpoints(known, ready, wanted);
      counts.add(endpoints.length);
      const { name, namespace } = this.sliceId(request, pair, addressType);
      await kube.apply(
        {
          ...SLICE_TYPE,
          metadata: {
            name,
            namespace,
            labels: { ...request.markers, [SERVICE_LABEL]: pair.name, [MANAGER_LABEL]: FIELD_MANAGER },
            annotations: { [LENT_ANNOTATION]: String(wanted), [LENT_FROM_ANNOTATION]: pair.canary },
            ...(request.owner
              ? { ownerReferences: [{ ...PLAN_TYPE, ...request.owner, controller: true, blockOwnerDeletion: false }] }
              : {}),
          },
          addressType,
          endpoints,
          ports: alike[0]?.ports ?? [],
        },
        { fieldManager, force: true },
      );
    }
    return Math.max(0, ...counts);
  }

  private async takeBack(request: SurveyRequest, pair: ServicePair): Promise<void> {
    for (const { addressType } of await this.lent(request, pair))
      await removeMarked(this.options.kube, this.sliceId(request, pair, addressType), request.markers);
  }

  private async lent(request: SurveyRequest, pair: ServicePair): Promise<Slice[]> {
    return (await this.slices(request, pair.name)).filter(isLent);
  }

  private async slices({ namespace }: SurveyRequest, service: string): Promise<Slice[]> {
    const labelSelector = `${SERVICE_LABEL}=${service}`;
    const { items } = await this.options.kube.list(SLICE_TYPE, { namespace, labelSelector });
    return items.map((item) => sliceSchema.parse(item));
  }

  private id({ namespace }: SurveyRequest, name: string): RoutedObject {
    return { ...SERVICE_TYPE, namespace, name };
  }

  private sliceId(request: SurveyRequest, { name }: ServicePair, addressType: string): RoutedObject {
    return { ...SLICE_TYPE, namespace: request.namespace, name: copyName(`${name}-${addressType.toLowerCase()}`) };
  }
}
