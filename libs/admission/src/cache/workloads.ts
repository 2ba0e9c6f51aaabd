import { type PodTemplate, podTemplateSchema } from '@scc/scc';
import { z } from 'zod';

const ownersSchema = z
  .array(z.looseObject({ kind: z.string(), name: z.string(), uid: z.string(), controller: z.boolean().nullish() }))
  .nullish();
export const ownedSchema = z.looseObject({ metadata: z.looseObject({ ownerReferences: ownersSchema }) });
const workloadSchema = z.looseObject({
  metadata: z.looseObject({ ownerReferences: ownersSchema }),
  spec: z.looseObject({ template: podTemplateSchema }),
});

export interface OwnerRef {
  readonly kind: string;
  readonly name: string;
}

/** The controller of an object, if one made it. */
export function readControllerOf(object: unknown): OwnerRef | undefined {
  const parsed = ownedSchema.safeParse(object);
  const owner = parsed.data?.metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner && { kind: owner.kind, name: owner.name };
}

export interface KnownWorkload {
  readonly template: PodTemplate;
  readonly owner: OwnerRef | undefined;
}

/** Kinds whose pods a migration is about, or that stand between them. */
export const TEMPLATED_KINDS = ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet'] as const;

/** The workloads of the cluster with the pod templates that their authors wrote. */
export class Workloads {
  readonly #known = new Map<string, unknown>();

  set(kind: string, key: string, object: unknown): void {
    if (object === undefined) this.#known.delete(`${kind}/${key}`);
    else this.#known.set(`${kind}/${key}`, object);
  }

  has(kind: string, namespace: string, name: string): boolean {
    return this.#known.has(`${kind}/${namespace}/${name}`);
  }

  get(namespace: string, { kind, name }: OwnerRef): KnownWorkload | undefined {
    const object = this.#known.get(`${kind}/${namespace}/${name}`);
    const parsed = workloadSchema.safeParse(object);
    return parsed.success ? { template: parsed.data.spec.template, owner: readControllerOf(object) } : undefined;
  }
}
