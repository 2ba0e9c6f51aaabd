import { keyOf, type KubeObject } from './object.js';

export interface StoreChange {
  key: string;
  /** Undefined: deleted. */
  current: KubeObject | undefined;
  /** Undefined: new. */
  previous: KubeObject | undefined;
}

const isSame = (a: KubeObject, b: KubeObject): boolean =>
  a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;

/** The objects that an informer knows, and the change by a piece of news. */
export class ObjectStore {
  readonly #objects = new Map<string, KubeObject>();

  get(key: string): KubeObject | undefined {
    return this.#objects.get(key);
  }

  list(): KubeObject[] {
    return [...this.#objects.values()];
  }

  /** Undefined when the object is known as it is. */
  set(object: KubeObject): StoreChange | undefined {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    if (previous && isSame(previous, object)) return undefined;
    this.#objects.set(key, object);
    return { key, current: object, previous };
  }

  delete(key: string): StoreChange | undefined {
    const previous = this.#objects.get(key);
    if (!this.#objects.delete(key)) return undefined;
    return { key, current: undefined, previous };
  }

  /** Takes a complete list over, one change at a time: the store holds each before it is yielded. */
  *replace(objects: readonly KubeObject[]): Generator<StoreChange> {
    const present = new Set(objects.map(keyOf));
    for (const key of [...this.#objects.keys()]) {
      const change = present.has(key) ? undefined : this.delete(key);
      if (change) yield change;
    }
    for (const object of objects) {
      const change = this.set(object);
      if (change) yield change;
    }
  }
}
