import { fitsWorkload, STRATEGIES, type Strategy, strategyOf } from '@scc/plan';
import { z } from 'zod';
import type { Database } from '../database/rows.js';
import type { StoredEvaluation } from '../plans/store.js';
import { PreImageEntity } from './pre-image.entity.js';

/** The image under which the target of a migration is kept, beside the objects as they were. */
export const TARGET_KEY = 'target';

/** Everything that the engine works on: its own words of the evaluation, with the templates that were judged. */
export const evaluatedTarget = ({ request: { target, facts } }: StoredEvaluation): Record<string, unknown> => ({
  ...target,
  templateBefore: facts.podTemplate,
  templateAfter: facts.patchedTemplate,
});

/** How the workload that was judged is moved; what has no strategy is never begun, in whatever order. */
export function judgedStrategy(evaluation: StoredEvaluation | null): Strategy {
  if (!evaluation) return 'Canary';
  const { target, spec, facts } = evaluation.request;
  const { kind } = spec.workloadRef;
  const { strategy = strategyOf(kind).type } = chosenSchema.parse(target);
  return fitsWorkload(kind, strategy, facts.workload.replicas) ? strategy : strategyOf(kind).type;
}

/** Targets of earlier versions name no strategy: a kind had one only. */
const chosenSchema = z.looseObject({ strategy: z.enum(STRATEGIES).optional() });

/** The target as it was when the migration began, or null when it has not. */
export async function targetOf(db: Database, planUid: string): Promise<Record<string, unknown> | null> {
  const image = await db.getRepository(PreImageEntity).findOneBy({ planUid, key: TARGET_KEY });
  return image?.manifest ?? null;
}

/** A target's words on the time after its migration. */
const afterSchema = z.looseObject({ after: z.object({ revokeMs: z.number().nullable() }).optional() });

/** What a target asks for once its migration is over; undefined where it asks for nothing. */
export const keptAfterwards = (target: Record<string, unknown> | null): { revokeMs: number | null } | undefined =>
  afterSchema.parse(target ?? {}).after;
