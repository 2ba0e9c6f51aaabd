import { afterAll, beforeAll, describe } from '@jest/globals';
import { isConflict, isNotFound } from '@scc/kube';
import { waitFor } from '@scc/runtime';
import { z } from 'zod';
import { startStack, type Stack, type StackOptions } from '../src/index.js';

/** Declares the hooks and tests of a suite; the stack is there once a hook or a test runs. */
type Suite = (stackOf: () => Stack) => void;

/**
 * Lets suites that need the same parts run one after the other on one stack. Everything that a suite creates in the
 * cluster is removed before the next one begins; what it changes or removes, and what outlives its object, it must undo
 * itself.
 */
export function shareStack(options: StackOptions, suites: Readonly<Record<string, Suite>>): void {
  let stack: Stack;
  let untouched: ReadonlySet<string> | undefined;
  beforeAll(async () => {
    stack = await startStack(options);
  }, 600_000);
  afterAll(() => stack.stop(), 60_000);
  for (const [name, suite] of Object.entries(suites))
    describe(name, () => {
      beforeAll(async () => {
        if (untouched) await restore(stack, untouched);
        else untouched = new Set(await objectsOf(stack));
      }, 120_000);
      suite(() => stack);
    });
}

const groupsSchema = z.looseObject({
  groups: z.array(z.looseObject({ preferredVersion: z.looseObject({ groupVersion: z.string() }) })),
});
const resourcesSchema = z.looseObject({
  resources: z.array(z.looseObject({ name: z.string(), namespaced: z.boolean(), verbs: z.array(z.string()) })),
});
const itemsSchema = z.array(
  z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }) }),
);

/** Objects that the parts of the stack write by themselves, at any time. */
const OF_THE_STACK = [
  /\/(events|leases|endpoints|endpointslices)\//,
  /\/configmaps\/(kube-root-ca\.crt|scc-audit-checkpoint)$/,
  /\/serviceaccounts\/default$/,
  // The controllers make theirs when they first call.
  /\/kube-system\/serviceaccounts\//,
  // istiod makes its own.
  /\/gatewayclasses\//,
];

/** The path of every object of the cluster. */
export async function objectsOf({ api }: Stack): Promise<string[]> {
  const { groups } = groupsSchema.parse(await api.get('/apis'));
  const roots = ['/api/v1', ...groups.map(({ preferredVersion }) => `/apis/${preferredVersion.groupVersion}`)];
  const collections = async (root: string): Promise<string[]> => {
    const { resources } = resourcesSchema.parse(await api.get(root));
    const kinds = resources.filter(({ verbs }) => verbs.includes('list') && verbs.includes('delete'));
    const found = kinds.map(async ({ name: kind, namespaced }) => {
      const items = itemsSchema.parse((await api.list(`${root}/${kind}`)).items);
      return items.map(({ metadata: { namespace, name } }) =>
        namespaced ? `${root}/namespaces/${namespace ?? ''}/${kind}/${name}` : `${root}/${kind}/${name}`,
      );
    });
    return (await Promise.all(found)).flat();
  };
  const paths = (await Promise.all(roots.map(collections))).flat();
  return paths.filter((path) => !OF_THE_STACK.some((pattern) => pattern.test(path)));
}

/** Removes what was not there before, until the cluster holds the same objects. @throws Error that names the others */
async function restore(stack: Stack, before: ReadonlySet<string>): Promise<void> {
  let differing: string[] = [];
  const isAsBefore = async (): Promise<boolean> => {
    const now = new Set(await objectsOf(stack));
    const added = [...now].filter((path) => !before.has(path));
    differing = [
      ...added.map((path) => `+ ${path}`),
      ...[...before].filter((path) => !now.has(path)).map((path) => `- ${path}`),
    ];
    await Promise.all(added.map((path) => remove(stack, path)));
    return differing.length === 0;
  };
  await waitFor(isAsBefore, { timeoutMs: 110_000, everyMs: 500, what: 'the cluster to be as before' }).catch(
    (error: unknown) => {
      throw new Error(`a suite leaves the cluster changed:\n${differing.join('\n')}`, { cause: error });
    },
  );
}

async function remove({ api }: Stack, path: string): Promise<void> {
  await api.call('DELETE', `${path}?gracePeriodSeconds=1`).catch((error: unknown) => {
    // Gone meanwhile, or its namespace is going already.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  });
}
