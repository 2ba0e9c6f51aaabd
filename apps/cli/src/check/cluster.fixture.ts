import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type KubeObject, objectSchema } from '@scc/kube';
import { AUTHOR_ANNOTATION } from '@scc/plan';
import { defaultSCCs } from '@scc/scc';
import { makeAuthority } from '@scc/tls';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

/** A cluster with the chart's own objects, over HTTP, in which one thing after the other can be broken. */

const ROOT = path.resolve(import.meta.dirname, '../../../..');
const RENDERED = path.join(ROOT, 'deploy', 'kustomize', 'kubernetes');
export const SYSTEM = 'scc-system';
const WORKER_POD = 'worker-1';

const KINDS = [
  ['v1', 'Namespace', 'namespaces', false],
  ['v1', 'Pod', 'pods', true],
  ['v1', 'ConfigMap', 'configmaps', true],
  ['v1', 'Secret', 'secrets', true],
  ['v1', 'Service', 'services', true],
  ['v1', 'ServiceAccount', 'serviceaccounts', true],
  ['apps/v1', 'Deployment', 'deployments', true],
  ['coordination.k8s.io/v1', 'Lease', 'leases', true],
  ['discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', true],
  ['rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings', true],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', false],
  ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', false],
  ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', false],
  ['security.openshift.io/v1', 'SecurityContextConstraints', 'securitycontextconstraints', false],
  ['authorization.k8s.io/v1', 'SubjectAccessReview', 'subjectaccessreviews', false],
  ['scc.poc/v1', 'SCCMigrationPlan', 'sccmigrationplans', true],
  ['authentication.k8s.io/v1', 'TokenReview', 'tokenreviews', false],
  ['events.k8s.io/v1', 'Event', 'events', true],
  ['policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', true],
  ['autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', true],
  ['networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', true],
  ['batch/v1', 'Job', 'jobs', true],
  ['networking.istio.io/v1', 'VirtualService', 'virtualservices', true],
  ['gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes', true],
] as const;

const reviewSchema = z.looseObject({
  spec: z.looseObject({
    user: z.string(),
    resourceAttributes: z.looseObject({ verb: z.string(), resource: z.string() }),
  }),
});
export type Asked = z.infer<typeof reviewSchema>['spec'];

interface Answer {
  status: number;
  body: unknown;
}

/** What the cluster is made of, to be changed by a test. */
export interface World {
  minor: string;
  served: Set<string>;
  objects: KubeObject[];
  allows: (asked: Asked) => boolean;
  /** Admission of a dry run. */
  admits: (object: KubeObject) => Answer;
  health: Answer;
  worker: Answer;
  /** Of the API server, in milliseconds. */
  clockOffset: number;
}

const failure = (code: number, message: string): Answer => ({
  status: code,
  body: { kind: 'Status', code, message, reason: '' },
});
export const refused = failure;

const entriesSchema = z.object({ data: z.record(z.string(), z.string()) });
const entrySchema = z.looseObject({ clientConfig: z.looseObject({}) });
const listsSchema = z.object({ mutating: z.array(entrySchema), validating: z.array(entrySchema) });

/** The chart's rendering, as a cluster holds it once every process has started. */
async function installed(): Promise<KubeObject[]> {
  const texts = readdirSync(RENDERED)
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
    .map((name) => readFileSync(path.join(RENDERED, name), 'utf8'));
  const objects = texts
    .flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as unknown))
    .flatMap((object) => objectSchema.safeParse(object).data ?? []);
  const { certificate } = await makeAuthority('test', { now: new Date(), lifeMs: 86_400_000 * 30 });
  const caBundle = Buffer.from(certificate).toString('base64');
  const kept = objects.find(({ metadata }) => metadata.name === 'scc-webhook-entries');
  const lists = listsSchema.parse(parse(entriesSchema.parse(kept).data['entries.yaml'] ?? ''));
  const withAuthority = (entries: z.infer<typeof entrySchema>[]) =>
    entries.map((entry) => ({ ...entry, clientConfig: { ...entry.clientConfig, caBundle } }));
  const started: Record<string, object> = {
    Deployment: { status: { readyReplicas: 1 } },
    CustomResourceDefinition: { status: { conditions: [{ type: 'Established', status: 'True' }] } },
    MutatingWebhookConfiguration: { webhooks: withAuthority(lists.mutating) },
    ValidatingWebhookConfiguration: { webhooks: withAuthority(lists.validating) },
  };
  return [
    ...objects.map((object) => ({ ...object, ...started[object.kind] })),
    ...defaultSCCs().map((scc) => objectSchema.parse(scc)),
  ];
}
let once: Promise<KubeObject[]> | undefined;

/** A cluster in which nothing is broken. */
export async function aWorld(): Promise<World> {
  const objects = structuredClone(await (once ??= installed()));
  const lease = objects.find(({ kind }) => kind === 'Lease');
  const renewTime = new Date().toISOString();
  if (lease) lease['spec'] = { holderIdentity: 'watcher-1', renewTime, leaseDurationSeconds: 10 };
  const label = { 'app.kubernetes.io/name': 'scc-worker' };
  const pod = { name: WORKER_POD, namespace: SYSTEM, labels: label };
  const slice = { 'kubernetes.io/service-name': 'governance-webhook' };
  return {
    minor: '34',
    served: new Set(KINDS.map(([version]) => version)),
    objects: [
      ...objects,
      { apiVersion: 'v1', kind: 'Pod', metadata: pod, status: { phase: 'Running' } },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: 'governance-webhook-1', namespace: SYSTEM, labels: slice },
        endpoints: [{ conditions: { ready: true } }],
      },
    ],
    allows: () => true,
    admits: (object) => ({
      status: 201,
      body: {
        ...object,
        metadata: {
          ...object.metadata,
          annotations: { [AUTHOR_ANNOTATION]: 'ana', 'openshift.io/scc': 'restricted-v2' },
        },
      },
    }),
    health: {
      status: 200,
      body: { status: 'ok', components: { database: { status: 'up', since: new Date().toISOString() } } },
    },
    worker: { status: 200, body: { at: new Date().toISOString(), faults: [] } },
    clockOffset: 0,
  };
}

