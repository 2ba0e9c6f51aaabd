import { hashOf } from '@scc/audit';
import type { GuardedActivity } from '@scc/governance-api';
import { isRecord } from '@scc/plan';
import type { MigrationActivities, MigrationOutline, MigrationTarget, StoredImage } from '@scc/migration/contract';
import { z } from 'zod';

/** Activities that put back what was there before, or compare with it. */
type Restoring = 'restoreRoutes' | 'restoreWorkload' | 'restoreSourceGrant' | 'compareWithPreImages';

type OnTarget<Activity, Needs extends unknown[]> = Activity extends (
  outline: MigrationOutline,
  ...rest: infer Rest
) => infer Result
  ? (target: MigrationTarget, ...rest: [...Needs, ...Rest]) => Result
  : never;

/** The activities on the whole target, as governance hands it to the ones that it lets begin. */
export type TargetActivities = {
  [Name in Exclude<GuardedActivity, Restoring | 'recordPreImages' | 'grantTarget'>]: OnTarget<
    MigrationActivities[Name],
    []
  >;
} & {
  /** @param mayGrant whether a grant may be made; otherwise only one that is there is used. */
  grantTarget: OnTarget<MigrationActivities['grantTarget'], [mayGrant: boolean]>;
} & {
  [Name in Restoring]: OnTarget<MigrationActivities[Name], [images: StoredImage[]]>;
} & { recordPreImages: (target: MigrationTarget) => Promise<StoredImage[]> };

/** A target as it was kept: written by this worker alone, so that its shape is known by its identity. */
export const recordedTarget = (kept: unknown): MigrationTarget =>
  z
    .custom<MigrationTarget>((value) => isRecord(value) && 'workloadUid' in value && 'templateAfter' in value)
    .parse(kept);

/** The same for a target before and after it went through JSON. */
const targetHash = (target: MigrationTarget): string => hashOf(z.json().parse(JSON.parse(JSON.stringify(target))));

/** What Temporal may hold of a target. */
export function outlineOf(target: MigrationTarget, way: MigrationOutline['way'] = 'forward'): MigrationOutline {
  const { ref, kind, strategy, workload, workloadUid, canary, replicas, sourceSCC, targetSCC } = target;
  return {
    ...{ ref, kind, workload, workloadUid, canary, replicas, sourceSCC, targetSCC },
    ...(strategy ? { strategy } : {}),
    services: target.services.map(({ name }) => name),
    targetHash: targetHash(target),
    way,
    ...(target.owners ? { stopped: true as const } : {}),
    ...(target.after ? { after: target.after } : {}),
  };
}

/** The target without the templates, which governance knows from the question about the plan. */
export function withoutTemplates(target: MigrationTarget): Record<string, unknown> {
  const { templateBefore: _before, templateAfter: _after, ...rest } = target;
  return rest;
}
