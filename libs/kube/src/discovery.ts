import { z } from 'zod';
import { isNotFound, KubeError } from './errors.js';
import type { KindRef } from './object.js';

/** How soon the same group is asked again for a kind that it did not serve, in milliseconds. */
const AGAIN_MS = 1000;

export interface Resource {
  plural: string;
  namespaced: boolean;
}

const resourcesSchema = z.looseObject({
  resources: z.array(z.looseObject({ name: z.string(), kind: z.string(), namespaced: z.boolean() })),
});

export const groupPath = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;

interface Group {
  kinds: Promise<Map<string, Resource>>;
  askedAt: number;
}

/** Learns from the API server which resource serves a kind, once for each group version, again when a kind is missing. */
export class Discovery {
  readonly #groups = new Map<string, Group>();

  constructor(private readonly read: (path: string) => Promise<unknown>) {}

  /** @throws KubeError with status 404 and reason `KindNotServed`. */
  async resource({ apiVersion, kind }: KindRef): Promise<Resource> {
    const known = this.#groups.get(apiVersion);
    const found = (await known?.kinds)?.get(kind);
    if (found) return found;
    const isFresh = known !== undefined && performance.now() - known.askedAt < AGAIN_MS;
    const served = (await (isFresh ? known : this.#ask(apiVersion)).kinds).get(kind);
    if (served) return served;
    throw new KubeError(404, { reason: 'KindNotServed', message: `the cluster does not serve ${apiVersion} ${kind}` });
  }

  /** To be called when a path that was learnt here turns out not to exist. */
  forget({ apiVersion }: KindRef): void {
    this.#groups.delete(apiVersion);
  }

  #ask(apiVersion: string): Group {
    const group = { kinds: this.#kindsOf(apiVersion), askedAt: performance.now() };
    this.#groups.set(apiVersion, group);
    group.kinds.catch(() => {
      if (this.#groups.get(apiVersion) === group) this.#groups.delete(apiVersion);
    });
    return group;
  }

  async #kindsOf(apiVersion: string): Promise<Map<string, Resource>> {
    try {
      const { resources } = resourcesSchema.parse(await this.read(groupPath(apiVersion)));
      const own = resources.filter(({ name }) => !name.includes('/'));
      return new Map(own.map(({ kind, name, namespaced }) => [kind, { plural: name, namespaced }]));
    } catch (error) {
      if (isNotFound(error)) return new Map();
      throw error;
    }
  }
}
