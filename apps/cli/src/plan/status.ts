import { setTimeout as delay } from 'node:timers/promises';
import { type PlanStatus, requestsWords, shareText } from '@scc/plan';
import { EXIT } from '../exit.js';
import { fields, table } from '../output.js';
import type { Session } from '../session.js';
import { exitOf } from './ends.js';
import { findPlan, type FoundPlan } from './find.js';

const WATCH_MS = 500;

/** Shows a plan, or follows it until it has ended or cannot complete. @returns 0; with `watch` only when the plan completed. */
export async function status(
  session: Session,
  { namespace, name, watch }: { namespace: string; name: string; watch: boolean },
): Promise<number> {
  let shown = '';
  for (;;) {
    const plan = await findPlan(session, namespace, name);
    const state = JSON.stringify(plan);
    if (state !== shown) show(session, plan, watch && shown !== '');
    shown = state;
    if (!watch) return EXIT.ok;
    const end = exitOf(plan.status.phase);
    if (end !== null) return end;
    await delay(WATCH_MS);
  }
}

function show(session: Session, plan: FoundPlan, isUpdate: boolean): void {
  session.output.show({ ...plan.ref, workload: plan.workload, ...plan.status }, () =>
    isUpdate ? lineOf(plan.status) : textOf(plan),
  );
}

const podsText = ({ pods }: PlanStatus): string | null =>
  pods
    ? `${pods.migrated} of ${pods.total} migrated (${Object.entries(pods.bySCC)
        .map(([scc, number]) => `${scc}: ${number}`)
        .join(', ')})`
    : null;

const rightsText = ({ rights = [] }: PlanStatus): string | null =>
  rights.map(({ right, heldBy }) => `${right}: ${heldBy.join(', ') || 'no author'}`).join('; ') || null;

const shareOf = ({ phase, weight = 0, strategy }: PlanStatus) => ({ phase, weight, strategy: strategy?.type });

const lineOf = (current: PlanStatus): string =>
  [
    new Date().toISOString().slice(11, 23),
    (current.phase ?? 'Pending').padEnd(15),
    shareText(shareOf(current)).padStart(5),
    podsText(current),
    current.message,
  ]
    .filter(Boolean)
    .join('  ');

const indented = (text: string | undefined): string | undefined => text?.trim().replaceAll('\n', '\n      ');

/** Where the requests go; null before anything is known. */
const requestsText = ({ status, isDryRun }: FoundPlan): string | null =>
  status.phase === undefined
    ? null
    : (requestsWords({ ...shareOf(status), isDryRun }) ?? `${status.weight ?? 0} % go to the canary`);

function textOf(plan: FoundPlan): string {
  const { ref, workload, targetSCC, status: current } = plan;
  const { strategy, risk, conditions = [], violations = [], history = [], patch, kustomizePatch } = current;
  const parts = [
    fields([
      ['plan', `${ref.namespace}/${ref.name}`],
      ['workload', workload],
      ['from', current.sourceSCC ?? 'not known yet'],
      ['to', targetSCC],
      ['phase', current.phase ?? 'Pending'],
      ['message', current.message],
      ['strategy', strategy && `${strategy.type}, because ${strategy.reason}`],
      ['requests', requestsText(plan)],
      ['pods', podsText(current)],
      ['risk', risk && `${risk.band}: change ${risk.changeRisk.toFixed(2)}, exposure ${risk.exposure.toFixed(2)}`],
      ['rights', rightsText(current)],
      ['workflow', current.workflowId],
      ['patch', indented(patch)],
      ['for its source', indented(kustomizePatch)],
    ]),
  ];
  if (violations.length > 0)
    parts.push(
      table(
        ['field', 'code', 'what', 'remedy'],
        violations.map(({ field, code, message, remedy }) => [field, code, message, remedy]),
      ),
    );
  if (conditions.length > 0)
    parts.push(
      table(
        ['condition', 'status', 'reason', 'message'],
        conditions.map(({ type, status: value, reason, message }) => [type, value, reason, message]),
      ),
    );
  if (history.length > 0)
    parts.push(
      table(
        ['at', 'phase', 'message'],
        history.map(({ at, phase, message }) => [at, phase, message ?? '']),
      ),
    );
  return parts.join('\n\n');
}
