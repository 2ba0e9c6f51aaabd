import { calibrationReport, type CalibrationReport, withinShares } from '@scc/risk';
import { z } from 'zod';
import { Refusal } from '../refusal/refusal.js';
import { type Database, rowsOf } from '../database/rows.js';
import { findModel, findModelsInForce } from './models.js';

/** Said to readers of figures, so that they are not taken for more than they are. */
const NOTE =
  'Only migrations that ran and ended are counted: plans that were refused, aborted by people or hit by a failure of the platform teach nothing about the rest.';

export interface CalibrationAnswer extends CalibrationReport {
  model: number;
  /** Outcomes of principals beyond their share, which are in no figure. */
  beyondShares: number;
  excluded: { reason: string; count: number }[];
  note: string;
}

/**
 * Holds what a model said as champion against what happened.
 * @param model the champion when null.
 */
export async function calibrationOf(db: Database, model: number | null): Promise<CalibrationAnswer> {
  const id = model === null ? (await findModelsInForce(db))?.champion.id : (await findModel(db, model)).id;
  if (id === undefined) throw new Refusal('notFound', 'nothing was assessed yet');
  const scored = await rowsOf(
    db,
    z.object({ probability: z.number(), failed: z.boolean(), principal: z.string() }),
    `select a.change_risk as probability, o.label = 'failed' as failed, o.principal
     from risk_outcome o join risk_assessment a on a.id = o.assessment
     where a.model = $1 and o.label <> 'excluded' order by o.id desc limit 10000`,
    [id],
  );
  const counted = withinShares(scored);
  const beyondShares = scored.length - counted.length;
  const excluded = await rowsOf(
    db,
    z.object({ reason: z.string(), count: z.int() }),
    `select reason, count(*)::int as count from risk_outcome where label = 'excluded' group by reason order by 2 desc, 1`,
  );
  return { model: id, ...calibrationReport(counted), beyondShares, excluded, note: NOTE };
}
