import { isDeepStrictEqual } from 'node:util';
import { lastWriter, type KubeClient, type KubeObject, type ObjectId } from '@scc/kube';
import type { MigrationTarget, StoredImage } from '@scc/migration/contract';
import { apiVersionOf, FIELD_MANAGER } from '@scc/plan';
import type { Conflict } from '@scc/routing';
import { podTemplateOf, preImageKeyOf, templatePathOf } from '../cluster/objects.js';
import { terminal } from '../failures.js';

/** The user's own workload as an object, of whatever kind it is. */

export const workloadId = ({ ref, kind, workload }: MigrationTarget): ObjectId => ({
  apiVersion: apiVersionOf(kind),
  kind,
  namespace: ref.namespace,
  name: workload,
});

export const templateOf = (object: KubeObject): unknown => podTemplateOf(object);

/** The pod template in a JSON patch of the workload. */
export const templatePath = ({ kind }: Pick<MigrationTarget, 'kind'>): string => `/${templatePathOf(kind).join('/')}`;

/** @throws ApplicationFailure terminal, when it was deleted or replaced */
export async function readWorkload(kube: KubeClient, target: MigrationTarget): Promise<KubeObject> {
  const object = await kube.get(workloadId(target));
  if (object?.metadata.uid !== target.workloadUid)
    throw terminal('drift', `${target.kind} ${target.workload} was deleted or replaced during the migration`);
  return object;
}

/** The same. @throws ApplicationFailure terminal, when another client has changed the template, too */
export async function readUnchanged(kube: KubeClient, target: MigrationTarget): Promise<KubeObject> {
  const object = await readWorkload(kube, target);
  if (!isDeepStrictEqual(templateOf(object), target.templateAfter)) throw templateChanged(target);
  return object;
}

/** An undo's words on a workload that is not there any more. */
export const gone = ({ kind, workload }: MigrationTarget): Conflict => ({
  object: `${kind} ${workload}`,
  fields: ['metadata.uid'],
  manager: 'an unknown client (it was deleted or replaced)',
});

/** An undo's words on fields that it leaves as another client wrote them; nothing where there are none. */
export const leftAlone = ({ kind, workload }: MigrationTarget, fields: string[], current: KubeObject): Conflict[] =>
  fields.length === 0
    ? []
    : [
        {
          object: `${kind} ${workload}`,
          fields,
          manager: lastWriter(current, FIELD_MANAGER, fields.map(inWorkload(kind))),
        },
      ];

/** Fields of a workload beside its template by which its pods are replaced. */
const OF_WORKLOAD = /^spec\.(replicas|updateStrategy|strategy|minReadySeconds|progressDeadlineSeconds)\b/;

/** A field of the template, or of the workload itself, as the workload has it. */
const inWorkload =
  (kind: MigrationTarget['kind']) =>
  (field: string): string =>
    OF_WORKLOAD.test(field) ? field : `${templatePathOf(kind).join('.')}.${field}`;

/**
 * Whether the template is still to be changed; false when it is as it shall be.
 * @throws ApplicationFailure terminal, when another client has changed it
 */
export function isToBeMigrated(current: KubeObject, target: MigrationTarget): boolean {
  const template = templateOf(current);
  if (isDeepStrictEqual(template, target.templateAfter)) return false;
  if (isDeepStrictEqual(template, target.templateBefore)) return true;
  throw templateChanged(target);
}

export const templateChanged = ({ workload }: MigrationTarget) =>
  terminal('drift', `another client changed the pod template of ${workload} during the migration`);

/** Makes a JSON patch fail, instead of overwriting, when another client changed the template meanwhile. */
export const templateTests = (target: MigrationTarget, current: KubeObject) => [
  { op: 'test', path: '/metadata/uid', value: target.workloadUid },
  { op: 'test', path: templatePath(target), value: templateOf(current) },
];

/** The workload as it was before the migration. @throws Error when it was not recorded */
export function workloadBefore(images: readonly StoredImage[], target: MigrationTarget): KubeObject {
  const image = images.find(({ key }) => key === preImageKeyOf(workloadId(target)));
  if (!image?.manifest) throw new Error(`no pre-image of ${target.kind} ${target.workload} was recorded`);
  return image.manifest as KubeObject;
}
