import { pause } from '@scc/runtime';
import { issueLeaf, makeAuthority, type Issued } from '@scc/tls';
import { z } from 'zod';
import type { Stack } from '../src/index.js';

const PREFIX = 'service.beta.openshift.io';
const LIFE_MS = 24 * 60 * 60 * 1000;
const EVERY_MS = 200;

const annotatedSchema = z.array(
  z.looseObject({
    metadata: z.looseObject({ name: z.string(), annotations: z.record(z.string(), z.string()).default({}) }),
  }),
);

/**
 * Plays OpenShift's service-ca in one namespace: a certificate for each Service that asks for one by an annotation, and its
 * authority for each ConfigMap that does.
 */
export class ServiceCa {
  readonly #stack: Stack;
  readonly #namespace: string;
  readonly #authority: Issued;
  readonly #stopping = new AbortController();
  readonly #served = new Set<string>();
  #running: Promise<void> = Promise.resolve();

  private constructor(stack: Stack, namespace: string, authority: Issued) {
    this.#stack = stack;
    this.#namespace = namespace;
    this.#authority = authority;
  }

  static async start(stack: Stack, namespace: string): Promise<ServiceCa> {
    const authority = await makeAuthority('openshift-service-serving-signer', { now: new Date(), lifeMs: LIFE_MS });
    const made = new ServiceCa(stack, namespace, authority);
    made.#running = made.#serve();
    // `stop` tells of it.
    made.#running.catch(() => undefined);
    return made;
  }

  /** @throws Error when a certificate could not be made */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #serve(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      for (const [name, { [`${PREFIX}/serving-cert-secret-name`]: secret }] of await this.#annotated('services'))
        if (secret !== undefined) await this.#once(`secret ${secret}`, () => this.#certify(name, secret));
      for (const [name, { [`${PREFIX}/inject-cabundle`]: wanted }] of await this.#annotated('configmaps'))
        if (wanted === 'true') await this.#once(`configmap ${name}`, () => this.#inject(name));
      await pause(EVERY_MS, signal);
    }
  }

  async #once(what: string, serve: () => Promise<unknown>): Promise<void> {
    if (this.#served.has(what)) return;
    await serve();
    this.#served.add(what);
  }

  async #annotated(kind: string): Promise<[name: string, annotations: Record<string, string>][]> {
    const { items } = await this.#stack.api.list(`/api/v1/namespaces/${this.#namespace}/${kind}`);
    return annotatedSchema.parse(items).map(({ metadata }) => [metadata.name, metadata.annotations]);
  }

  async #certify(service: string, secret: string): Promise<void> {
    const host = `${service}.${this.#namespace}.svc`;
    const names = [host, `${host}.cluster.local`];
    const { certificate, key } = await issueLeaf(this.#authority, { names, now: new Date(), lifeMs: LIFE_MS });
    await this.#stack.api.apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: secret, namespace: this.#namespace },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': certificate, 'tls.key': key },
    });
  }

  #inject(name: string): Promise<unknown> {
    const patch = { data: { 'service-ca.crt': this.#authority.certificate } };
    const url = `/api/v1/namespaces/${this.#namespace}/configmaps/${name}`;
    return this.#stack.api.call('PATCH', url, patch, 'application/merge-patch+json');
  }
}
