import { hostname } from 'node:os';
import { PLAN_GROUP } from '@scc/plan';
import { Credentials } from './credentials.js';
import type { Choice } from './kubeconfig.js';
import { Discovery, groupPath } from './discovery.js';
import { isGone, isMissing, isNotFound, KubeError, KubeUnreachable } from './errors.js';
import { EventRecorder, type KubeEvent } from './events.js';
import type {
  ApplyOptions,
  DeleteOptions,
  KubeClient,
  KubeList,
  Patch,
  LogId,
  LogOptions,
  ReadOptions,
  Selection,
  ServiceAccountTokenRequest,
  SubjectAccess,
  TokenReview,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './kube-client.js';
import { listSchema, objectSchema, withKind, type KindRef, type KubeObject, type ObjectId } from './object.js';
import { accessIn, tokenIn, tokenRequestFor, tokenReviewIn } from './reviews.js';
import { Transport, type KubeCall } from './transport.js';
import { watchEventOf } from './watch-line.js';

const PAGE = 500;
/** Of each page, unless a process says otherwise. */
const LIST_TIMEOUT_MS = 60_000;

const PATCH_TYPES = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
};
const APPLY_TYPE = 'application/apply-patch+yaml';

const dryRunQuery = (dryRun = false): string | undefined => (dryRun ? 'All' : undefined);

const idOf = ({ apiVersion, kind, metadata: { namespace, name } }: KubeObject): ObjectId => {
  if (!name) throw new TypeError(`a ${kind} without metadata.name cannot be addressed`);
  return { apiVersion, kind, name, ...(namespace ? { namespace } : {}) };
};

class HttpKubeClient implements KubeClient {
  readonly #transport: Transport;
  readonly #discovery: Discovery;
  readonly #events: EventRecorder;
  readonly #listTimeoutMs: number;

  constructor(
    transport: Transport,
    reporter: { controller: string; instance: string },
    listTimeoutMs = LIST_TIMEOUT_MS,
  ) {
    this.#transport = transport;
    this.#listTimeoutMs = listTimeoutMs;
    this.#discovery = new Discovery((path) => transport.json({ method: 'GET', path }));
    const writer = {
      create: (object: KubeObject) => this.create(object),
      merge: (id: ObjectId, body: unknown) => this.patch(id, { type: 'merge', body }),
    };
    this.#events = new EventRecorder(writer, reporter);
  }

  raw(path: string, options: ReadOptions = {}): Promise<unknown> {
    return this.#transport.json({ method: 'GET', path, ...options });
  }

