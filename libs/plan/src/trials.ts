import type { PlanSpec, Violation } from './schema.js';
import { type ChosenStrategy, isDivided, strategyOf } from './strategies.js';

/** A trial needs a copy of the workload beside it, and ends before anything that comes after its routes are prepared. */
export function trialViolations(
  { trial, bake, workloadRef: { kind } }: PlanSpec,
  { type, reason }: ChosenStrategy,
): Violation[] {
  if (trial === undefined) return [];
  if (!isDivided(type))
    return [
      {
        code: 'TrialNeedsCanary',
        field: 'spec.trial',
        message: `a trial watches a canary, and a ${kind} that is moved by ${type} has no copy beside it: ${reason}`,
        remedy: 'Leave spec.trial out; sccctl plan lint and dryRun show what would change.',
      },
    ];
  if (bake === undefined) return [];
  return [
    {
      code: 'TrialNeedsCanary',
      field: 'spec.bake',
      message: 'a trial migrates nothing that could be watched afterwards',
      remedy: 'Leave spec.bake or spec.trial out.',
    },
  ];
}

/** The same by what a plan says, before anything of its workload is known. */
export function trialsAreOfCanaries(spec: PlanSpec): Violation[] {
  const chosen = strategyOf(spec.workloadRef.kind);
  return trialViolations(spec, spec.strategy?.type ? { ...chosen, type: spec.strategy.type } : chosen);
}

/** A bake watches pods that serve all the time. */
export const bakeNeedsPods = ({ bake, workloadRef: { kind } }: PlanSpec): Violation[] =>
  bake === undefined || strategyOf(kind).type !== 'NextRun'
    ? []
    : [
        {
          code: 'StrategyDoesNotFit',
          field: 'spec.bake',
          message: `a ${kind} has no pod between its runs that could be watched for ${bake}`,
          remedy: 'Leave spec.bake out; spec.grants.revokeAfter keeps the old grant for longer.',
        },
      ];
