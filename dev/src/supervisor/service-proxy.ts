import { connect, createServer, type Server, type Socket } from 'node:net';
import { pause, type Logger } from '@scc/runtime';
import { z } from 'zod';
import type { ClusterApi } from '../cluster/api.js';

const RETRY_MS = 500;

const serviceSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    clusterIP: z.string().optional(),
    ports: z.array(z.looseObject({ name: z.string().default(''), port: z.int() })).default([]),
  }),
});
const sliceSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), labels: z.record(z.string(), z.string()).default({}) }),
  endpoints: z
    .array(
      z.looseObject({
        addresses: z.array(z.string()),
        conditions: z.looseObject({ ready: z.boolean().nullish() }).prefault({}),
      }),
    )
    .nullish(),
  ports: z.array(z.looseObject({ name: z.string().nullish(), port: z.int().nullish() })).nullish(),
});
type Slice = z.infer<typeof sliceSchema>;

/** A Service's port: `SERVICE:PORT`. */
const keyOf = (service: string, port: number): string => `${service}:${port}`;

type ServiceApi = Pick<ClusterApi, 'list' | 'watch' | 'close'>;

interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: unknown;
}

interface Address {
  host: string;
  port: number;
}

/**
 * Plays kube-proxy for the Services of one namespace: takes connections at their cluster addresses, and at others that it
 * is told, and passes each to an endpoint that is ready, in turn. Without one, connections are refused by a reset.
 */
export class ServiceProxy {
  readonly #api: ServiceApi;
  readonly #namespace: string;
  readonly #logger: Logger;
  readonly #stopping = new AbortController();
  readonly #servers = new Map<string, Server>();
  readonly #open = new Set<Socket>();
  readonly #portNames = new Map<string, string>();
  readonly #slices = new Map<string, Slice>();
  #turn = 0;

  constructor(api: ServiceApi, namespace: string, logger: Logger) {
    this.#api = api;
    this.#namespace = namespace;
    this.#logger = logger;
  }

  /** Follows Services and endpoints in the background until `stop`. */
  start(): void {
    const root = `/namespaces/${this.#namespace}`;
    void this.#follow(`/api/v1${root}/services`, (event) => this.#service(event));
    void this.#follow(`/apis/discovery.k8s.io/v1${root}/endpointslices`, (event) => {
      const slice = sliceSchema.parse(event.object);
      if (event.type === 'DELETED') this.#slices.delete(slice.metadata.name);
      else this.#slices.set(slice.metadata.name, slice);
    });
  }

  stop(): void {
    this.#stopping.abort();
    for (const server of this.#servers.values()) server.close();
    for (const socket of this.#open) socket.destroy();
    this.#api.close();
  }

  /** The endpoints of a Service's port that are ready. */
  endpoints(service: string, port: number): Address[] {
    const portName = this.#portNames.get(keyOf(service, port));
    return [...this.#slices.values()]
      .filter(({ metadata }) => metadata.labels['kubernetes.io/service-name'] === service)
      .flatMap(({ endpoints, ports }) => {
        const target = ports?.find(({ name }) => (name ?? '') === portName)?.port;
        if (typeof target !== 'number') return [];
        return (endpoints ?? [])
          .filter(({ conditions }) => conditions.ready !== false)
          .flatMap(({ addresses }) => addresses.map((host) => ({ host, port: target })));
      });
  }

  /** Takes connections at one more address for a Service's port. @throws Error when the address is taken */
  also(listen: Address, service: string, port: number): Promise<void> {
    return this.listen(listen, () => this.endpoints(service, port));
  }

  /** Takes connections at an address and passes them to one of the targets. Does nothing where it does so already. */
  async listen({ host, port }: Address, targets: () => Address[]): Promise<void> {
    const key = `${host}:${port}`;
    if (this.#servers.has(key) || this.#stopping.signal.aborted) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      near.on('error', () => undefined);
      this.#pass(near, this.#inTurn(targets()));
    });
    this.#servers.set(key, server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 1024 }, resolve);
    });
  }

  /** Another Service may get the address. */
  #release({ host, port }: Address): void {
    const key = `${host}:${port}`;
    this.#servers.get(key)?.close();
    this.#servers.delete(key);
  }

  /** Each connection begins with the next one. */
  #inTurn(targets: Address[]): Address[] {
    const first = this.#turn++ % Math.max(1, targets.length);
    return [...targets.slice(first), ...targets.slice(0, first)];
  }

  #pass(near: Socket, [target, ...others]: Address[]): void {
    if (target === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const close = (): void => {
      for (const socket of [near, far]) {
        this.#open.delete(socket);
        socket.destroy();
      }
    };
    this.#open.add(near).add(far);
    near.once('error', close);
    near.once('close', close);
    // One that is gone but whose endpoint is still listed is passed over, as clients do who are refused.
    const refused = (): void => {
      near.off('error', close).off('close', close);
      this.#open.delete(far);
      if (near.destroyed) close();
      else this.#pass(near, others);
    };
    far.once('error', refused);
    far.once('connect', () => {
      far.off('error', refused).on('error', close).on('close', close);
      near.pipe(far).pipe(near);
    });
  }

  #service({ type, object }: Change): void {
    const { metadata, spec } = serviceSchema.parse(object);
    if (spec.clusterIP === undefined || !/^\d/.test(spec.clusterIP)) return;
    for (const { name, port } of spec.ports) {
      if (type === 'DELETED') {
        this.#release({ host: spec.clusterIP, port });
        continue;
      }
      this.#portNames.set(keyOf(metadata.name, port), name);
      this.also({ host: spec.clusterIP, port }, metadata.name, port).catch((error: unknown) =>
        this.#logger.warn({ err: error, service: metadata.name, port }, 'a Service is not served'),
      );
    }
  }

  /** Lists, then follows the changes, again and again; what went while nobody watched is forgotten at the next list. */
  async #follow(path: string, onEvent: (event: Change) => void): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const { items, resourceVersion } = await this.#api.list(path);
        if (path.endsWith('slices')) this.#slices.clear();
        for (const object of items) onEvent({ type: 'ADDED', object });
        for await (const event of this.#api.watch(path, resourceVersion, signal)) onEvent(event);
      } catch (error) {
        this.#logger.info({ err: error }, 'watch of Services ended, listing again');
      }
      await pause(RETRY_MS, signal);
    }
  }
}
