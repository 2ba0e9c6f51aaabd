import { z } from 'zod';
import type { StatedObject } from '../cluster/manifests.js';

/** Parts of the chart's objects that its tests look at. */

const ruleSchema = z.looseObject({
  apiGroups: z.array(z.string()).default([]),
  resources: z.array(z.string()).default([]),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()),
});
export type Rule = z.infer<typeof ruleSchema>;

const bindingSchema = z.looseObject({
  roleRef: z.looseObject({ kind: z.string(), name: z.string() }),
  subjects: z
    .array(z.looseObject({ kind: z.string(), name: z.string(), namespace: z.string().optional() }))
    .default([]),
});

export const idOf = ({ kind, metadata: { namespace, name } }: StatedObject): string =>
  [kind, ...(namespace === undefined ? [] : [namespace]), name].join(' ');

export interface Right extends Rule {
  /** Null: in the whole cluster. */
  namespace: string | null;
}

/** Every right of a ServiceAccount of the product, through bindings and the roles that they name. */
export function rightsOf(objects: readonly StatedObject[], account: string): Right[] {
  return objects
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')
    .flatMap((object) => {
      const { roleRef, subjects } = bindingSchema.parse(object);
      if (!subjects.some(({ kind, name }) => kind === 'ServiceAccount' && name === account)) return [];
      const namespace = object.metadata.namespace ?? null;
      const role = objects.find(
        ({ kind, metadata }) =>
          kind === roleRef.kind &&
          metadata.name === roleRef.name &&
          (kind === 'ClusterRole' || metadata.namespace === namespace),
      );
      if (!role) throw new Error(`${idOf(object)} names ${roleRef.kind} ${roleRef.name}, which is not there`);
      const where = object.kind === 'ClusterRoleBinding' ? null : namespace;
      return z
        .array(ruleSchema)
        .parse(role['rules'])
        .map((rule) => ({ ...rule, namespace: where }));
    });
}

const podSpecSchema = z.looseObject({
  serviceAccountName: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  securityContext: z.looseObject({}).default({}),
  containers: z.array(
    z.looseObject({
      name: z.string(),
      image: z.string(),
      args: z.array(z.string()).default([]),
      env: z.array(z.looseObject({ name: z.string(), value: z.string().optional() })).default([]),
      resources: z.looseObject({}).optional(),
      readinessProbe: z.looseObject({}).optional(),
      securityContext: z.looseObject({}).default({}),
      volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).default([]),
    }),
  ),
  volumes: z.array(z.looseObject({ name: z.string() })).default([]),
});
export type PodSpec = z.infer<typeof podSpecSchema>;

const workloadSchema = z.looseObject({
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).default({}) }),
      spec: podSpecSchema,
    }),
  }),
});

/** The Pods of Deployments and Jobs, by the object's name; Jobs without what tells their versions apart. */
export const podsOf = (
  objects: readonly StatedObject[],
): Map<string, { annotations: Record<string, string>; spec: PodSpec }> =>
  new Map(
    objects
      .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
      .map((object) => {
        const { metadata, spec } = workloadSchema.parse(object).spec.template;
        return [
          object.metadata.name.replace(/^(scc-migrate|scc-default-sccs)-.*/, '$1'),
          { annotations: metadata.annotations, spec },
        ];
      }),
  );

const itemsSchema = z.array(z.looseObject({ key: z.string() })).default([]);
const fromSecretsSchema = z.looseObject({
  containers: z.array(
    z.looseObject({
      env: z
        .array(
          z.looseObject({
            valueFrom: z
              .looseObject({ secretKeyRef: z.looseObject({ name: z.string(), key: z.string() }).optional() })
              .optional(),
          }),
        )
        .default([]),
    }),
  ),
  volumes: z
    .array(
      z.looseObject({
        secret: z.looseObject({ secretName: z.string(), items: itemsSchema }).optional(),
        projected: z
          .looseObject({
            sources: z.array(
              z.looseObject({ secret: z.looseObject({ name: z.string(), items: itemsSchema }).optional() }),
            ),
          })
          .optional(),
      }),
    )
    .default([]),
});

/** The Secrets that Pods read, with the keys that they name. */
export function secretsOf(objects: readonly StatedObject[]): { name: string; keys: string[] }[] {
  const keysOf = (items: z.infer<typeof itemsSchema>): string[] => items.map(({ key }) => key);
  return [...podsOf(objects).values()].flatMap((pod) => {
    const { containers, volumes } = fromSecretsSchema.parse(pod.spec);
    return [
      ...containers.flatMap(({ env }) =>
        env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []).map(({ name, key }) => ({ name, keys: [key] })),
      ),
      ...volumes.flatMap(({ secret }) => (secret ? [{ name: secret.secretName, keys: keysOf(secret.items) }] : [])),
      ...volumes
        .flatMap(({ projected }) => projected?.sources ?? [])
        .flatMap(({ secret }) => (secret ? [{ name: secret.name, keys: keysOf(secret.items) }] : [])),
    ];
  });
}
