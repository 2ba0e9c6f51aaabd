import { PLAN_TYPE } from '@scc/plan/words';
import type { ScanRow } from './report.js';

const SUFFIX = '-dry-run';
/** Names of objects have at most so many characters. */
const MAX_NAME = 253;

/** A plan as its author writes it. */
export interface PlanText {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: {
    dryRun?: true;
    workloadRef: { apiVersion: string; kind: string; name: string };
    sourceSCC?: string;
    targetSCC: string | null;
    podSecurity: { mode: 'Apply' };
  };
}

type PlannedRow = Pick<ScanRow, 'apiVersion' | 'kind' | 'namespace' | 'name' | 'target' | 'current'>;

/**
 * The plan that moves a row's workload.
 * @param options.dryRun the plan only says what it would do; it has a name of its own, so that both can stand beside
 * each other
 */
export const planForRow = (
  { apiVersion, kind, namespace, name, target, current }: PlannedRow,
  { dryRun = false }: { dryRun?: boolean } = {},
): PlanText => ({
  ...PLAN_TYPE,
  metadata: { name: dryRun ? `${name.slice(0, MAX_NAME - SUFFIX.length)}${SUFFIX}` : name, namespace },
  spec: {
    ...(dryRun ? { dryRun } : {}),
    workloadRef: { apiVersion, kind, name },
    ...(current === null ? {} : { sourceSCC: current }),
    targetSCC: target,
    podSecurity: { mode: 'Apply' },
  },
});
