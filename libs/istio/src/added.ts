import type { KubeClient, KubeObject } from '@scc/kube';
import { isCanaryObject } from '@scc/plan';
import type { SurveyRequest } from '@scc/routing';
import { resolvedHost, serviceHost } from './hosts.js';
import { readAll } from './readable.js';
import { destinationRuleSpecSchema, virtualServiceSpecSchema } from './schema.js';
import { findRoutes } from './survey.js';
import type { Routes } from './survey-cluster.js';

/** Between two looks for objects of the mesh that were added, in milliseconds. */
const EVERY_MS = 30_000;

/** Tells whether a look for one migration is due; the first one is. */
export class Pace {
  private readonly lookedMs = new Map<string, number>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  isDue({ namespace, services }: Pick<SurveyRequest, 'namespace' | 'services'>): boolean {
    const key = [namespace, ...services.map(({ name }) => name)].join('/');
    const nowMs = this.now();
    for (const [other, atMs] of this.lookedMs) if (nowMs - atMs >= EVERY_MS) this.lookedMs.delete(other);
    if (this.lookedMs.has(key)) return false;
    this.lookedMs.set(key, nowMs);
    return true;
  }
}

/**
 * A VirtualService that sends requests to the Services, or a DestinationRule of their hosts, in the plan's namespace,
 * which was not there when the plan was validated: the one is not divided, and the other is not the canary's.
 */
export async function addedObject(
  kube: Pick<KubeClient, 'list'>,
  { request, routes }: { request: SurveyRequest; routes: Routes },
): Promise<KubeObject | undefined> {
  const { namespace, services } = request;
  const { apiVersion, domain, foreign } = routes;
  const theirs = async (kind: string): Promise<KubeObject[]> =>
    (await kube.list({ apiVersion, kind }, { namespace })).items.filter(({ metadata }) => !isCanaryObject(metadata));
  const [virtualServices, rules] = await Promise.all([theirs('VirtualService'), theirs('DestinationRule')]);
  const reading = { namespace, services: services.map(({ name }) => name) };
  const { read } = readAll(virtualServices, virtualServiceSpecSchema, { ...reading, kind: 'VirtualService' });
  const sending = findRoutes(read, { namespace, domain, services, foreign: new Set(foreign) }).divided;
  const hosts = services.map(({ name }) => serviceHost(name, { namespace, domain }));
  const ofHosts = readAll(rules, destinationRuleSpecSchema, { ...reading, kind: 'DestinationRule' }).read.filter(
    ({ spec }) => hosts.includes(resolvedHost(spec.host, namespace, domain)),
  );
  const isNew = (found: readonly { name: string }[], known: Routes['divided']) => (object: KubeObject) =>
    found.some(({ name }) => name === object.metadata.name) &&
    !known.some((one) => one.namespace === namespace && one.name === object.metadata.name);
  return virtualServices.find(isNew(sending, routes.divided)) ?? rules.find(isNew(ofHosts, routes.destinationRules));
}
