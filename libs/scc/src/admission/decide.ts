import type {
  AdmissionRequest,
  Decision,
  PassedOver,
  Rejected,
  RejectionReason,
  Subject,
  SubjectType,
  Validation,
} from './request.js';
import type { SecurityContextConstraints } from '../model/scc.js';
import { applyChanges, changedFields, isUnchanged } from '../rules/apply.js';
import type { CompiledSCC, CompiledSCCs } from '../model/compile.js';
import { evaluate, type Fit } from '../rules/evaluate.js';
import { RuleFindings, MAX_VIOLATIONS, Sentences } from '../rules/findings.js';
import { providerError } from '../rules/judge.js';
import { missingAnnotation, namespaceValues, type NamespaceValues } from '../model/namespace.js';
import { REQUIRED_SCC_ANNOTATION, SCC_ANNOTATION, SUBJECT_TYPE_ANNOTATION } from '../model/names.js';
import type { Pod } from '../model/pod.js';
import { whyIgnored } from './ignored.js';

const isListed = ({ users, groups }: Pick<CompiledSCC, 'users' | 'groups'>, subject: Subject): boolean =>
  users.has(subject.name) || subject.groups.some((group) => groups.has(group));

/**
 * Whether an SCC names a subject among its own users or groups: it may use the SCC then, as by RBAC, and the API server
 * does not know of it.
 */
export const listsSubject = (
  { users, groups }: Pick<SecurityContextConstraints, 'users' | 'groups'>,
  subject: Subject,
): boolean => isListed({ users: new Set(users), groups: new Set(groups) }, subject);

/** Through whom an SCC is usable; the ServiceAccount is asked first. */
function usableBy(scc: CompiledSCC, request: AdmissionRequest): SubjectType | undefined {
  const { serviceAccount, requester } = request.subjects;
  if (serviceAccount && (isListed(scc, serviceAccount) || request.mayUse('serviceaccount', scc.name)))
    return 'serviceaccount';
  return isListed(scc, requester) || request.mayUse('user', scc.name) ? 'user' : undefined;
}

const rejected = (reason: RejectionReason, message: string, failures: readonly PassedOver[] = []): Rejected => ({
  decision: 'rejected',
  reason,
  message,
  failures,
});

const requiredSCC = (pod: Pod | undefined): string => pod?.metadata.annotations?.[REQUIRED_SCC_ANNOTATION] ?? '';

type Candidates = { readonly list: readonly CompiledSCC[]; readonly values: NamespaceValues };

/** The SCCs to try, in order, or the reason why none is tried. */
function candidates({ operation, pod, oldPod, namespace }: AdmissionRequest, all: CompiledSCCs): Candidates | Rejected {
  const required = requiredSCC(pod);
  if (operation === 'UPDATE' && required !== requiredSCC(oldPod))
    return rejected(
      'required-scc-changed',
      `invalid change of required security context constraint annotation: ${REQUIRED_SCC_ANNOTATION}`,
    );
  const only = all.byName.get(required);
  if (required !== '' && !only)
    return rejected(
      'required-scc-unknown',
      `failed to retrieve the required SCC "${required}": securitycontextconstraints.security.openshift.io "${required}" not found`,
    );
  const list = only ? [only] : all.ordered;
  const missing = missingAnnotation(namespace);
  if (missing !== undefined)
    return rejected(
      'namespace-not-ready',
      `error fetching namespace "${namespace.name}": unable to find annotation ${missing}`,
    );
  const values = namespaceValues(namespace);
  const errors = list.flatMap((scc) => providerError(scc, values, namespace.name) ?? []);
  if (errors.length > 0) return rejected('scc-invalid', aggregate(errors));
  return { list, values };
}

const joined = (distinct: readonly string[]): string =>
  distinct.length === 1 ? (distinct[0] ?? '') : `[${distinct.join(', ')}]`;

const aggregate = (messages: readonly string[]): string => joined([...new Set(messages)]);

function notUsable(scc: string): PassedOver {
  const message = `provider "${scc}": Forbidden: not usable by user or serviceaccount`;
  const remedy = `grant the ServiceAccount the ClusterRole system:openshift:scc:${scc} in the namespace`;
  const about = { field: 'spec.serviceAccountName', value: undefined, bound: `subjects that may use ${scc}` };
  return { scc, violations: [{ rule: 'usability', ...about, remedy, message }], omitted: 0 };
}

const needsMutation = (scc: string, fields: readonly string[]): PassedOver => ({
  scc,
  omitted: Math.max(0, fields.length - MAX_VIOLATIONS),
  violations: fields.slice(0, MAX_VIOLATIONS).map((field) => ({
    rule: 'mutation',
    field,
    value: undefined,
    bound: 'as the SCC would default it',
    remedy: 'set the field when the pod is created',
    message: `provider ${scc}: ${field}: Forbidden: an existing pod cannot be changed to fit`,
  })),
});

type MutationMode = 'any' | 'ephemeral' | 'none';

interface Choice {
  readonly scc: CompiledSCC;
  readonly subjectType: SubjectType;
  readonly fit: Fit & { fits: true };
}

