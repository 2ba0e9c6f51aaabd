import { z } from 'zod';

export interface KindRef {
  apiVersion: string;
  kind: string;
}

export interface ObjectId extends KindRef {
  /** Absent for kinds that are not namespaced. */
  namespace?: string;
  name: string;
}

const stringsSchema = z.record(z.string(), z.string());

const metadataSchema = z.looseObject({
  name: z.string().optional(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.number().optional(),
  labels: stringsSchema.optional(),
  annotations: stringsSchema.optional(),
  finalizers: z.array(z.string()).optional(),
  creationTimestamp: z.string().nullish(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().optional(),
  ownerReferences: z
    .array(
      z.looseObject({
        apiVersion: z.string(),
        kind: z.string(),
        name: z.string(),
        uid: z.string(),
        controller: z.boolean().optional(),
      }),
    )
    .optional(),
  managedFields: z
    .array(
      z.looseObject({
        manager: z.string().optional(),
        operation: z.string().optional(),
        subresource: z.string().optional(),
        time: z.string().optional(),
        fieldsV1: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .optional(),
});

export const objectSchema = z.looseObject({ apiVersion: z.string(), kind: z.string(), metadata: metadataSchema });

/** Any object of the Kubernetes API: its metadata is known, everything else is read through a schema of the caller. */
export type KubeObject = z.infer<typeof objectSchema>;

const itemSchema = z.looseObject({ metadata: metadataSchema });
export const listSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().default(''), continue: z.string().optional() }),
  items: z.array(itemSchema).nullable(),
});

/** Items of a list carry neither apiVersion nor kind. */
export const withKind = (item: z.infer<typeof itemSchema>, { apiVersion, kind }: KindRef): KubeObject => ({
  apiVersion,
  kind,
  ...item,
});

/** `namespace/name`, or `name` of what is not namespaced. */
export const keyOf = ({ metadata: { namespace, name = '' } }: Pick<KubeObject, 'metadata'>): string =>
  namespace ? `${namespace}/${name}` : name;

/** The time as the API writes it where it wants microseconds. */
export const microTime = (date: Date): string => date.toISOString().replace('Z', '000Z');
