import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { z } from 'zod';

/** An object of the Kubernetes API as far as the local stack looks at it. */
export const objectSchema = z.looseObject({
  apiVersion: z.string().default(''),
  kind: z.string().default(''),
  metadata: z.looseObject({
    name: z.string().default(''),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
    deletionTimestamp: z.string().optional(),
    deletionGracePeriodSeconds: z.number().optional(),
  }),
});
export type ApiObject = z.infer<typeof objectSchema>;

const listSchema = z.looseObject({
  metadata: z.object({ resourceVersion: z.string() }),
  items: z.array(z.unknown()),
});
const eventSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});

/** The API server refused; `status` is the HTTP status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiOptions {
  host: string;
  port: number;
  /** The PEM file of the API server's authority. */
  caFile: string;
  token: string;
  /** How many calls may run at once; 8 unless told otherwise. Watches do not count. */
  connections?: number;
}

export interface WatchEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: unknown;
}

/** A client of the Kubernetes API for the stack's own parts: paths in, JSON out, no cache. */
export class Api {
  readonly #options: ApiOptions;
  readonly #agent: Agent;
  readonly #watches: Agent;

  constructor(options: ApiOptions) {
    this.#options = options;
    const ca = readFileSync(options.caFile, 'utf8');
    this.#agent = new Agent({ keepAlive: true, maxSockets: options.connections ?? 8, ca });
    this.#watches = new Agent({ keepAlive: false, ca });
  }

  /** @throws ApiError when the answer is not a success. */
  async call(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<unknown> {
    const response = await this.#send(method, path, { agent: this.#agent, body, contentType });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299) throw new ApiError(status, `${method} ${path}: ${status} ${text.slice(0, 500)}`);
    return text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
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
  apply(path: string, body: unknown): Promise<unknown> {
    const query = '?fieldManager=dev-stack&force=true';
    return this.call('PATCH', `${path}${query}`, body, 'application/apply-patch+yaml');
  }

  async list(path: string): Promise<{ items: unknown[]; resourceVersion: string }> {
    const { items, metadata } = listSchema.parse(await this.get(path));
    return { items, resourceVersion: metadata.resourceVersion };
  }

  /** Events after `resourceVersion`, until the server ends the watch or `signal` aborts. */
  async *watch(path: string, resourceVersion: string, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const separator = path.includes('?') ? '&' : '?';
    const full = `${path}${separator}watch=true&allowWatchBookmarks=true&resourceVersion=${resourceVersion}`;
    const response = await this.#send('GET', full, { agent: this.#watches, signal });
    if (response.statusCode !== 200)
      throw new ApiError(response.statusCode ?? 0, `watch ${path}: ${response.statusCode}`);
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      const { type, object } = eventSchema.parse(JSON.parse(line));
      if (type === 'ERROR') throw new ApiError(410, `watch ${path}: ${JSON.stringify(object)}`);
      if (type !== 'BOOKMARK') yield { type, object };
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#watches.destroy();
  }

  #send(
    method: string,
    path: string,
    options: { agent: Agent; body?: unknown; contentType?: string; signal?: AbortSignal },
  ): Promise<IncomingMessage> {
    const { host, port, token } = this.#options;
    const payload = options.body === undefined ? undefined : JSON.stringify(options.body);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        {
          host,
          port,
          method,
          path,
          agent: options.agent,
          ...(options.signal ? { signal: options.signal } : {}),
          headers: {
            authorization: `Bearer ${token}`,
            accept: 'application/json',
            ...(payload === undefined
              ? {}
              : {
                  'content-type': options.contentType ?? 'application/json',
                  'content-length': Buffer.byteLength(payload),
                }),
          },
        },
        resolve,
      );
      outgoing.on('error', reject);
      outgoing.end(payload);
    });
  }
}

/** Plurals that no rule of English spelling gives. */
const PLURALS: Record<string, string> = {
  SecurityContextConstraints: 'securitycontextconstraints',
  Gateway: 'gateways',
};

function pluralOf(kind: string): string {
  const known = PLURALS[kind];
  if (known !== undefined) return known;
  const lower = kind.toLowerCase();
  if (lower.endsWith('y')) return `${lower.slice(0, -1)}ies`;
  return /(s|x|ch)$/.test(lower) ? `${lower}es` : `${lower}s`;
}

const CLUSTER_SCOPED = new Set([
  'Namespace',
  'Node',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'PriorityClass',
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'SecurityContextConstraints',
]);

/** The path of an object, for the kinds that the stack's manifests use. */
export function pathOf({ apiVersion, kind, metadata }: ApiObject): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const namespace = CLUSTER_SCOPED.has(kind) ? '' : `/namespaces/${metadata.namespace ?? 'default'}`;
  return `${root}${namespace}/${pluralOf(kind)}/${metadata.name}`;
}
