import { readFileSync } from 'node:fs';
import { Discovery, groupPath, type KubeObject, Transport, watchEventOf } from '@scc/kube';
import { trustOf } from '@scc/runtime';
import { z } from 'zod';

const listSchema = z.looseObject({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.unknown()),
});

/** As the API server's own limit. */
const TIMEOUT_MS = 60_000;

export interface ClusterApiOptions {
  host: string;
  port: number;
  /** The PEM file of the API server's authority. */
  caFile: string;
  token: string;
  /** How many calls may run at once; 8 unless told otherwise. Watches do not count. */
  connections?: number;
}

interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
}

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

const callOf = (method: Method, pathAndQuery: string) => {
  const { pathname: path, searchParams } = new URL(pathAndQuery, 'https://kubernetes');
  return { method, path, query: Object.fromEntries(searchParams), timeoutMs: TIMEOUT_MS };
};

/**
 * A client of the Kubernetes API for the stack's own parts: paths in, JSON out, no cache. A read waits while the server
 * answers 429, as it does of a CRD that is new; a write does not. A refusal of the server is a `KubeError`, a missing
 * answer a `KubeUnreachable`.
 */
export class ClusterApi {
  readonly #transport: Transport;
  readonly #discovery: Discovery;

  constructor({ host, port, caFile, token, connections = 8 }: ClusterApiOptions) {
    const access = {
      server: new URL(`https://${host}:${port}`),
      headers: { Authorization: `Bearer ${token}` },
      trust: trustOf({ ca: readFileSync(caFile, 'utf8') }),
    };
    const current = () => Promise.resolve(access);
    const options = { userAgent: 'dev-stack', connections, patient: 'reads' as const };
    this.#transport = new Transport({ current, reload: () => Promise.resolve() }, options);
    this.#discovery = new Discovery((path) => this.get(path));
  }

  call(method: Method, path: string, body?: unknown, contentType = 'application/json'): Promise<unknown> {
    return this.#transport.json({ ...callOf(method, path), body, contentType });
  }

  get(path: string): Promise<unknown> {
    return this.call('GET', path);
  }

  create(path: string, body: unknown): Promise<unknown> {
    return this.call('POST', path, body);
  }

  /** A JSON merge patch. */
  merge(path: string, body: unknown): Promise<unknown> {
    return this.call('PATCH', path, body, 'application/merge-patch+json');
  }

  /** Server-side apply that takes over fields of others. */
  async apply(object: KubeObject, fieldManager = 'dev-stack'): Promise<unknown> {
    const query = `?fieldManager=${fieldManager}&force=true`;
    return this.call('PATCH', `${await this.pathOf(object)}${query}`, object, 'application/apply-patch+yaml');
  }

  async list(path: string): Promise<{ items: unknown[]; resourceVersion: string }> {
    const { items, metadata } = listSchema.parse(await this.get(path));
    return { items, resourceVersion: metadata.resourceVersion };
  }

  /** Events after `resourceVersion`, until the server ends the watch. @throws the reason of `signal` once it aborts */
  async *watch(path: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<Change> {
    const { query, ...call } = callOf('GET', path);
    const following = { ...query, watch: 'true', allowWatchBookmarks: 'true', resourceVersion };
    for await (const line of this.#transport.lines({ ...call, query: following, signal })) {
      if (line === '') continue;
      const event = watchEventOf(line, `watch ${path}`);
      if (event.type !== 'BOOKMARK') yield event;
    }
  }

  /**
   * The path of an object, in the namespace `default` unless it names one. @throws KubeError 404 for an unknown kind
   */
  async pathOf({ apiVersion, kind, metadata }: KubeObject): Promise<string> {
    const { plural, namespaced } = await this.#discovery.resource({ apiVersion, kind });
    const scope = namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${groupPath(apiVersion)}${scope}/${plural}/${metadata.name ?? ''}`;
  }

  close(): void {
    this.#transport.close();
  }
}
