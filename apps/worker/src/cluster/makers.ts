import type { KubeClient, KubeObject } from '@scc/kube';
import { z } from 'zod';
import { listServed, type Looked } from './served.js';

/** Objects of a namespace that make pods of a template, whether they have any now or not. */

interface MakerKind {
  group: string;
  versions: readonly string[];
  kind: string;
}
const makerKind = (group: string, kind: string, version = 'v1'): MakerKind => ({ group, versions: [version], kind });

/**
 * Kinds whose templates make pods; a pod that does not run now may be made from one tonight. Those that not every cluster
 * serves are among what a scan reads.
 */
const MAKERS: readonly MakerKind[] = [
  makerKind('apps', 'Deployment'),
  makerKind('apps', 'StatefulSet'),
  makerKind('apps', 'DaemonSet'),
  makerKind('apps', 'ReplicaSet'),
  makerKind('batch', 'Job'),
  makerKind('batch', 'CronJob'),
  makerKind('', 'ReplicationController'),
  makerKind('apps.openshift.io', 'DeploymentConfig'),
  makerKind('argoproj.io', 'Rollout', 'v1alpha1'),
  makerKind('serving.knative.dev', 'Service'),
];
/** What these make of their template is a maker itself, of which they have old ones as well. */
const MAKERS_OF_MAKERS: ReadonlySet<string> = new Set(['Deployment', 'DeploymentConfig', 'Rollout']);

const templateSchema = z.looseObject({
  metadata: z
    .looseObject({
      labels: z.record(z.string(), z.string()).nullish(),
      annotations: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
  spec: z.looseObject({ serviceAccountName: z.string().default('default') }),
});
const makerSchema = z.looseObject({
  spec: z.looseObject({
    template: templateSchema.nullish(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template: templateSchema }) }).optional(),
  }),
});

/** The objects of a namespace that make pods, and which of their kinds the worker may not list. */
export async function readMakers(kube: Pick<KubeClient, 'list'>, namespace: string): Promise<Looked> {
  const looked = await Promise.all(
    MAKERS.map(async (kind) => {
      const { objects, unread } = await listServed(kube, kind, namespace);
      return { unread, objects: objects.map((object) => ({ ...object, kind: kind.kind })) };
    }),
  );
  return { objects: looked.flatMap(({ objects }) => objects), unread: looked.flatMap(({ unread }) => unread) };
}

/** The template of which an object makes pods, where it has one; `isKnown` is false for one in another form. */
export function madeBy(maker: KubeObject): { template?: z.infer<typeof templateSchema> | undefined; isKnown: boolean } {
  const parsed = makerSchema.safeParse(maker).data;
  return { template: parsed?.spec.template ?? parsed?.spec.jobTemplate?.spec.template, isKnown: parsed !== undefined };
}

/**
 * Answers who made an object, and who made that one, the nearest first. What makes itself is said by nobody but a forger.
 */
export function ownersAmong(makers: readonly KubeObject[]): (object: KubeObject) => KubeObject[] {
  const byUid = new Map(makers.map((one) => [one.metadata.uid ?? '', one]));
  const above = ({ metadata }: KubeObject, below: readonly KubeObject[]): KubeObject[] => {
    const uid = metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
    const maker = byUid.get(uid ?? '');
    return maker && !below.includes(maker) ? above(maker, [...below, maker]) : [...below];
  };
  return (object) => above(object, []);
}

/** Whether something is one of those that its maker has for its templates, by who is above it. */
export const isOldOfMaker = (above: readonly KubeObject[]): boolean =>
  above.some(({ kind }) => MAKERS_OF_MAKERS.has(kind));