/** An object of a world by its kind and name. */
export function objectOf(world: World, kind: string, name: string): KubeObject {
  const found = world.objects.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`the rendering holds no ${kind} ${name}`);
  return found;
}

/** Puts a value in its place below an object. */
export function setAt(object: object, keys: readonly (string | number)[], value: unknown): void {
  const [key, ...rest] = keys;
  if (key === undefined) return;
  const below: unknown = Reflect.get(object, key);
  if (rest.length > 0 && typeof below === 'object' && below !== null) setAt(below, rest, value);
  else Reflect.set(object, key, value);
}

/** A world without an object. */
export function without(world: World, kind: string, name: string): void {
  const gone = objectOf(world, kind, name);
  world.objects = world.objects.filter((one) => one !== gone);
}

const PATH = /^\/(?:api\/(v1)|apis\/([^/]+\/[^/]+))(?:\/namespaces\/([^/]+)(?=\/.))?\/([^/]+)(?:\/([^/]+))?$/;

const FIXED: Record<string, (world: World) => Answer> = {
  '/version': ({ minor }) => ({ status: 200, body: { major: '1', minor, gitVersion: `v1.${minor}.0` } }),
  '/apis': (world) => ({ status: 200, body: { groups: groupsOf(world) } }),
  [`/api/v1/namespaces/${SYSTEM}/services/https:governance:9443/proxy/v1/health`]: ({ health }) => health,
  [`/api/v1/namespaces/${SYSTEM}/pods/${WORKER_POD}:9100/proxy/checks`]: ({ worker }) => worker,
};

function answerTo(world: World, method: string, url: URL, body: unknown): Answer {
  const { pathname } = url;
  const fixed = FIXED[pathname];
  if (fixed) return fixed(world);
  const version = /^\/(?:api\/(?=v1$)|apis\/(?=[^/]+\/[^/]+$))(.+)$/.exec(pathname)?.[1];
  if (version !== undefined) return discovery(world, version);
  const [, core, group, namespace, plural, name] = PATH.exec(pathname) ?? [];
  const kind = KINDS.find(([of, , resource]) => of === (core ?? group) && resource === plural)?.[1];
  if (kind === undefined) return failure(404, 'the server could not find the requested resource');
  if (method === 'POST') return created(world, kind, body);
  const found = world.objects
    .filter((one) => one.kind === kind && (namespace === undefined || one.metadata.namespace === namespace))
    .filter((one) => isSelected(one, url.searchParams));
  return name === undefined ? listOf(kind, found) : theOne(found, name);
}

function created(world: World, kind: string, body: unknown): Answer {
  if (kind === 'SubjectAccessReview')
    return { status: 201, body: { status: { allowed: world.allows(reviewSchema.parse(body).spec) } } };
  const object = objectSchema.parse(body);
  const creationTimestamp = new Date(Date.now() + world.clockOffset).toISOString();
  return world.admits({ ...object, metadata: { ...object.metadata, creationTimestamp } });
}

const listOf = (kind: string, items: KubeObject[]): Answer => ({
  status: 200,
  body: { kind: `${kind}List`, metadata: { resourceVersion: '1' }, items },
});

function theOne(found: readonly KubeObject[], name: string): Answer {
  const object = found.find(({ metadata }) => metadata.name === name);
  if (object) return { status: 200, body: object };
  const body = { kind: 'Status', code: 404, reason: 'NotFound', message: `${name} not found`, details: { name } };
  return { status: 404, body };
}

function isSelected({ metadata }: KubeObject, query: URLSearchParams): boolean {
  const [label, value] = (query.get('labelSelector') ?? '').split('=');
  const named = query.get('fieldSelector')?.replace('metadata.name=', '');
  return (!label || metadata.labels?.[label] === value) && (named === undefined || metadata.name === named);
}

const groupsOf = ({ served }: World): object[] =>
  [...served]
    .filter((version) => version.includes('/'))
    .map((groupVersion) => ({ name: groupVersion.split('/')[0], versions: [{ groupVersion }] }));

function discovery({ served }: World, version: string): Answer {
  if (!served.has(version)) return failure(404, 'the server could not find the requested resource');
  const resources = KINDS.filter(([of]) => of === version).map(([, kind, name, namespaced]) => ({
    kind,
    name,
    namespaced,
  }));
  return { status: 200, body: { kind: 'APIResourceList', resources } };
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** Serves a world; `change` puts another in its place. */
export async function serveWorld(): Promise<{
  kubeconfig: string;
  show: (world: World) => void;
  stop: () => Promise<void>;
}> {
  let world: World | undefined;
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const url = new URL(request.url ?? '/', 'http://cluster');
      const answer = world ? answerTo(world, request.method ?? 'GET', url, body) : failure(503, 'there is no world');
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = await mkdtemp(path.join(tmpdir(), 'sccctl-check-'));
  const kubeconfig = path.join(folder, 'kubeconfig');
  const { port } = server.address() as AddressInfo;
  await writeFile(
    kubeconfig,
    JSON.stringify({
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 'test' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    }),
  );
  return {
    kubeconfig,
    show: (next) => {
      world = next;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}
