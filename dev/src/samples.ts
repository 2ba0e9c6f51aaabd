import { Agent, get } from 'node:http';
import path from 'node:path';
import { waitFor } from '@scc/runtime';
import { stringify } from 'yaml';
import { z } from 'zod';
import type { ClusterApi } from './cluster/api.js';
import { readObjects, type StatedObject } from './cluster/manifests.js';
import { ROOT } from './paths.js';

/** The folder of the sample shop's manifests. */
const SAMPLES = path.join(ROOT, 'dev', 'samples');

const deploymentSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), generation: z.int() }),
  spec: z.looseObject({ replicas: z.int() }),
  status: z.looseObject({
    observedGeneration: z.int().default(0),
    availableReplicas: z.int().default(0),
    updatedReplicas: z.int().default(0),
    conditions: z.array(z.looseObject({ type: z.string(), status: z.string(), message: z.string() })).default([]),
  }),
});

/** Replicas that a Deployment lacks, with the controller's reason where it has one; null when it runs all of them. */
function lackOf(value: unknown): string | null {
  const { metadata, spec, status } = deploymentSchema.parse(value);
  const { observedGeneration, availableReplicas, updatedReplicas, conditions } = status;
  const { replicas } = spec;
  if (observedGeneration >= metadata.generation && updatedReplicas >= replicas && availableReplicas >= replicas)
    return null;
  const refusal = conditions.find(({ type, status: is }) => type === 'ReplicaFailure' && is === 'True');
  return `${metadata.name} has ${availableReplicas} of ${replicas} pods${refusal ? `: ${refusal.message}` : ''}`;
}

const namedSchema = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

/** Whose routes lead to the shop. */
export const SAMPLE_ROUTERS = ['istio', 'gateway-api', 'route'] as const;
export type SampleRouter = (typeof SAMPLE_ROUTERS)[number];

const hostsSchema = z.looseObject({
  spec: z.looseObject({
    hosts: z.array(z.string()).default([]),
    hostnames: z.array(z.string()).default([]),
    host: z.string().optional(),
  }),
});
/** Where the routes of each are listed, and where they are called from outside. */
const ROUTES: Record<SampleRouter, { path: string; entrance: 'ingress' | 'router' }> = {
  istio: { path: '/apis/networking.istio.io/v1/namespaces/shop/virtualservices', entrance: 'ingress' },
  'gateway-api': { path: '/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes', entrance: 'ingress' },
  route: { path: '/apis/route.openshift.io/v1/namespaces/shop/routes', entrance: 'router' },
};
const ISTIO_ROUTES = ['VirtualService', 'Gateway'];

/** How the shop is set up. */
interface SampleOptions {
  router?: SampleRouter | undefined;
  /** Its StatefulSets keep data in volumes; otherwise they keep none. */
  databases?: boolean;
  /** With its CronJob, which runs every minute. */
  batch?: boolean;
}

/** The shop's manifests, with the routes of one router. */
async function manifestsFor({ router = 'istio', databases = false, batch = false }: SampleOptions): Promise<string> {
  const folders = [...(databases ? ['databases'] : []), ...(batch ? ['batch'] : [])];
  const own = (await Promise.all(folders.map((folder) => readObjects(path.join(SAMPLES, folder))))).flat();
  const keys = new Set(own.map(keyOf));
  const shop = [...(await readObjects(SAMPLES)).filter((object) => !keys.has(keyOf(object))), ...own];
  if (router === 'istio') return asText(shop);
  const others = shop.filter(({ kind }) => !ISTIO_ROUTES.includes(kind));
  return asText([...others, ...(await readObjects(path.join(SAMPLES, router)))]);
}

const keyOf = ({ kind, metadata }: StatedObject): string => `${kind}/${metadata.name}`;

const asText = (objects: readonly object[]): string => objects.map((object) => stringify(object)).join('---\n');

interface SampleStack {
  api: ClusterApi;
  addresses: Record<'ingress' | 'sidecar' | 'router', string>;
  apply: (manifests: string) => Promise<void>;
}

/** Applies the sample shop and waits until its Deployments are available and every service answers by all of its ways. */
export async function deploySamples(
  stack: SampleStack,
  { router = 'istio', ...parts }: SampleOptions = {},
): Promise<void> {
  await stack.apply(await manifestsFor({ router, ...parts }));
  await waitForDeployments(stack.api, 'shop');
  const services = await stack.api.list('/api/v1/namespaces/shop/services');
  const { path: routesPath, entrance } = ROUTES[router];
  const routes = await stack.api.list(routesPath);
  const outside = routes.items.flatMap((item) => {
    const { hosts, hostnames, host } = hostsSchema.parse(item).spec;
    return [...hosts, ...hostnames, ...(host === undefined ? [] : [host])];
  });
  await Promise.all([
    ...services.items.map((item) => waitForAnswers(stack.addresses.sidecar, namedSchema.parse(item).metadata.name)),
    ...outside
      .filter((host) => host.endsWith('.example'))
      .map((host) => waitForAnswers(stack.addresses[entrance], host)),
  ]);
}

/** So many answers in a row leave no doubt about the rarest destination of a weighted route. */
const ANSWERS_IN_A_ROW = 40;

/** An available pod is no use to a client before the proxy knows its address. */
export async function waitForAnswers(address: string, host: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const reached = async (): Promise<boolean> => {
    for (let count = 0; count < ANSWERS_IN_A_ROW; count++) if (!(await answers(address, host, agent))) return false;
    return true;
  };
  await waitFor(reached, { timeoutMs: 60_000, what: `${host} to answer through ${address}` });
  agent.destroy();
}

const answers = (address: string, host: string, agent: Agent): Promise<boolean> =>
  new Promise((resolve, reject) => {
    get(address, { headers: { host }, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    }).on('error', reject);
  });

/**
 * Waits until every Deployment of a namespace runs all its replicas, each available.
 * @throws DeadlineError whose cause says what each of the others lacks.
 */
export async function waitForDeployments(api: ClusterApi, namespace: string, timeoutMs = 120_000): Promise<void> {
  await waitFor(
    async () => {
      const { items } = await api.list(`/apis/apps/v1/namespaces/${namespace}/deployments`);
      const lacking = items.flatMap((item) => lackOf(item) ?? []);
      if (items.length === 0 || lacking.length > 0)
        throw new Error(lacking.join('; ') || `no Deployment in ${namespace}`);
      return true;
    },
    { timeoutMs, everyMs: 100, what: `the Deployments of ${namespace}` },
  );
}
