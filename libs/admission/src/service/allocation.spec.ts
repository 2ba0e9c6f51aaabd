import { describe, expect, it } from '@jest/globals';
import { KubeError, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import { occupiedBlocks, UID_RANGE_ANNOTATION } from '@scc/scc';
import { allocate } from './allocation.js';

const conflict = () => new KubeError(409, { message: 'changed meanwhile', reason: 'Conflict' });
const keyOf = (kind: string, name: string | undefined): string => `${kind}/${name ?? ''}`;

/** An API server of two kinds, which refuses writes to an object that another client has changed, and takes its time. */
class SmallApi {
  readonly objects = new Map<string, KubeObject>();
  #version = 0;

  constructor(namespaces: readonly string[]) {
    for (const name of namespaces) this.#store({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  readonly client: Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'patch'> = {
    get: async ({ kind, name }) => this.#after(() => this.objects.get(keyOf(kind, name))),
    list: async ({ kind }) =>
      this.#after(() => ({
        items: [...this.objects.values()].filter((object) => object.kind === kind),
        resourceVersion: '',
      })),
    create: async (object) =>
      this.#after(() => {
        if (this.objects.has(keyOf(object.kind, object.metadata.name))) throw conflict();
        return this.#store(object);
      }),
    replace: async (object) =>
      this.#after(() => {
        this.#expect(object, object.metadata.resourceVersion);
        return this.#store(object);
      }),
    patch: async (id: ObjectId, { body }) =>
      this.#after(() => {
        const current = this.objects.get(keyOf(id.kind, id.name))!;
        const { metadata } = body as { metadata: { resourceVersion: string; annotations: Record<string, string> } };
        this.#expect(current, metadata.resourceVersion);
        const annotations = { ...current.metadata.annotations, ...metadata.annotations };
        return this.#store({ ...current, metadata: { ...current.metadata, annotations } });
      }),
  };

  async #after<T>(work: () => T): Promise<T> {
    await Promise.resolve();
    return work();
  }

  #expect({ kind, metadata: { name } }: KubeObject, version: string | undefined): void {
    if (this.objects.get(keyOf(kind, name))?.metadata.resourceVersion !== version) throw conflict();
  }

  #store(object: KubeObject): KubeObject {
    this.#version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#version) } };
    this.objects.set(keyOf(object.kind, object.metadata.name), stored);
    return stored;
  }
}

const blocksOf = ({ objects }: SmallApi): number[] =>
  [...objects.values()].flatMap(({ metadata }) => occupiedBlocks(metadata.annotations?.[UID_RANGE_ANNOTATION] ?? ''));

describe('ids of namespaces', () => {
  it('never collide, however many replicas allocate at once', async () => {
    const names = Array.from({ length: 8 }, (_none, index) => `team-${index}`);
    const api = new SmallApi(names);
    await Promise.all([1, 2, 3].flatMap(() => names.map((name) => allocate(api.client, name))));
    const blocks = blocksOf(api);
    expect(blocks).toHaveLength(names.length);
    expect(new Set(blocks).size).toBe(names.length);
  });

  it('are kept for a namespace whose annotations are not written yet', async () => {
    const api = new SmallApi(['first', 'second']);
    const failing = { ...api.client, patch: () => Promise.reject(new Error('the API server is away')) };
    await expect(allocate(failing, 'first')).rejects.toThrow('away');
    await allocate(api.client, 'second');
    await allocate(api.client, 'first');
    expect(new Set(blocksOf(api)).size).toBe(2);
  });

  it('that are there already stay', async () => {
    const api = new SmallApi(['shop']);
    await api.client.patch(
      { apiVersion: 'v1', kind: 'Namespace', name: 'shop' },
      {
        type: 'merge',
        body: { metadata: { resourceVersion: '1', annotations: { [UID_RANGE_ANNOTATION]: '1000650000/10000' } } },
      },
    );
    await allocate(api.client, 'shop');
    expect(api.objects.get('Namespace/shop')?.metadata.annotations).toMatchObject({
      [UID_RANGE_ANNOTATION]: '1000650000/10000',
      'openshift.io/sa.scc.mcs': 's0:c26,c0',
    });
  });

  it('of a namespace that is gone are not asked for', async () => {
    const api = new SmallApi([]);
    await allocate(api.client, 'gone');
    expect(api.objects.size).toBe(0);
  });
});