  async get(id: ObjectId, options: ReadOptions = {}): Promise<KubeObject | undefined> {
    try {
      return objectSchema.parse(await this.#call(id, { method: 'GET', ...options }));
    } catch (error) {
      if (isMissing(error, id.name)) return undefined;
      throw error;
    }
  }

  async list(kind: KindRef, options: Selection & ReadOptions = {}): Promise<KubeList> {
    try {
      return await this.#pages(kind, options, PAGE);
    } catch (error) {
      // The pages of a long list are of one moment, which the server may forget while they are read.
      if (!isGone(error)) throw error;
      return this.#pages(kind, options, undefined);
    }
  }

  async *watch(kind: KindRef, options: WatchOptions): AsyncGenerator<WatchEvent> {
    const { namespace, signal, timeoutSeconds, ...query } = options;
    const path = await this.#path(kind, { namespace });
    const lines = this.#transport.lines({
      method: 'GET',
      path,
      query: { ...query, watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(timeoutSeconds) },
      signal,
    });
    for await (const line of lines) yield line ? watchEventOf(line, `watch ${path}`) : { type: 'OPEN' };
  }

  apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    return this.#apply(object, options, undefined);
  }

  applyStatus(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    return this.#apply(object, options, 'status');
  }

  async create(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    const { apiVersion, kind, metadata } = object;
    const where = { apiVersion, kind, ...(metadata.namespace ? { namespace: metadata.namespace } : {}) };
    const repeatable = options.dryRun ?? false;
    return objectSchema.parse(
      await this.#call(where, { method: 'POST', body: object, repeatable, ...writing(options) }),
    );
  }

  async replace(object: KubeObject, options: WriteOptions = {}): Promise<KubeObject> {
    return objectSchema.parse(await this.#call(idOf(object), { method: 'PUT', body: object, ...writing(options) }));
  }

  async patch(id: ObjectId, { type, body, fieldManager, subresource, dryRun }: Patch): Promise<KubeObject> {
    const answer = await this.#call(
      id,
      {
        method: 'PATCH',
        body,
        contentType: PATCH_TYPES[type],
        query: { fieldManager, dryRun: dryRunQuery(dryRun) },
      },
      subresource,
    );
    return objectSchema.parse(answer);
  }

  async delete(id: ObjectId, options: DeleteOptions = {}): Promise<void> {
    const { propagation, graceSeconds, uid, resourceVersion } = options;
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      gracePeriodSeconds: graceSeconds,
      ...(uid || resourceVersion ? { preconditions: { uid, resourceVersion } } : {}),
    };
    try {
      await this.#call(id, { method: 'DELETE', body });
    } catch (error) {
      if (!isMissing(error, id.name)) throw error;
    }
  }

  async subjectAccessReview(spec: SubjectAccess): Promise<boolean> {
    return accessIn(await this.#review('authorization.k8s.io/v1', 'SubjectAccessReview', spec));
  }

  async isReady(): Promise<boolean> {
    const lines = this.#transport.lines({ method: 'GET', path: '/readyz', timeoutMs: this.#listTimeoutMs });
    try {
      // The answer is one word, which the status says already.
      for await (const _line of lines) continue;
      return true;
    } catch (error) {
      // A server that does not let the client ask cannot be waited for.
      if (error instanceof KubeError) return error.status < 500;
      throw error;
    }
  }

  async tokenReview(spec: { token: string; audiences?: string[] }): Promise<TokenReview> {
    return tokenReviewIn(await this.#review('authentication.k8s.io/v1', 'TokenReview', spec));
  }

  async serviceAccountToken(spec: ServiceAccountTokenRequest): Promise<string> {
    const id = { apiVersion: 'v1', kind: 'ServiceAccount', namespace: spec.namespace, name: spec.name };
    return tokenIn(await this.#call(id, { method: 'POST', body: tokenRequestFor(spec), repeatable: true }, 'token'));
  }

  async logs({ namespace, name, container }: LogId, options: LogOptions): Promise<string> {
    const { sinceSeconds, limitBytes, timeoutMs = LIST_TIMEOUT_MS, signal } = options;
    const deadline = AbortSignal.timeout(timeoutMs);
    const path = `${await this.#path({ apiVersion: 'v1', kind: 'Pod' }, { namespace, name })}/log`;
    const query = { container, sinceSeconds: String(sinceSeconds), limitBytes: String(limitBytes) };
    const ends = signal ? AbortSignal.any([deadline, signal]) : deadline;
    const lines: string[] = [];
    try {
      for await (const line of this.#transport.lines({ method: 'GET', path, query, signal: ends, timeoutMs }))
        if (line) lines.push(line);
      return lines.join('\n');
    } catch (error) {
      if (!deadline.aborted || signal?.aborted) throw error;
      throw new KubeUnreachable(`GET ${path}: no answer within ${timeoutMs} ms`, { cause: error });
    }
  }

  recordEvent(event: KubeEvent): Promise<void> {
    return this.#events.record(event);
  }

  close(): void {
    this.#transport.close();
  }

  /** A question that is put as an object to create and leaves nothing behind. */
  #review(apiVersion: string, kind: string, spec: unknown): Promise<unknown> {
    const body = { apiVersion, kind, spec };
    return this.#call({ apiVersion, kind }, { method: 'POST', body, repeatable: true });
  }

  async #apply(
    object: KubeObject,
    { fieldManager, force = false, dryRun }: ApplyOptions,
    subresource: string | undefined,
  ): Promise<KubeObject> {
    const metadata = { ...object.metadata };
    delete metadata.managedFields;
    const answer = await this.#call(
      idOf(object),
      {
        method: 'PATCH',
        body: { ...object, metadata },
        contentType: APPLY_TYPE,
        query: { fieldManager, force: String(force), dryRun: dryRunQuery(dryRun) },
      },
      subresource,
    );
    return objectSchema.parse(answer);
  }

  async #pages(
    kind: KindRef,
    { namespace, signal, timeoutMs = this.#listTimeoutMs, ...query }: Selection & ReadOptions,
    limit: number | undefined,
  ): Promise<KubeList> {
    const items: KubeObject[] = [];
    let next: string | undefined;
    for (;;) {
      const answer = await this.#call(
        { ...kind, ...(namespace ? { namespace } : {}) },
        {
          method: 'GET',
          query: { ...query, limit: limit === undefined ? undefined : String(limit), continue: next },
          timeoutMs,
          ...(signal ? { signal } : {}),
        },
      );
      const page = listSchema.parse(answer);
      for (const item of page.items ?? []) items.push(withKind(item, kind));
      next = page.metadata.continue;
      if (!next) return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  async #call(
    where: KindRef & { namespace?: string; name?: string },
    call: Omit<KubeCall, 'path'>,
    subresource?: string,
  ): Promise<unknown> {
    const path = await this.#path(where, where);
    try {
      return await this.#transport.json({ ...call, path: subresource ? `${path}/${subresource}` : path });
    } catch (error) {
      // Not about an object: the path itself may be wrong, because a kind is served differently than before.
      if (isNotFound(error) && !isMissing(error, where.name ?? '')) this.#discovery.forget(where);
      throw error;
    }
  }

  async #path(kind: KindRef, where: { namespace?: string | undefined; name?: string | undefined }): Promise<string> {
    const { plural, namespaced } = await this.#discovery.resource(kind);
    if (namespaced && where.name !== undefined && !where.namespace)
      throw new TypeError(`a ${kind.kind} is in a namespace; ${where.name} names none`);
    const scope = namespaced && where.namespace ? `/namespaces/${encodeURIComponent(where.namespace)}` : '';
    const name = where.name === undefined ? '' : `/${encodeURIComponent(where.name)}`;
    return `${groupPath(kind.apiVersion)}${scope}/${plural}${name}`;
  }
}

