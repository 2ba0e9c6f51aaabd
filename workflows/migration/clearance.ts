import type { MigrationEvent, PlanRef, Violation } from '@scc/plan';
import { sentenceOf, stepWords, type WaitReason } from '@scc/plan/words';
import type { MigrationActivities, MigrationOutline } from './contract.js';
import { notAllowed } from './failures.js';
import type { Hold } from './hold.js';
import type { Journal } from './journal.js';
import type { Cleared, NextStep } from './effects.js';
import type { Operator } from './operator.js';
import { pauseBeforeRetry } from './retry.js';
import { announceIfSlow, sleepUntil, waitUntil, waiting } from './waits.js';

const APPROVAL_POLL_MS = [10_000, 60_000, 300_000, 3_600_000];
/** Between two looks for approvals, however often the workflow is woken. */
const APPROVAL_INTERVAL_MS = 1_000;
const FIRST_ASK_MS = 10_000;
const LAST_ASK_MS = 600_000;

interface Wait {
  reason: WaitReason;
  message: string;
}

interface Parts {
  ref: PlanRef;
  act: MigrationActivities;
  journal: Journal;
  operator: Operator;
  hold: Hold;
}

/** May the next step run now? Pauses, windows, approvals and governance's word. */
export class Clearance {
  constructor(private readonly parts: Parts) {}

  /**
   * @returns whether it took its time, and whether the plan has to be judged again before it is asked again
   * @throws ApplicationFailure when governance will not allow the step.
   */
  async clear(
    { step, detail, contentHash }: NextStep,
    watch?: { target: MigrationOutline; weight: number },
  ): Promise<Cleared> {
    const { ref, act, journal, operator } = this.parts;
    let waited = operator.held() !== null;
    let told: Wait | null = null;
    for (let turn = 1; ; turn++) {
      await this.whileHeld(watch);
      const message = 'governance does not answer: the migration holds where it is';
      const answer = await announceIfSlow(this.record, { reason: 'Governance', message }, () =>
        act.authorizeStep(ref, { step, contentHash, detail }),
      );
      journal.noteCheckpoint(answer.checkpoint);
      if (answer.allowed) {
        if (told) this.record({ type: 'WaitEnded', reason: told.reason });
        return { waited };
      }
      if (answer.retryAtMs === null)
        throw notAllowed(`governance does not allow ${stepWords(step)} (${detail}): ${answer.reason}`);
      if (answer.waitsFor === 'Evaluation' && step === 'Prepare') {
        if (told) this.record({ type: 'WaitEnded', reason: told.reason });
        await sleepUntil(answer.retryAtMs, () => false);
        return { waited: true, outdated: true };
      }
      waited = true;
      const reason = answer.waitsFor === 'Evaluation' ? undefined : answer.waitsFor;
      told = this.tell(told, { reason: reason ?? 'Window', message: answer.reason });
      // Asking again and again for days would fill the history.
      const pauseMs = turn === 1 ? 0 : pauseBeforeRetry(turn - 1, FIRST_ASK_MS, LAST_ASK_MS);
      const seen = operator.wakeUpCount();
      await sleepUntil(Math.max(answer.retryAtMs, Date.now() + pauseMs), () => operator.wakeUpCount() !== seen);
    }
  }

  /** Says what governance has the migration wait for, where that is not what was said before. */
  private tell(before: Wait | null, now: Wait): Wait {
    if (before?.reason === now.reason && before.message === now.message) return before;
    if (before && before.reason !== now.reason) this.record({ type: 'WaitEnded', reason: before.reason });
    this.record({ type: 'WaitStarted', ...now });
    return now;
  }

  async awaitStart(notBeforeMs: number | null): Promise<void> {
    if (notBeforeMs === null || notBeforeMs <= Date.now()) return;
    const message = `may start at ${new Date(notBeforeMs).toISOString()}`;
    await waiting(this.record, { reason: 'Window', message }, async () => {
      while (Date.now() < notBeforeMs) await sleepUntil(notBeforeMs, () => false);
    });
  }

  async awaitApproval(roles: { role: string; count: number }[]): Promise<Violation | null> {
    const { ref, act, operator } = this.parts;
    const requested: MigrationEvent = { type: 'ApprovalRequested', roles };
    this.record(requested);
    return waiting(this.record, { reason: 'Approval', message: sentenceOf(requested) }, async () => {
      for (let turn = 0; ; turn++) {
        const seen = operator.wakeUpCount();
        const answer = await act.approvalState(ref);
        if (answer.status === 'granted') {
          this.record({ type: 'ApprovalGranted', by: answer.by });
          return null;
        }
        if (answer.status === 'refused') {
          this.record({ type: 'ApprovalRefused', reason: answer.message });
          return approvalRefused(answer.message);
        }
        await waitUntil(() => false, APPROVAL_INTERVAL_MS);
        const pollMs = APPROVAL_POLL_MS[Math.min(turn, APPROVAL_POLL_MS.length - 1)] ?? APPROVAL_INTERVAL_MS;
        await waitUntil(() => operator.wakeUpCount() !== seen, pollMs);
      }
    });
  }

  private readonly record: Journal['record'] = (event) => this.parts.journal.record(event);

  /** While held, the gates go on being watched when requests are on the canary: a pause is no blind spot. */
  private async whileHeld(watch?: { target: MigrationOutline; weight: number }): Promise<void> {
    const { operator, hold } = this.parts;
    const held = operator.held();
    if (!held) return;
    await waiting(this.record, held, async () => {
      while (operator.held()) {
        if (watch && watch.weight > 0) await hold.watchWhile(watch, () => operator.held() !== null);
        else await waitUntil(() => operator.held() === null);
      }
    });
  }
}

const approvalRefused = (message: string): Violation => ({
  code: 'ApprovalRefused',
  field: 'spec',
  message: `not approved: ${message}`,
  remedy: 'Change the plan or its justification and apply it under a new name.',
});
