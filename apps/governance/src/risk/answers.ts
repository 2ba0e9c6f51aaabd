import { riskBandSchema } from '@scc/plan';
import { signalsSchema } from '@scc/risk';
import { z } from 'zod';

const time = z.iso.datetime();

export const modelsSchema = z.object({
  champion: z.int().nullable().describe('The model that assesses; null before anything was assessed.'),
  challenger: z.int().nullable(),
  contest: z
    .object({
      outcomes: z.int(),
      logE: z.number().describe('Natural logarithm of the e-value: ln 20 or more speaks for the challenger.'),
      captureChampion: z.number().nullable(),
      captureChallenger: z.number().nullable(),
      obstacles: z.array(z.string()).describe('Empty when a person may promote the challenger.'),
    })
    .nullable(),
  items: z.array(
    z.object({
      id: z.int(),
      parent: z.int().nullable(),
      kind: z.enum(['fixed', 'learned']),
      trainedTo: z.int().nullable(),
      createdAt: time,
      weights: z.array(z.number()).describe('The bias, then one weight per factor.'),
      deviations: z.array(z.number()),
      blastScale: z.number(),
      reference: z.array(z.number()),
      evidence: z.object({
        outcomes: z.int(),
        effective: z.number(),
        from: z.string().nullable(),
        to: z.string().nullable(),
      }),
    }),
  ),
  promotions: z.array(
    z.object({
      id: z.int(),
      model: z.int(),
      previous: z.int().nullable(),
      reason: z.string(),
      promotedBy: z.string(),
      promotedAt: time,
    }),
  ),
});

const interval = z.tuple([z.number(), z.number()]);
export const assessmentSchema = z.object({
  id: z.string(),
  planUid: z.string(),
  workload: z.object({ namespace: z.string(), kind: z.string(), name: z.string() }),
  sourceSCC: z.string().nullable(),
  targetSCC: z.string(),
  assessedAt: time,
  model: z.int(),
  band: riskBandSchema,
  raisedBy: z.enum(['changeRisk', 'exposure', 'both']),
  changeRisk: z.number(),
  interval,
  exposure: z.number(),
  logOdds: z.number().describe('usualLogOdds and all contributions add up to it.'),
  usualLogOdds: z.number().describe('Of a usual plan, by the same model.'),
  unknown: z.array(z.string()),
  factors: z.array(
    z.object({
      factor: z.string(),
      x: z.number(),
      reference: z.number(),
      contribution: z.number(),
      words: z.string(),
    }),
  ),
  cheapestChange: z.string().nullable(),
  signals: signalsSchema,
  challenger: z.object({ model: z.int(), changeRisk: z.number().nullable() }).nullable(),
  outcome: z.object({ label: z.enum(['failed', 'succeeded', 'excluded']), reason: z.string() }).nullable(),
  replay: z.object({ identical: z.boolean(), differences: z.array(z.string()) }),
});

export const calibrationSchema = z.object({
  model: z.int(),
  status: z.enum(['prior only', 'measured']),
  outcomes: z.int(),
  failures: z.int(),
  measures: z
    .object({
      baseRate: z.number(),
      brier: z.number(),
      murphy: z.object({ reliability: z.number(), resolution: z.number(), uncertainty: z.number() }),
      brierSkill: z.number().nullable(),
      logLoss: z.number(),
      captureAtTenth: z.number().nullable(),
      calibration: z.object({ intercept: z.number(), slope: z.number() }).nullable(),
      spiegelhalterZ: z.number().nullable(),
      reliability: z.array(
        z.object({ count: z.int(), meanProbability: z.number(), failureRate: z.number(), interval }),
      ),
      expectedCalibrationError: z.number().nullable(),
    })
    .nullable(),
  beyondShares: z.int().describe('Outcomes of principals beyond their share, which are in no figure.'),
  excluded: z.array(z.object({ reason: z.string(), count: z.int() })),
  note: z.string(),
});
