import type { KubeClient } from '@scc/kube';
import type { MigrationActivities } from '@scc/migration/contract';

type Name = keyof MigrationActivities;
/** Every step of an undo says which plan it is of, itself or within what it is about. */
type About = { namespace: string } | { ref: { namespace: string } };
type Activity = (about: About, ...args: unknown[]) => Promise<unknown>;

/** Steps that take back what stands in the namespace itself, which goes away as a whole, with what they answer instead. */
const INSTEAD: Partial<Record<Name, (namespace: string) => unknown>> = {
  awaitStable: () => undefined,
  restoreOwners: () => undefined,
  restoreWorkload: () => [],
  restoreSourceGrant: () => undefined,
  withdrawTargetGrant: () => undefined,
  removeCanary: () => undefined,
  compareWithPreImages: (namespace) => [`Namespace/${namespace} (it is being deleted)`],
};
/** Steps that reach other namespaces too: tried, and not waited for. */
const TRIED: Partial<Record<Name, { isUndo: (args: unknown[]) => boolean; answer: unknown }>> = {
  setMirror: { isUndo: ([mirror]) => mirror === null, answer: undefined },
  setWeights: {
    isUndo: ([canary, options]) => canary === 0 || options !== undefined,
    answer: { verifiedBy: 'bound' },
  },
  restoreRoutes: { isUndo: () => true, answer: [] },
};

const namespaceOf = (about: About): string => ('ref' in about ? about.ref.namespace : about.namespace);

/** Whether a namespace is gone or on its way: nothing can be made in it any more. */
export async function isGoing(kube: Pick<KubeClient, 'get'>, namespace: string): Promise<boolean> {
  const object = await kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
  return object?.metadata.deletionTimestamp !== undefined || object === undefined;
}

/** Activities whose undo waits for nothing in a namespace that is being deleted, so that the deletion does not wait for it. */
export function endingWithNamespace<Activities extends object>(
  activities: Activities,
  kube: Pick<KubeClient, 'get'>,
): Activities {
  const wrapped = Object.entries(activities).map(([name, activity]: [string, unknown]): [string, Activity] => {
    const run = activity as Activity;
    const instead = INSTEAD[name as Name];
    const tried = TRIED[name as Name];
    if (instead)
      return [
        name,
        async (about: About, ...args: unknown[]) => {
          const namespace = namespaceOf(about);
          return (await isGoing(kube, namespace)) ? instead(namespace) : run(about, ...args);
        },
      ];
    if (!tried) return [name, run];
    return [
      name,
      async (about: About, ...args: unknown[]) => {
        try {
          return await run(about, ...args);
        } catch (error) {
          if (tried.isUndo(args) && (await isGoing(kube, namespaceOf(about)))) return tried.answer;
          throw error;
        }
      },
    ];
  });
  return { ...activities, ...(Object.fromEntries(wrapped) as Partial<Activities>) };
}
