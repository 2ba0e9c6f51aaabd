import type { KubeObject } from '@scc/kube';
import {
  canaryAnnotations,
  PLAN_LABEL,
  PLAN_UID_ANNOTATION,
  planLabelValue,
  type PlanRef,
  snapshotName,
} from '@scc/plan';
import { z } from 'zod';

/** Snapshots of volumes, which outlive the plan that takes them. */

export const SNAPSHOT_TYPE = { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot' } as const;

const statusSchema = z.looseObject({
  status: z
    .looseObject({
      readyToUse: z.boolean().nullish(),
      error: z.looseObject({ message: z.string().default('') }).nullish(),
    })
    .nullish(),
});

/** The snapshot of one claim. */
export const snapshotOf = (ref: PlanRef, claim: string, className: string | undefined): KubeObject => ({
  ...SNAPSHOT_TYPE,
  metadata: {
    namespace: ref.namespace,
    name: snapshotName(ref.name, claim),
    labels: { [PLAN_LABEL]: planLabelValue(ref.name) },
    annotations: { ...canaryAnnotations(ref.name), [PLAN_UID_ANNOTATION]: ref.uid },
  },
  spec: {
    ...(className === undefined ? {} : { volumeSnapshotClassName: className }),
    source: { persistentVolumeClaimName: claim },
  },
});

export const isSnapshotOf = ({ metadata }: KubeObject, { uid }: PlanRef): boolean =>
  metadata.annotations?.[PLAN_UID_ANNOTATION] === uid;

/** What a snapshot waits for; null where it can be used. */
export function lackOfSnapshot(snapshot: KubeObject): string | null {
  const { status } = statusSchema.parse(snapshot);
  if (status?.readyToUse === true) return null;
  return status?.error?.message ?? 'it is not ready to use yet';
}
