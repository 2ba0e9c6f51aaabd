import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createLogger } from '@scc/runtime';
import { applyPatch, type Operation } from 'rfc6902';
import { startAdmission } from '../service/admission.js';
import { type KubeLike, standardObjects, TestCluster } from './cluster.fixture.js';
import type { Admission, AdmissionDeps } from '../service/contract.js';
import type { PodHint, WriteHint } from '../review/pod-hint.js';
import type { AdmissionConfig } from '../service/settings.js';
import { issueLeaf, type Issued, makeAuthority } from '@scc/tls';

export const CONTROLLER = {
  username: 'system:serviceaccount:kube-system:replicaset-controller',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
};

export const aPod = (over: { metadata?: object; spec?: object } = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { generateName: 'ledger-', namespace: 'shop', labels: { app: 'ledger' }, ...over.metadata },
  spec: {
    serviceAccountName: 'ledger',
    securityContext: {},
    containers: [{ name: 'app', image: 'ledger:1' }],
    ...over.spec,
  },
});

/** A JSON value in which what is not set, null or empty is the same, and the order of keys does not matter. */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(canonical);
  if (typeof value !== 'object' || value === null) return value ?? undefined;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, canonical(inner)] as const)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

let uids = 0;
/** An AdmissionReview of a pod; `over` replaces fields of the request. */
export const podReview = (object: unknown, over: object = {}) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: `review-${(uids += 1)}`,
    kind: { group: '', version: 'v1', kind: 'Pod' },
    resource: { group: '', version: 'v1', resource: 'pods' },
    namespace: 'shop',
    operation: 'CREATE',
    userInfo: CONTROLLER,
    object,
    oldObject: null,
    dryRun: false,
    ...over,
  },
});

/** The review of any other object. */
export const objectReview = (
  [group, version, kind, resource]: readonly [string, string, string, string],
  over: object,
) => podReview(undefined, { kind: { group, version, kind }, resource: { group, version, resource }, ...over });

export interface Posted {
  readonly status: number;
  readonly text: string;
  readonly json: ReviewAnswer | undefined;
}

export interface ReviewAnswer {
  readonly apiVersion: string;
  readonly kind: string;
  readonly response: {
    readonly uid: string;
    readonly allowed: boolean;
    readonly patch?: string;
    readonly patchType?: string;
    readonly warnings?: string[];
    readonly auditAnnotations?: Record<string, string>;
    readonly status?: { code: number; message: string; reason: string };
  };
}

/** A copy of the object with the patch of an answer. @throws Error when an operation does not apply */
export function patched<T>(object: T, { json }: Pick<Posted, 'json'>): T {
  const copy = structuredClone(object);
  const text = Buffer.from(json?.response.patch ?? 'W10=', 'base64').toString('utf8');
  const failed = applyPatch(copy, JSON.parse(text) as Operation[]).filter((failure) => failure !== null);
  if (failed.length > 0) throw new Error(`the patch does not apply: ${text}`);
  return copy;
}

export interface TestAdmission {
  readonly admission: Admission;
  readonly cluster: TestCluster;
  readonly hints: PodHint[];
  readonly writes: WriteHint[];
  readonly tlsDir: string;
  readonly authority: Issued;
  post: (path: string, body: unknown, options?: PostOptions) => Promise<Posted>;
  stop: () => Promise<void>;
}

interface PostOptions {
  readonly contentType?: string;
  readonly method?: string;
  /** A client certificate. */
  readonly as?: Issued;
}

const DAY_MS = 24 * 60 * 60_000;

interface TestOptions {
  readonly objects?: readonly KubeLike[];
  readonly cluster?: TestCluster;
  readonly config?: Partial<AdmissionConfig>;
  readonly client?: Partial<AdmissionDeps['client']>;
  /** Lets callers prove themselves by certificates of the same authority. */
  readonly checksClients?: boolean;
}

const refuse = (): Promise<never> => Promise.reject(new Error('the API server is away'));

/** The webhook over real TLS, beside a cluster that exists in memory only. */
export async function startTestAdmission(options: TestOptions = {}): Promise<TestAdmission> {
  const tlsDir = await mkdtemp(path.join(tmpdir(), 'scc-admission-'));
  const life = { now: new Date(), lifeMs: DAY_MS };
  const authority = await makeAuthority('test', life);
  const leaf = await issueLeaf(authority, { ...life, names: ['localhost', '127.0.0.1'] });
  await Promise.all([
    writeFile(path.join(tlsDir, 'ca.crt'), authority.certificate),
    writeFile(path.join(tlsDir, 'tls.crt'), leaf.certificate),
    writeFile(path.join(tlsDir, 'tls.key'), leaf.key),
  ]);
  const cluster = options.cluster ?? new TestCluster([...standardObjects(), ...(options.objects ?? [])]);
  const hints: PodHint[] = [];
  const writes: WriteHint[] = [];
  const admission = await startAdmission({
    config: {
      host: '127.0.0.1',
      port: 0,
      mode: 'kubernetes',
      tlsDir,
      tls: 'files',
      tlsSecret: { namespace: 'scc-system', name: 'scc-webhook-tls' },
      entriesFile: undefined,
      names: [],
      rotation: { authorityLifeMs: DAY_MS, leafLifeMs: DAY_MS, settleMs: 0 },
      budgetMs: 1000,
      drainMs: 0,
      clientCaFile: options.checksClients ? path.join(tlsDir, 'ca.crt') : undefined,
      clientRequired: false,
      workloads: 'warn',
      checkExec: true,
      guarded: new Map(),
      engine: 'system:serviceaccount:scc-system:worker',
      ...options.config,
    },
    client: {
      get: refuse,
      list: refuse,
      create: refuse,
      replace: refuse,
      patch: refuse,
      apply: refuse,
      subjectAccessReview: refuse,
      ...options.client,
    },
    makeInformer: cluster.makeInformer,
    logger: createLogger('admission-test', 'silent'),
    onPod: (hint) => hints.push(hint),
    onWrite: (hint) => writes.push(hint),
  });
  const agents = new Map<Issued | undefined, Agent>();
  const agentOf = (as: Issued | undefined): Agent => {
    const known =
      agents.get(as) ??
      new Agent({
        keepAlive: true,
        maxSockets: 4,
        ca: authority.certificate,
        ...(as ? { cert: as.certificate, key: as.key } : {}),
      });
    agents.set(as, known);
    return known;
  };
  return {
    admission,
    cluster,
    hints,
    writes,
    tlsDir,
    authority,
    post: (url, body, { contentType = 'application/json', method = 'POST', as } = {}) =>
      post({ port: admission.port, url, method, contentType, agent: agentOf(as) }, body),
    stop: async () => {
      for (const agent of agents.values()) agent.destroy();
      await admission.stop();
      await rm(tlsDir, { recursive: true });
    },
  };
}

function post(
  {
    port,
    url,
    method,
    contentType,
    agent,
  }: Record<'url' | 'method' | 'contentType', string> & {
    port: number;
    agent: Agent;
  },
  body: unknown,
): Promise<Posted> {
  const payload = Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path: url,
        method,
        agent,
        headers: { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('error', reject);
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = response.headers['content-type'] === 'application/json';
          const json = isJson ? (JSON.parse(text) as ReviewAnswer) : undefined;
          resolve({ status: response.statusCode ?? 0, text, json });
        });
      },
    );
    outgoing.once('error', reject);
    outgoing.end(payload);
  });
}
