import type { GateSample, MigrationEvent, PlanStatus, Violation } from '@scc/plan';
import type { CommandName, PlanRef, Step, WaitReason } from '@scc/plan/words';
import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import { defaultActivities, patientActivities, undoActivities } from './activities.js';
import type { CommandInput, CommandOutcome, LiveSettings, MigrationTarget } from './contract.js';
import { undoStarted, type StopRequest } from './decide.js';
import { watchGates } from './gate-watch.js';
import { describeFailure, notAllowed } from './failures.js';
import { Journal } from './journal.js';
import type { Effects } from './migrate.js';

const SILENCE_MS = 5_000;
const APPROVAL_POLL_MS = [10_000, 60_000, 300_000, 3_600_000];
const PAUSED_WATCH_MS = 3_600_000;
const UNDO_RETRY_MS = 15_000;
const FIRST_ASK_MS = 5_000;
const LAST_ASK_MS = 600_000;

/** Everything that time and operators do to one migration: commands, pauses, windows, approvals, holds. */
export class MigrationHost {
  private readonly journal: Journal;
  private readonly body = new CancellationScope();
  private paused = false;
  private skipRequested = false;
  private wakeUps = 0;
  private undoing = false;
  private finishing = false;
  private stop: StopRequest = null;
  private settings: LiveSettings | null = null;
  private differences: string[] = [];
  private contentHash = '';

  constructor(private readonly ref: PlanRef) {
    this.journal = new Journal(ref);
  }

  /** Runs the body so that an abort or a deletion of the plan stops it, and the undo that follows is out of reach. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    return this.journal.keptWhile(() => this.body.run(body));
  }

  begin(settings: LiveSettings): void {
    this.settings ??= settings;
  }

  bind(contentHash: string): void {
    this.contentHash = contentHash;
  }

  status(): PlanStatus {
    return this.journal.status();
  }

  record(event: MigrationEvent): void {
    this.journal.record(event);
  }

  nameWorkload(workload: string): void {
    this.journal.nameWorkload(workload);
  }

  /** Ends a migration that was stopped before anything was touched. */
  recordUntouched(error: unknown): void {
    if (!this.undoing) this.record(undoStarted(this.stop ?? this.deletionStop(), describeFailure(error)));
    this.record({ type: 'UndoFinished', differences: this.differences });
  }

  async command(name: CommandName, source: 'signal' | 'update', input: CommandInput = {}): Promise<CommandOutcome> {
    const verdict = await CancellationScope.nonCancellable(() =>
      defaultActivities.checkCommand(this.ref, { command: name, source, input }),
    );
    if (!verdict.allowed) return { applied: false, reason: verdict.reason };
    const refusal = this.refusal(name);
    if (refusal !== null) return { applied: false, reason: refusal };
    if (name !== 'approve')
      this.record({
        type: 'CommandApplied',
        command: name,
        actor: input.actor ?? null,
        reason: input.reason ?? null,
      });
    this.apply(name, input);
    return { applied: true, reason: verdict.reason };
  }

  /** Why the command makes no sense now, or null. */
  refusal(name: CommandName): string | null {
    if (this.journal.isOver()) return 'the migration is over';
    if (this.undoing) return 'the migration is being rolled back';
    if (this.finishing && name !== 'approve')
      return 'the workload serves everything under the target SCC already; apply a plan in the other direction instead';
    if (name === 'resume' && !this.paused) return 'the migration is not paused';
    if (name === 'pause' && this.paused) return 'the migration is paused already';
    return null;
  }

  async planChanged(generation: number): Promise<void> {
    if (this.settings && generation <= this.settings.generation) return;
    const settings = await CancellationScope.nonCancellable(() => patientActivities.readLiveSettings(this.ref));
    if (settings && settings.generation > (this.settings?.generation ?? 0)) this.settings = settings;
    this.wakeUps++;
  }

