import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const named = z.looseObject({ name: z.string(), namespace: z.string().optional() });
const roleSchema = z.looseObject({
  kind: z.enum(['Role', 'ClusterRole']),
  metadata: named,
  rules: z.array(
    z.looseObject({
      apiGroups: z.array(z.string()).default([]),
      resources: z.array(z.string()).default([]),
      resourceNames: z.array(z.string()).default([]),
      verbs: z.array(z.string()),
    }),
  ),
});
const bindingSchema = z.looseObject({
  kind: z.enum(['RoleBinding', 'ClusterRoleBinding']),
  metadata: named,
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z
    .array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() }))
    .default([]),
});

type Role = z.infer<typeof roleSchema>;
type Binding = z.infer<typeof bindingSchema>;

/** Every combination of what a rule names, with its verbs. */
const spread = ({ apiGroups, resources, resourceNames, verbs }: Role['rules'][number]) =>
  apiGroups.flatMap((group) =>
    resources.flatMap((resource) =>
      (resourceNames.length > 0 ? resourceNames : ['*']).map((name) => ({
        what: `${group || 'core'} ${resource} ${name}`,
        verbs,
      })),
    ),
  );

const isBound = ({ kind, metadata }: Role, binding: Binding): boolean =>
  kind === binding.roleRef.kind &&
  metadata.name === binding.roleRef.name &&
  (kind === 'ClusterRole' || metadata.namespace === binding.metadata.namespace);

/**
 * The rights that the chart's rendering gives its ServiceAccounts, one a line: account, role, namespace, API group,
 * resource, name and verbs; `*` stands for all, `core` for the group without a name. @param texts of the rendering's files
 */
export function chartRights(texts: readonly string[]): string[] {
  const objects = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as unknown));
  const roles = objects.flatMap((object) => roleSchema.safeParse(object).data ?? []);
  const rights = new Map<string, string[]>();
  for (const binding of objects.flatMap((object) => bindingSchema.safeParse(object).data ?? [])) {
    const where = `${binding.roleRef.name} ${binding.metadata.namespace ?? '*'}`;
    const accounts = binding.subjects.filter(({ kind }) => kind === 'ServiceAccount');
    const given = roles.filter((role) => isBound(role, binding)).flatMap(({ rules }) => rules.flatMap(spread));
    for (const { what, verbs } of given)
      for (const { name } of accounts) {
        const key = `${name} ${where} ${what}`;
        rights.set(key, [...new Set([...(rights.get(key) ?? []), ...verbs])]);
      }
  }
  return [...rights].map(([right, verbs]) => `${right} ${verbs.join(',')}`);
}
