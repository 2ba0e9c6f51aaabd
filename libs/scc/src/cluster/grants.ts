import type { Subject } from '../admission/request.js';
import { z } from 'zod';

const strings = z.array(z.string()).nullish();
const ruleSchema = z.looseObject({ verbs: strings, apiGroups: strings, resources: strings, resourceNames: strings });
export const roleSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().nullish() }),
  rules: z.array(ruleSchema).nullish(),
});
const rbacSubjectSchema = z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().nullish() });
export const bindingSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string().nullish() }),
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z.array(rbacSubjectSchema).nullish(),
});
export type RBACRole = z.infer<typeof roleSchema>;
export type Binding = z.infer<typeof bindingSchema>;
type RBACSubject = z.infer<typeof rbacSubjectSchema>;

/** Which SCCs a role lets its subjects use. */
export interface UseRight {
  readonly all: boolean;
  readonly names: ReadonlySet<string>;
}

export const covers = ({ all, names }: UseRight, scc: string): boolean => all || names.has(scc);

const matches = (list: readonly string[] | null | undefined, wanted: string): boolean =>
  (list ?? []).some((item) => item === '*' || item === wanted);

/** The right to use SCCs that a role carries; undefined when it carries none. */
export function useRightOf({ rules }: Pick<RBACRole, 'rules'>): UseRight | undefined {
  const granting = (rules ?? []).filter(
    ({ verbs, apiGroups, resources }) =>
      matches(verbs, 'use') &&
      matches(apiGroups, 'security.openshift.io') &&
      matches(resources, 'securitycontextconstraints'),
  );
  if (granting.length === 0) return undefined;
  return {
    all: granting.some(({ resourceNames }) => !resourceNames?.length),
    names: new Set(granting.flatMap(({ resourceNames }) => resourceNames ?? [])),
  };
}

/** How a subject of a binding is named in a request: `user:NAME` or `group:NAME`. */
export function subjectKey({ kind, name, namespace }: RBACSubject): string {
  if (kind === 'Group') return `group:${name}`;
  return kind === 'ServiceAccount' ? `user:system:serviceaccount:${namespace ?? ''}:${name}` : `user:${name}`;
}

export const roleKey = (kind: string, name: string, namespace: string | null | undefined): string =>
  kind === 'ClusterRole' ? `ClusterRole/${name}` : `Role/${namespace ?? ''}/${name}`;

interface KnownBinding {
  readonly role: string;
  /** Undefined: in every namespace. */
  readonly namespace: string | undefined;
  readonly subjects: readonly string[];
}

/** Members of it are authorized for everything, without a role. */
const SUPERUSERS = 'system:masters';
const EVERYTHING: UseRight = { all: true, names: new Set() };

/**
 * RBAC as far as it grants `use` of SCCs, kept current by who reads them. Other authorizers of the API server are not seen.
 */
export class Grants {
  readonly #rights = new Map<string, UseRight>();
  readonly #bindings = new Map<string, KnownBinding>();
  readonly #bySubject = new Map<string, Set<KnownBinding>>();

  setRole(key: string, role: Pick<RBACRole, 'rules'> | undefined): void {
    const right = role && useRightOf(role);
    if (right) this.#rights.set(key, right);
    else this.#rights.delete(key);
  }

  setBinding(key: string, binding: Binding | undefined): void {
    const known = this.#bindings.get(key);
    for (const subject of known?.subjects ?? []) if (known) this.#bySubject.get(subject)?.delete(known);
    this.#bindings.delete(key);
    if (!binding) return;
    const namespace = binding.metadata.namespace ?? undefined;
    const { kind, name } = binding.roleRef;
    const subjects = [...new Set((binding.subjects ?? []).map(subjectKey))];
    const added: KnownBinding = { role: roleKey(kind, name, namespace), namespace, subjects };
    this.#bindings.set(key, added);
    for (const subject of subjects) {
      const all = this.#bySubject.get(subject) ?? new Set();
      this.#bySubject.set(subject, all.add(added));
    }
  }

  /** The right that a role carries now. */
  rightOf(role: string): UseRight | undefined {
    return this.#rights.get(role);
  }

  /** Everybody to whom a role is bound, and where. */
  holdersOf(role: string): { subject: string; namespace: string | undefined }[] {
    return [...this.#bindings.values()]
      .filter((binding) => binding.role === role)
      .flatMap(({ subjects, namespace }) => subjects.map((subject) => ({ subject, namespace })));
  }

  /** The rights of a subject in a namespace, through itself or its groups. */
  rightsIn(namespace: string, { name, groups }: Subject): readonly UseRight[] {
    if (groups.includes(SUPERUSERS)) return [EVERYTHING];
    const rights: UseRight[] = [];
    const collect = (bindings: ReadonlySet<KnownBinding> | undefined): void => {
      for (const binding of bindings ?? []) {
        if (binding.namespace !== undefined && binding.namespace !== namespace) continue;
        const right = this.#rights.get(binding.role);
        if (right) rights.push(right);
      }
    };
    collect(this.#bySubject.get(`user:${name}`));
    for (const group of groups) collect(this.#bySubject.get(`group:${group}`));
    return rights;
  }
}