  effects(): Effects {
    return {
      act: defaultActivities,
      undo: undoActivities,
      compensation: {
        shielded: (work) => CancellationScope.nonCancellable(work),
        started: (cause) => {
          this.undoing = true;
          this.record(undoStarted(this.stop ?? this.deletionStop(), describeFailure(cause)));
          return Promise.resolve();
        },
        done: (step) => {
          if (step !== 'verification') this.record({ type: 'UndoStepDone', step });
          return Promise.resolve();
        },
        failed: async (step, attempt, error) => {
          const { message } = describeFailure(error);
          this.record({ type: 'UndoStepFailed', step, attempt, message });
          await sleep(UNDO_RETRY_MS, { summary: `undo of ${step} is tried again` });
        },
      },
      record: (event) => this.record(event),
      now: () => Date.now(),
      live: () => this.live(),
      proceed: (step, detail, watch) => this.proceed(step, detail, watch),
      awaitStart: (notBeforeMs) => this.awaitStart(notBeforeMs),
      awaitApproval: (roles) => this.awaitApproval(roles),
      hold: (target, durationMs, weight) => this.hold(target, durationMs, weight),
      beyondUndo: (work) => {
        this.finishing = true;
        return CancellationScope.nonCancellable(work);
      },
      untilDone: (step, work) => this.untilDone(step, work),
      undone: (differences) => void (this.differences = differences),
      attempt: (work) => this.attempt(work),
    };
  }

  private deletionStop(): StopRequest {
    return this.body.consideredCancelled || CancellationScope.current().consideredCancelled
      ? { command: 'delete', actor: null, reason: null }
      : null;
  }

  private live(): LiveSettings {
    if (!this.settings) throw new Error('the plan was not accepted yet');
    return this.settings;
  }

  private apply(name: CommandName, { actor, reason }: CommandInput): void {
    switch (name) {
      case 'approve':
        this.wakeUps++;
        return;
      case 'pause':
        this.paused = true;
        return;
      case 'resume':
        this.paused = false;
        this.wakeUps++;
        return;
      case 'skip':
        this.skipRequested = true;
        return;
      case 'abort':
      case 'rollback':
        this.stop = { command: name, actor: actor ?? null, reason: reason ?? null };
        this.body.cancel();
    }
  }

  private async proceed(
    step: Step,
    detail: string,
    watch?: { target: MigrationTarget; weight: number },
  ): Promise<boolean> {
    let waited = this.isHeld();
    const said: { reason: string | null } = { reason: null };
    for (let turn = 0; ; turn++) {
      await this.whileHeld(watch);
      const answer = await this.orSay('Governance', 'governance does not answer: the migration holds where it is', () =>
        patientActivities.authorizeStep(this.ref, { step, contentHash: this.contentHash, detail }),
      );
      this.journal.sawCheckpoint(answer.checkpoint);
      if (answer.allowed) {
        if (said.reason !== null) this.record({ type: 'WaitEnded', reason: 'Window' });
        return waited;
      }
      if (answer.retryAtMs === null)
        throw notAllowed(`governance does not allow ${step} (${detail}): ${answer.reason}`);
      waited = true;
      if (said.reason !== answer.reason) this.record({ type: 'WaitStarted', reason: 'Window', message: answer.reason });
      said.reason = answer.reason;
      // Asking again and again for days would fill the history.
      const pauseMs = turn === 0 ? 0 : Math.min(FIRST_ASK_MS * 2 ** turn, LAST_ASK_MS);
      await this.sleepUntil(Math.max(answer.retryAtMs, Date.now() + pauseMs));
    }
  }

  private isHeld(): boolean {
    return this.paused || (this.settings?.suspended ?? false);
  }

  /** While held, the gates go on being watched when requests are on the canary: a pause is no blind spot. */
  private async whileHeld(watch?: { target: MigrationTarget; weight: number }): Promise<void> {
    if (!this.isHeld()) return;
    const reason = this.paused ? 'Paused' : 'Suspended';
    await this.waiting(reason, this.paused ? 'paused by an operator' : 'the plan is suspended', async () => {
      while (this.isHeld()) {
        if (!watch || watch.weight === 0) await condition(() => !this.isHeld());
        else await this.watchGates(watch.target, PAUSED_WATCH_MS, watch.weight, () => !this.isHeld());
      }
    });
  }

  private async waiting<T>(reason: WaitReason, message: string, work: () => Promise<T>): Promise<T> {
    this.record({ type: 'WaitStarted', reason, message });
    const result = await work();
    this.record({ type: 'WaitEnded', reason });
    return result;
  }

