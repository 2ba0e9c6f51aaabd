import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import {
  continueAsNew,
  ParentClosePolicy,
  patched,
  sleep,
  startChild,
  workflowInfo,
  WorkflowIdReusePolicy,
} from '@temporalio/workflow';
import { patientActivities } from './activities.js';
import { afterWorkflowIdOf, LOOKED_AFTER_MS, type AfterInput, type MigrationOutline } from './contract.js';
import { describeFailure } from './failures.js';

/** The change of code since which the first run asks governance's record. */
const ASKS_RECORD = 'after-asks-record';
/** Between two looks, in milliseconds. */
const SHORTEST_LOOK_MS = 500;
const LONGEST_LOOK_MS = 300_000;

/** Has a workload looked after by a workflow of its own, which outlives this one. */
export async function lookAfterwards(target: MigrationOutline): Promise<void> {
  try {
    await startChild(afterWorkflow, {
      workflowId: afterWorkflowIdOf(target.ref),
      args: [{ target }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      // A migration that is reset looks after its workload once.
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
      staticSummary: `${target.ref.namespace}/${target.ref.name}: does the change last?`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

type Course = NonNullable<AfterInput['carried']>;

const revokeMsOf = ({ after }: MigrationOutline): number | null => after?.revokeMs ?? null;

const endOf = (target: MigrationOutline, sinceMs: number): number =>
  sinceMs + (revokeMsOf(target) ?? 0) + LOOKED_AFTER_MS;

interface Work {
  target: MigrationOutline;
  course: Course;
}

/**
 * The work as governance has recorded it, whatever an earlier workflow of this name did and Temporal has forgotten: no
 * grant is revoked twice, and none is left for ever. Null where there is nothing to do.
 */
async function workOf({ ref, target, carried }: AfterInput): Promise<Work | null> {
  const isNextRun = workflowInfo().continuedFromExecutionRunId !== undefined;
  if (target && (isNextRun || !patched(ASKS_RECORD)))
    return { target, course: carried ?? { sinceMs: null, endMs: endOf(target, Date.now()), revoked: false } };
  const plan = ref ?? target?.ref;
  const record = plan ? await patientActivities.recordedAfterwards(plan) : null;
  if (!record) return null;
  const { endedMs, revoked } = record;
  const course = { sinceMs: carried?.sinceMs ?? null, endMs: endOf(record.target, endedMs), revoked };
  return { target: record.target, course };
}

/** The time begins again whenever the change was taken back, and when governance finds that it is too early. */
async function judge(course: Course, target: MigrationOutline, isLasting: boolean): Promise<void> {
  const revokeMs = revokeMsOf(target);
  course.sinceMs = isLasting ? (course.sinceMs ?? Date.now()) : null;
  if (revokeMs === null || course.revoked || course.sinceMs === null) return;
  if (Date.now() - course.sinceMs < revokeMs) return;
  course.revoked = await isRevoked(target);
  if (!course.revoked) course.sinceMs = null;
}

const isOver = ({ endMs, revoked }: Course, target: MigrationOutline): boolean =>
  Date.now() >= endMs && (revoked || revokeMsOf(target) === null);

/**
 * Looks after a workload whose migration is over: says who takes the change back, and revokes the source grant once the
 * change has lasted without a break. Only the plan's conditions are written from here; its phase stays `Completed`.
 */
export async function afterWorkflow(input: AfterInput): Promise<string> {
  const work = await workOf(input);
  if (!work) return 'governance has recorded nothing to look after';
  const { target, course } = work;
  const often = (revokeMsOf(target) ?? LONGEST_LOOK_MS) / 10;
  const lookMs = Math.max(SHORTEST_LOOK_MS, Math.min(LONGEST_LOOK_MS, often));
  for (;;) {
    const look = await patientActivities.lookAfter(target.ref);
    if (look === 'over') return 'nothing is left to look after';
    await judge(course, target, look === 'lasting');
    if (isOver(course, target)) return 'the change has lasted';
    if (workflowInfo().continueAsNewSuggested) return continueAsNew<typeof afterWorkflow>({ target, carried: course });
    await sleep(lookMs, { summary: 'until the next look' });
  }
}

/** Governance refuses a revocation that comes too early; the change then has to last once more. */
async function isRevoked(target: MigrationOutline): Promise<boolean> {
  try {
    await patientActivities.revokeLater(target);
    return true;
  } catch (error) {
    if (describeFailure(error).type !== 'Refused') throw error;
    return false;
  }
}