const isAcceptable = (fit: Fit & { fits: true }, mode: MutationMode): boolean =>
  mode === 'any' || isUnchanged(fit.changes, mode === 'ephemeral');

interface Attempt {
  readonly values: NamespaceValues;
  readonly mode: MutationMode;
  /** What OpenShift says; nothing of an SCC that would only have to change an existing pod. */
  readonly sentences: Sentences;
}

function tryOne(
  scc: CompiledSCC,
  request: AdmissionRequest,
  { values, mode, sentences }: Attempt,
): Choice | PassedOver {
  const subjectType = usableBy(scc, request);
  if (!subjectType) {
    const failure = notUsable(scc.name);
    for (const { message } of failure.violations) sentences.add(message);
    return failure;
  }
  const fit = evaluate(scc, request.pod, values, new RuleFindings(MAX_VIOLATIONS, sentences));
  if (!fit.fits) return { scc: scc.name, violations: fit.violations, omitted: fit.omitted };
  if (!isAcceptable(fit, mode)) return needsMutation(scc.name, changedFields(fit.changes));
  return { scc, subjectType, fit };
}

/** OpenShift's extra hint for pods that ran under the older default. */
function restrictedHint(
  failures: readonly PassedOver[],
  all: CompiledSCCs,
  judge: (scc: CompiledSCC) => Fit,
): string[] {
  const denied = failures.some(({ scc, violations }) => scc === 'restricted' && violations[0]?.rule === 'usability');
  const older = all.byName.get('restricted');
  if (!denied || !older || !failures.some(({ scc }) => scc === 'restricted-v2') || !judge(older).fits) return [];
  return [
    'no access to scc/restricted: Forbidden: the pod fails to validate against the `restricted-v2` security context constraint, but would validate successfully against the `restricted` security context constraint',
  ];
}

/** Our own sentences, where OpenShift has none. */
function sentencesOf(failures: readonly PassedOver[]): Sentences {
  const sentences = new Sentences();
  for (const { violations, omitted } of failures) {
    for (const { message } of violations) sentences.add(message);
    sentences.omit(omitted);
  }
  return sentences;
}

function choose(
  request: AdmissionRequest,
  all: CompiledSCCs,
  { mode, hint }: { mode: MutationMode; hint?: string | undefined },
): { choice: Choice; failures: PassedOver[] } | Rejected {
  const found = candidates(request, all);
  if ('decision' in found) return found;
  const { list, values } = found;
  const hinted = list.find(({ name }) => name === hint);
  const failures: PassedOver[] = [];
  const sentences = new Sentences();
  for (const scc of hinted ? [hinted, ...list.filter((other) => other !== hinted)] : list) {
    const tried = tryOne(scc, request, { values, mode, sentences });
    if ('fit' in tried) return { choice: tried, failures };
    failures.push(tried);
  }
  const said = sentences.list();
  said.push(...restrictedHint(failures, all, (scc) => evaluate(scc, request.pod, values, new RuleFindings(1))));
  return rejected(
    'no-scc-fits',
    `unable to validate against any security context constraint: ${joined(said.length > 0 ? said : sentencesOf(failures).list())}`,
    failures,
  );
}

function mutationMode({ operation, subresource }: AdmissionRequest): MutationMode {
  if (operation === 'CREATE') return 'any';
  return subresource === 'ephemeralcontainers' ? 'ephemeral' : 'none';
}

/**
 * Decides as OpenShift's mutating SCC admission does. Pure: neither the request nor its pod is changed.
 *
 * @throws TypeError when an UPDATE carries no old pod.
 */
export function decide(request: AdmissionRequest, compiled: CompiledSCCs): Decision {
  const why = whyIgnored(request);
  if (why) return { decision: 'ignored', why };
  const chosen = choose(request, compiled, { mode: mutationMode(request) });
  if ('decision' in chosen) return chosen;
  const { choice, failures } = chosen;
  const pod = applyChanges(request.pod, choice.fit.changes, {
    [SCC_ANNOTATION]: choice.scc.name,
    [SUBJECT_TYPE_ANNOTATION]: choice.subjectType,
  });
  return {
    decision: 'admitted',
    scc: choice.scc.name,
    subjectType: choice.subjectType,
    annotations: pod.metadata.annotations ?? {},
    pod,
    mutated: !isUnchanged(choice.fit.changes),
    failures,
  };
}

/**
 * The validating pass: some usable SCC must fit without changing the pod. The pod's `openshift.io/scc` is only the
 * first one tried, except that it must equal a required SCC.
 */
export function validatePass(request: AdmissionRequest, compiled: CompiledSCCs): Validation {
  const why = whyIgnored(request);
  if (why) return { decision: 'ignored', why };
  const hint = request.pod.metadata.annotations?.[SCC_ANNOTATION];
  const required = requiredSCC(request.pod);
  if (required !== '' && required !== hint)
    return rejected('required-scc-not-used', `required scc/${required} does not match the suggested scc/${hint ?? ''}`);
  const chosen = choose(request, compiled, { mode: 'none', hint });
  if ('decision' in chosen) return chosen;
  return { decision: 'accepted', scc: chosen.choice.scc.name, subjectType: chosen.choice.subjectType };
}
