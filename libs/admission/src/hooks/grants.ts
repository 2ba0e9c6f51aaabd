import {
  type Binding,
  bindingSchema,
  type CompiledSCC,
  compileSCC,
  covers,
  podSecurityLevel,
  type RBACRole,
  roleKey,
  roleSchema,
  sccSchema,
  subjectKey,
  type UseRight,
  useRightOf,
  validateSCC,
} from '@scc/scc';
import { noteWrite } from '../review/note-write.js';
import { ALLOWED, type Answer, denied, notUnderstood, type ReviewOutcome } from '../review/outcome.js';
import type { ReviewRequest } from '../review/review.js';
import { isEnforced } from '../cache/namespaces.js';
import type { Hook, HookContext } from './hook.js';

/** One subject that a write lets use one SCC. */
interface Grant {
  /** `user:NAME` or `group:NAME` */
  readonly subject: string;
  readonly scc: CompiledSCC;
}

/** Groups that everybody is in, or every ServiceAccount of a namespace or of the cluster. */
const isBroad = (subject: string): boolean =>
  ['group:system:authenticated', 'group:system:unauthenticated', 'group:system:serviceaccounts'].includes(subject) ||
  subject.startsWith('group:system:serviceaccounts:');

const nameOf = (subject: string): string => subject.slice(subject.indexOf(':') + 1);

/** Judges writes by which a subject gains the use of an SCC. SCCs that they could use before are not held against a write. */
export function guardGrants({ cache, config }: HookContext): Hook {
  const objection = ({ subject, scc }: Grant): string | undefined => {
    const only = config.guarded.get(scc.name);
    if (only && !only.has(nameOf(subject)))
      return `${nameOf(subject)} may not be granted SCC ${scc.name}: it is kept for ${[...only].join(', ') || 'nobody'}; whoever runs the webhook says so in WEBHOOK_GUARDED_SCCS`;
    if (!only && isBroad(subject) && podSecurityLevel(scc) === 'privileged')
      return `SCC ${scc.name} lets pods take over their node; it may not be granted to the whole group ${nameOf(subject)}, unless whoever runs the webhook names it in WEBHOOK_GUARDED_SCCS`;
    return undefined;
  };
  const judge = (grants: readonly Grant[]): Answer => {
    const objections = [...new Set(grants.flatMap((grant) => objection(grant) ?? []))];
    return objections.length === 0 ? ALLOWED : denied(objections.join('; '));
  };
  const sccsOf = (right: UseRight): CompiledSCC[] =>
    cache.constraints.compiled.ordered.filter(({ name }) => covers(right, name));
  const isGoverned = (namespace: string | null | undefined): boolean => {
    if (namespace) return isEnforced(cache.namespaces.get(namespace));
    return cache.namespaces.list().some(isEnforced);
  };

  const ofBinding = ({ metadata, roleRef, subjects }: Binding, before: Binding | undefined): Answer => {
    const right = cache.grants.rightOf(roleKey(roleRef.kind, roleRef.name, metadata.namespace));
    if (!right || !isGoverned(metadata.namespace)) return ALLOWED;
    const had = new Set((before?.subjects ?? []).map(subjectKey));
    const gained = (subjects ?? []).map(subjectKey).filter((subject) => !had.has(subject));
    return judge(gained.flatMap((subject) => sccsOf(right).map((scc) => ({ subject, scc }))));
  };

  const ofRole = (kind: string, role: RBACRole, before: RBACRole | undefined): Answer => {
    const right = useRightOf(role);
    if (!right) return ALLOWED;
    const had = before && useRightOf(before);
    const gained = sccsOf(right).filter(({ name }) => !had || !covers(had, name));
    const { name, namespace } = role.metadata;
    const holders = cache.grants
      .holdersOf(roleKey(kind, name, namespace))
      .filter((holder) => isGoverned(holder.namespace));
    return judge(holders.flatMap(({ subject }) => gained.map((scc) => ({ subject, scc }))));
  };

  const ofSCC = (object: unknown, oldObject: unknown): Answer => {
    const scc = sccSchema.safeParse(object).data;
    if (!scc) return notUnderstood('the SCC cannot be read');
    const issues = validateSCC(scc);
    if (issues.length > 0)
      return denied(issues.map(({ field, message }) => `${field}: ${message}`).join('; '), {
        code: 422,
        reason: 'Invalid',
      });
    const compiled = compileSCC(scc);
    const old = sccSchema.safeParse(oldObject).data;
    const loosened = old && podSecurityLevel(old) !== 'privileged';
    const subjects = (from: typeof scc | undefined): string[] => [
      ...(from?.users ?? []).map((name) => `user:${name}`),
      ...(from?.groups ?? []).map((name) => `group:${name}`),
    ];
    const had = new Set(loosened ? [] : subjects(old));
    const gained = subjects(scc).filter((subject) => !had.has(subject));
    return isGoverned(undefined) ? judge(gained.map((subject) => ({ subject, scc: compiled }))) : ALLOWED;
  };

  return {
    path: '/validate/grants',
    whenUndecided: 'deny',
    decide: (request: ReviewRequest): ReviewOutcome => {
      const { kind, operation, object, oldObject, name } = request;
      const unknown = notUnderstood('it is not about a binding, a role or an SCC');
      if (operation !== 'CREATE' && operation !== 'UPDATE') return unknown;
      switch (`${kind.group}/${kind.kind}`) {
        case 'rbac.authorization.k8s.io/RoleBinding':
        case 'rbac.authorization.k8s.io/ClusterRoleBinding': {
          const binding = bindingSchema.safeParse(object).data;
          return binding ? ofBinding(binding, bindingSchema.safeParse(oldObject).data) : unknown;
        }
        case 'rbac.authorization.k8s.io/Role':
        case 'rbac.authorization.k8s.io/ClusterRole': {
          const role = roleSchema.safeParse(object).data;
          return role ? ofRole(kind.kind, role, roleSchema.safeParse(oldObject).data) : unknown;
        }
        case 'security.openshift.io/SecurityContextConstraints':
          return noteWrite(ofSCC(object, oldObject), request, { namespace: '', kind: kind.kind, name: name ?? '' });
        default:
          return unknown;
      }
    },
  };
}
