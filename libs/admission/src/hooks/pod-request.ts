import {
  type AdmissionRequest,
  covers,
  type PassedOver,
  isExemptNamespace,
  MCS_ANNOTATION,
  type Namespace,
  type Pod,
  podSchema,
  serviceAccountSubject,
  type SubjectType,
  UID_RANGE_ANNOTATION,
  type UseRight,
} from '@scc/scc';
import { within } from '@scc/runtime';
import type { ClusterCache } from '../cache/cluster.js';
import { compileCheck } from '../review/quick-check.js';
import { type Answer, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import type { HookContext } from './hook.js';
import { answerToSize } from './container-limit.js';
import type { Budget } from '../review/budget.js';

/** Subresources of pods; the first three are looked at. */
const SUBRESOURCES = new Set([
  '',
  'ephemeralcontainers',
  'resize',
  'attach',
  'binding',
  'eviction',
  'exec',
  'log',
  'portforward',
  'proxy',
  'status',
]);

const isReady = (namespace: Namespace): boolean =>
  isExemptNamespace(namespace) ||
  [UID_RANGE_ANNOTATION, MCS_ANNOTATION].every((name) => namespace.annotations?.[name] !== undefined);

const readyNamespace = (name: string, cache: ClusterCache): Namespace | undefined => {
  const known = cache.namespaces.get(name);
  return known && isReady(known) ? known : undefined;
};

/** A new namespace may need a moment until its event arrives and its ids are allocated; OpenShift waits for that, too. */
async function untilReady(name: string, cache: ClusterCache, budget: Budget): Promise<Namespace | undefined> {
  while (!readyNamespace(name, cache) && budget.left() > 0) await within(cache.namespaces.changed(), budget.left());
  return cache.namespaces.get(name);
}

const isPodReview = ({ kind, resource, subResource, operation }: ReviewRequest): boolean =>
  kind.group === '' &&
  kind.version === 'v1' &&
  kind.kind === 'Pod' &&
  resource.group === '' &&
  resource.resource === 'pods' &&
  SUBRESOURCES.has(subResource ?? '') &&
  (operation === 'CREATE' || operation === 'UPDATE');

type ReadPod = { readonly value: Pod } | { readonly answer: Answer };

const isPod = compileCheck(podSchema);

function readPod(value: unknown, what: string): ReadPod {
  if (isPod(value)) return { value };
  const [issue] = podSchema.safeParse(value).error?.issues ?? [];
  return { answer: notUnderstood(`${what}.${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}`) };
}

/** The same for a pod that exists already or will: whose rights count, and how RBAC answers. */
export function admissionRequest(
  cache: ClusterCache,
  asked: Pick<AdmissionRequest, 'operation' | 'pod' | 'namespace' | 'oldPod' | 'subresource'>,
  requester: AdmissionRequest['subjects']['requester'],
): AdmissionRequest {
  const account = asked.pod.spec.serviceAccountName;
  const serviceAccount = account ? serviceAccountSubject(asked.namespace.name, account) : undefined;
  const rights: Partial<Record<SubjectType, readonly UseRight[]>> = {};
  const rightsOf = (type: SubjectType): readonly UseRight[] => {
    const subject = type === 'user' ? requester : serviceAccount;
    return (rights[type] ??= subject ? cache.grants.rightsIn(asked.namespace.name, subject) : []);
  };
  return {
    ...asked,
    subjects: { serviceAccount, requester },
    mayUse: (type, scc) => rightsOf(type).some((right) => covers(right, scc)),
  };
}

export const requesterOf = ({ userInfo }: ReviewRequest) => ({
  name: userInfo.username ?? '',
  groups: userInfo.groups ?? [],
});

type Pods = { readonly pod: Pod; readonly oldPod: Pod | undefined } | { readonly answer: Answer };

function podsOf({ operation, object, oldObject }: ReviewRequest): Pods {
  const read = readPod(object, 'object');
  if ('answer' in read) return read;
  if (operation !== 'UPDATE') return { pod: read.value, oldPod: undefined };
  const old = readPod(oldObject, 'oldObject');
  return 'answer' in old ? old : { pod: read.value, oldPod: old.value };
}

/**
 * Reads a review of a pod into what the evaluator decides on, and lets `judge` answer it: at once, unless its namespace
 * is so new that the cache has to wait for it.
 */
export function answerPod(
  request: ReviewRequest,
  { cache, config, budget }: HookContext & { budget: Budget },
  judge: (asked: AdmissionRequest) => ReviewOutcome,
): ReviewOutcome | Promise<ReviewOutcome> {
  const { operation, subResource, namespace: name } = request;
  if (!isPodReview(request) || (operation !== 'CREATE' && operation !== 'UPDATE'))
    return notUnderstood('it is not about a pod that is created or updated');
  if (!name) return notUnderstood('request.namespace is missing');
  const tooLarge = answerToSize(request, config);
  if (tooLarge) return tooLarge;
  const pods = podsOf(request);
  if ('answer' in pods) return pods.answer;
  const judgeIn = (namespace: Namespace | undefined): ReviewOutcome => {
    if (!namespace) return { undecided: `namespace ${name} is not known yet` };
    const asked = { operation, subresource: subResource ?? '', ...pods, namespace };
    return judge(admissionRequest(cache, asked, requesterOf(request)));
  };
  const ready = readyNamespace(name, cache);
  return ready ? judgeIn(ready) : untilReady(name, cache, budget).then(judgeIn);
}

const REMEDIES = 4;

/** Changes by which the SCC that is nearest to admitting the pod admits it. */
export function remediesOf(failures: readonly PassedOver[]): string[] {
  const judged = failures.filter(({ violations }) => violations.every(({ rule }) => rule !== 'usability'));
  const [nearest] = [...judged].sort((a, b) => a.violations.length - b.violations.length);
  const lines = (nearest?.violations ?? []).map(
    ({ field, remedy }) => `for ${nearest?.scc ?? ''}: ${field}: ${remedy}`,
  );
  return [...new Set(lines)].slice(0, REMEDIES);
}