const writing = ({ fieldManager, dryRun, impersonate, timeoutMs }: WriteOptions) => ({
  query: { fieldManager, dryRun: dryRunQuery(dryRun) },
  headers: {
    ...(impersonate ? { 'Impersonate-User': impersonate.user } : {}),
    ...(impersonate?.groups ? { 'Impersonate-Group': impersonate.groups } : {}),
  },
  ...(timeoutMs === undefined ? {} : { timeoutMs }),
});

export interface ConnectOptions extends Choice {
  /** The path of a kubeconfig; absent inside a cluster. */
  kubeconfig?: string;
  /** Names the process in the API server's audit log and, as `scc.poc/NAME`, in the events it records. */
  userAgent: string;
  /** How long a call may take, in milliseconds. */
  timeoutMs?: number;
  /** How long a page of a list may take, in milliseconds. */
  listTimeoutMs?: number;
}

/**
 * A client with the credentials of a kubeconfig or of the pod. Does not ask whether the API server can be reached.
 * @throws Error when the credentials cannot be read
 */
export async function connectKube({
  kubeconfig,
  userAgent,
  timeoutMs,
  listTimeoutMs,
  ...chosen
}: ConnectOptions): Promise<KubeClient> {
  const credentials = new Credentials(kubeconfig, chosen);
  await credentials.current();
  const reporter = { controller: `${PLAN_GROUP}/${userAgent}`, instance: `${userAgent}-${hostname()}`.slice(0, 128) };
  const transport = new Transport(credentials, { userAgent, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
  return new HttpKubeClient(transport, reporter, listTimeoutMs);
}
