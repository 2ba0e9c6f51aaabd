import { isConflict, type KubeClient, type KubeObject } from '@scc/kube';
import type { Logger } from '@scc/runtime';
import { allocateNamespace, occupiedBlocks, UID_RANGE_ANNOTATION } from '@scc/scc';
import { z } from 'zod';
import { isEnforced, type Namespaces } from '../cache/namespaces.js';

/** Which block of ids is kept for which namespace, before its annotations say so. */
const BOOK = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'scc-system', name: 'scc-uid-blocks' } as const;
const bookSchema = z.record(z.string(), z.coerce.number().int().nonnegative()).catch({});
const RETRY_MS = 1000;
const ATTEMPTS = 20;

type Client = Pick<KubeClient, 'get' | 'list' | 'create' | 'replace' | 'patch'>;

interface Deps {
  readonly client: Client;
  readonly namespaces: Namespaces;
  readonly logger: Logger;
}

export interface Allocator {
  /** Looks at a namespace that changed. Never blocks. */
  consider(name: string): void;
  stop(): Promise<void>;
}

const annotationsOf = ({ metadata }: KubeObject): Record<string, string> => metadata.annotations ?? {};

/**
 * Gives enforced namespaces the ids that OpenShift's controllers would give them. Any number of replicas may do this at
 * once: a block is first kept in one object, which only one of them can write at a time, and only then annotated.
 */
export function allocateNamespaces({ client, namespaces, logger }: Deps): Allocator {
  const wanted = new Set<string>();
  let working: Promise<void> | undefined;
  let stopping = false;
  let retry: NodeJS.Timeout | undefined;

  const needs = (name: string): boolean => {
    const known = namespaces.get(name);
    return isEnforced(known) && allocateNamespace(known?.annotations ?? {}, new Set()) !== undefined;
  };
  const work = async (): Promise<void> => {
    for (const name of wanted) {
      if (stopping) return;
      if (needs(name)) await allocate(client, name);
      wanted.delete(name);
    }
  };
  const begin = (): void => {
    working ??= work()
      .catch((error: unknown) => {
        logger.warn({ err: error, waiting: wanted.size }, 'allocating ids of namespaces failed and is tried again');
        if (!stopping) retry = setTimeout(again, RETRY_MS);
      })
      .finally(() => {
        working = undefined;
        if (wanted.size > 0 && !retry && !stopping) begin();
      });
  };
  const again = (): void => {
    retry = undefined;
    begin();
  };
  return {
    consider: (name) => {
      if (!needs(name)) return;
      wanted.add(name);
      begin();
    },
    stop: async () => {
      stopping = true;
      clearTimeout(retry);
      await working;
    },
  };
}

/** Repeats what another writer interfered with. */
async function untilUndisturbed<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1)
    try {
      return await attempt();
    } catch (error) {
      if (!isConflict(error) || tried === ATTEMPTS) throw error;
    }
}

/** Annotates one namespace; what it has already stays. */
export function allocate(client: Client, name: string): Promise<void> {
  return untilUndisturbed(async () => {
    const { items } = await client.list({ apiVersion: 'v1', kind: 'Namespace' });
    const namespace = items.find(({ metadata }) => metadata.name === name);
    if (!namespace) return;
    const allocation = await reserve(client, namespace, items);
    if (!allocation) return;
    await client.patch(
      { apiVersion: 'v1', kind: 'Namespace', name },
      {
        type: 'merge',
        fieldManager: 'scc-webhook',
        body: { metadata: { resourceVersion: namespace.metadata.resourceVersion, annotations: allocation } },
      },
    );
  });
}

/** Keeps a block for a namespace. @throws KubeError on a conflict with another writer */
async function reserve(
  client: Client,
  namespace: KubeObject,
  all: readonly KubeObject[],
): Promise<Readonly<Record<string, string>> | undefined> {
  const name = namespace.metadata.name ?? '';
  const book = await client.get(BOOK);
  const kept: Record<string, number> = bookSchema.parse(book?.['data'] ?? {});
  const others = all.filter(({ metadata }) => metadata.name !== name);
  const existing = new Set(others.map(({ metadata }) => metadata.name ?? ''));
  const reserved = Object.entries(kept).filter(([owner]) => existing.has(owner));
  const occupied = new Set([
    ...others.flatMap((other) => occupiedBlocks(annotationsOf(other)[UID_RANGE_ANNOTATION] ?? '')),
    ...reserved.map(([, block]) => block),
  ]);
  const allocation = allocateNamespace(annotationsOf(namespace), occupied);
  if (!allocation) return undefined;
  const data = Object.fromEntries(
    [...reserved, [name, allocation.block] as const].map(([owner, block]) => [owner, `${block}`]),
  );
  const { apiVersion, kind, ...metadata } = BOOK;
  if (book) await client.replace({ ...book, data });
  else await client.create({ apiVersion, kind, metadata: { ...metadata }, data });
  return allocation.annotations;
}