  /** Runs the work and says so when it takes longer than a few seconds. */
  private async orSay<T>(reason: WaitReason, message: string, work: () => Promise<T>): Promise<T> {
    const state = { said: false };
    const timer = new CancellationScope();
    const silence = timer
      .run(() => sleep(SILENCE_MS))
      .then(() => {
        state.said = true;
        this.record({ type: 'WaitStarted', reason, message });
      })
      .catch((error: unknown) => {
        if (!isCancellation(error)) throw error;
      });
    try {
      return await work();
    } finally {
      timer.cancel();
      await silence;
      if (state.said) this.record({ type: 'WaitEnded', reason });
    }
  }

  private async sleepUntil(timeMs: number): Promise<void> {
    const seen = this.wakeUps;
    const left = timeMs - Date.now();
    if (left > 0) await condition(() => this.wakeUps !== seen, left);
  }

  private async awaitStart(notBeforeMs: number | null): Promise<void> {
    if (notBeforeMs === null || notBeforeMs <= Date.now()) return;
    const message = `may start at ${new Date(notBeforeMs).toISOString()}`;
    await this.waiting('Window', message, async () => {
      while (Date.now() < notBeforeMs) await this.sleepUntil(notBeforeMs);
    });
  }

  private async awaitApproval(roles: { role: string; count: number }[]): Promise<Violation | null> {
    this.record({ type: 'ApprovalRequested', roles });
    const needs = roles.map(({ role, count }) => `${count} × ${role}`).join(', ');
    return this.waiting('Approval', `waits for approval: ${needs}`, async () => {
      for (let turn = 0; ; turn++) {
        const seen = this.wakeUps;
        const answer = await patientActivities.approvalState(this.ref);
        if (answer.status === 'granted') {
          this.record({ type: 'ApprovalGranted', by: answer.by });
          return null;
        }
        if (answer.status === 'refused') {
          this.record({ type: 'ApprovalRefused', reason: answer.message });
          const remedy = 'Change the plan or its justification and apply it under a new name.';
          return {
            code: 'ApprovalRefused',
            field: 'spec',
            message: `not approved: ${answer.message}`,
            remedy,
          };
        }
        const pollMs = APPROVAL_POLL_MS[Math.min(turn, APPROVAL_POLL_MS.length - 1)] ?? SILENCE_MS;
        await condition(() => this.wakeUps !== seen, pollMs);
      }
    });
  }

  private isSkipped(): boolean {
    return this.skipRequested;
  }

  /** An edit of the plan ends a hold early; what is left of the new one follows, with the gates as they are now. */
  private async hold(target: MigrationTarget, durationMs: number | null, weight: number): Promise<GateSample[]> {
    this.skipRequested = false;
    const startMs = Date.now();
    for (;;) {
      const { generation, intervalMs } = this.live();
      const leftMs = Math.max(0, (durationMs ?? intervalMs) - (Date.now() - startMs));
      const isEdited = (): boolean => this.live().generation !== generation;
      const samples = await this.watchGates(target, leftMs, weight, () => this.isSkipped() || isEdited());
      if (this.isSkipped() || !isEdited()) return samples;
    }
  }

  private watchGates(target: MigrationTarget, durationMs: number, weight: number, ended: () => boolean) {
    const request = { target, durationMs, gates: this.live().gates, sinceMs: Date.now(), weight };
    return watchGates(request, { ended, stopped: () => this.body.consideredCancelled });
  }

  private async untilDone<T>(step: string, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const message = `finishing (${step}) failed and is tried again: ${describeFailure(error).message}`;
        await this.waiting('Retry', message, () => sleep(UNDO_RETRY_MS));
      }
    }
  }

  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (isCancellation(error) || this.onFailure !== 'Pause') throw error;
        const { message } = describeFailure(error);
        this.paused = true;
        await this.waiting('AfterFailure', `${message}. Resume to try again, or roll back.`, () =>
          condition(() => !this.paused),
        );
      }
    }
  }

  /** Set from the accepted plan: what a failed step leads to. */
  onFailure: 'Automatic' | 'Pause' = 'Automatic';
}
