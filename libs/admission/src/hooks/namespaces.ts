import type { KubeClient } from '@scc/kube';
import { ENFORCE_LABEL, PLAN_GROUP } from '@scc/plan';
import { MCS_ANNOTATION, SUPPLEMENTAL_GROUPS_ANNOTATION, UID_RANGE_ANNOTATION } from '@scc/scc';
import { within } from '@scc/runtime';
import { z } from 'zod';
import { ALLOWED, denied, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { Budget } from '../review/budget.js';
import type { Hook } from './hook.js';

/** By these a namespace leaves SCC admission. */
const LABELS = [ENFORCE_LABEL, 'openshift.io/run-level', 'security.openshift.io/disable-securitycontextconstraints'];
/** By these it chooses its own user ids, root among them. */
const ANNOTATIONS = [UID_RANGE_ANNOTATION, SUPPLEMENTAL_GROUPS_ANNOTATION, MCS_ANNOTATION];

const strings = z.record(z.string(), z.string()).nullish();
const namespaceSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string().min(1), labels: strings, annotations: strings }),
});
type NamespaceObject = z.infer<typeof namespaceSchema>;

/** The API server may be busy; still well below the timeout of the webhook. */
const ASKING_MS = 2000;

type Change = readonly [kind: 'label' | 'annotation', name: string];

/** Labels and annotations that decide about admission and that an update changes. */
function guardedChanges({ metadata: after }: NamespaceObject, { metadata: before }: NamespaceObject): Change[] {
  return [
    ...LABELS.filter((name) => after.labels?.[name] !== before.labels?.[name]).map((name) => ['label', name] as const),
    ...ANNOTATIONS.filter((name) => after.annotations?.[name] !== before.annotations?.[name]).map(
      (name) => ['annotation', name] as const,
    ),
  ];
}

/** The right that the guarded changes need: verb `update` on `namespaceenforcements` of `scc.poc`, by namespace name. */
const RIGHT = { group: PLAN_GROUP, resource: 'namespaceenforcements', verb: 'update' };

/**
 * Guards what brings a namespace under SCC admission or out of it: the right to edit a namespace is not the right to free it.
 * The one hook that asks the API server, because it must know every authorizer's answer; it is called for such edits only.
 */
export function guardNamespaces(client: Pick<KubeClient, 'subjectAccessReview'>): Hook {
  const mayChange = async ({ userInfo }: ReviewRequest, name: string): Promise<boolean> =>
    client.subjectAccessReview({
      user: userInfo.username ?? '',
      groups: userInfo.groups ?? [],
      ...(userInfo.uid ? { uid: userInfo.uid } : {}),
      ...(userInfo.extra ? { extra: userInfo.extra } : {}),
      resourceAttributes: { ...RIGHT, name },
    });
  return {
    path: '/validate/namespaces',
    whenUndecided: 'deny',
    budgetMs: ASKING_MS,
    decide: async (request: ReviewRequest, budget: Budget): Promise<ReviewOutcome> => {
      const { kind, operation, object, oldObject } = request;
      const after = namespaceSchema.safeParse(object).data;
      const before = namespaceSchema.safeParse(oldObject).data;
      if (kind.group !== '' || kind.kind !== 'Namespace' || operation !== 'UPDATE' || !after || !before)
        return notUnderstood('it is not about a namespace that is updated');
      const changes = guardedChanges(after, before);
      if (changes.length === 0) return ALLOWED;
      let allowed: boolean | undefined;
      const asked = mayChange(request, after.metadata.name).then(
        (answer) => (allowed = answer),
        () => undefined,
      );
      await within(asked, budget.left());
      if (allowed === undefined) return { undecided: 'the API server did not say who may change SCC admission' };
      if (allowed) return ALLOWED;
      const what = changes.map(([kindOf, name]) => `${kindOf} ${name}`).join(', ');
      return denied(
        `changing ${what} takes the right to ${RIGHT.verb} ${RIGHT.resource}.${RIGHT.group} for this namespace, which an administrator of the cluster can give`,
      );
    },
  };
}
