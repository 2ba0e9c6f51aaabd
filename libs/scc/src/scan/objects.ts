import { z } from 'zod';

const ownerSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string().nullish(),
  controller: z.boolean().nullish(),
});

/** Any object of a cluster, from its API or from a file. */
export const clusterObjectSchema = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string().nullish(),
    uid: z.string().nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
    ownerReferences: z.array(ownerSchema).nullish(),
  }),
});
export type ClusterObject = z.infer<typeof clusterObjectSchema>;
export type OwnerReference = z.infer<typeof ownerSchema>;

/** Something that could not be read: a row of the report, never the end of a scan. */
export interface Unreadable {
  /** Where it is: a file with the number of its document, a kind of the API, or an object. */
  readonly source: string;
  readonly reason: string;
}

export const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';

/** `Deployment shop/orders` */
export const labelOf = ({ kind, metadata }: ClusterObject): string =>
  `${kind} ${metadata.namespace ? `${metadata.namespace}/` : ''}${metadata.name}`;

/** The identity of an object among those of one cluster; versions of one API group are the same object. */
export const objectKeyOf = (apiVersion: string, kind: string, namespace: string, name: string): string =>
  [groupOf(apiVersion), kind, namespace, name].join('|');

/** The owner that manages an object, or null. */
export const controllerOf = ({ metadata }: ClusterObject): OwnerReference | null =>
  metadata.ownerReferences?.find(({ controller }) => controller === true) ?? null;
