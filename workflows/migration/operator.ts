import { COMMANDS, type CommandName, type PlanRef } from '@scc/plan/words';
import {
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  log,
  setHandler,
  sleep,
} from '@temporalio/workflow';
import { activities } from './activities.js';
import type { OperatorState } from './carried.js';
import {
  approvalsChangedSignal,
  approveSignal,
  commandSignal,
  commandUpdate,
  planChangedSignal,
  type CommandInput,
  type CommandOutcome,
  type LiveSettings,
} from './contract.js';
import type { StopCommand } from './decide.js';
import type { Journal } from './journal.js';
import { describeFailure, isWeather } from './failures.js';
import { pauseBeforeRetry, retryUntilDone } from './retry.js';

/** Between two looks at what came as signals: a flood of them costs no more than this rate. */
const SIGNAL_INTERVAL_MS = 1_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 60_000;

/** The sender of a command in words: proven by a token, else only what they say of themselves. */
function senderOf(grantedTo: string | null | undefined, claimed: string | undefined): string | null {
  if (grantedTo === undefined) return claimed ?? null;
  return grantedTo ?? (claimed === undefined ? null : `${claimed} (as they say)`);
}

/**
 * The commands of operators to one migration, and the edits of its plan. Updates are answered; signals of one name that
 * come together are looked at once. Neither carries authority: governance decides on every command.
 */
export class Operator {
  private readonly asked: Map<CommandName, CommandInput>;
  private readonly serving = new CancellationScope({ cancellable: true });
  private editedGeneration: number;
  private paused: boolean;
  private released: boolean;
  private settings: LiveSettings | null;
  private skipRequested = false;
  private stopRequest: StopCommand = null;
  private wakeUps = 0;
  private stage: 'forward' | 'finishing' | 'undoing' = 'forward';

  constructor(
    private readonly ref: PlanRef,
    private readonly journal: Journal,
    private readonly cancelMigration: () => void,
    carried?: OperatorState,
  ) {
    this.paused = carried?.paused ?? false;
    this.released = carried?.released ?? false;
    this.settings = carried?.settings ?? null;
    this.asked = new Map(carried?.asked ?? []);
    this.editedGeneration = carried?.editedGeneration ?? 0;
  }

  /** Takes messages from now on. */
  wire(): void {
    for (const name of COMMANDS) {
      setHandler(commandSignal(name), (input?: CommandInput) => this.ask(name, input ?? {}));
      setHandler(commandUpdate(name), (input?: CommandInput) => this.command(name, 'update', input ?? {}), {
        validator: (_input?: CommandInput) => {
          const refusal = this.refusal(name);
          if (refusal !== null) throw ApplicationFailure.nonRetryable(refusal, 'CommandRefused');
        },
      });
    }
    for (const signal of [approvalsChangedSignal, approveSignal])
      setHandler(signal, () => {
        this.wakeUps++;
      });
    setHandler(planChangedSignal, ({ generation }) => {
      this.editedGeneration = Math.max(this.editedGeneration, generation);
    });
  }

  /** Looks at signals and edits while the migration runs. */
  async servedWhile<T>(work: () => Promise<T>): Promise<T> {
    const served = this.serving.run(() => this.serve());
    try {
      return await work();
    } finally {
      this.serving.cancel();
      await served;
    }
  }

  carried(): OperatorState {
    const { paused, released, settings, editedGeneration } = this;
    return { paused, released, settings, asked: [...this.asked], editedGeneration };
  }

  adopt(settings: LiveSettings): void {
    this.settings ??= settings;
  }

  /** @throws Error before the plan was accepted. */
  live(): LiveSettings {
    if (!this.settings) throw new Error('the plan was not accepted yet');
    return this.settings;
  }

  /** Why no step may begin now, or null. */
  held(): { reason: 'Paused' | 'Suspended'; message: string } | null {
    if (this.paused) return { reason: 'Paused', message: 'paused by an operator' };
    return this.settings?.suspended ? { reason: 'Suspended', message: 'the plan is suspended' } : null;
  }

  pause(): void {
    this.paused = true;
  }

  isPaused(): boolean {
    return this.paused;
  }

  /** Whether undo steps that fail are to be left undone. */
  isReleased(): boolean {
    return this.released;
  }

  /** Whether something was said since `count` that makes it worth looking again. */
  wakeUpCount(): number {
    return this.wakeUps;
  }

  stop(): StopCommand {
    return this.stopRequest;
  }

  enter(stage: 'finishing' | 'undoing'): void {
    this.stage = stage;
  }

  isSkipped(): boolean {
    return this.skipRequested;
  }

  clearSkip(): void {
    this.skipRequested = false;
  }

  /** The last one of a name counts, and its place is after everything that came before it. */
  private ask(name: CommandName, input: CommandInput): void {
    this.asked.delete(name);
    this.asked.set(name, input);
  }

  /** Why the command makes no sense now, or null. */
  private refusal(name: CommandName): string | null {
    if (this.journal.isOver()) return 'the migration is over';
    if (name === 'release') return this.stage === 'undoing' ? null : 'only a rollback can be released; roll back first';
    if (this.stage === 'undoing') return 'the migration is being rolled back';
    if (this.stage === 'finishing')
      return 'the workload serves everything under the target SCC already; apply a plan in the other direction instead';
    if (name === 'resume' && !this.paused) return 'the migration is not paused';
    if (name === 'pause' && this.paused) return 'the migration is paused already';
    return null;
  }

  private async command(
    command: CommandName,
    source: 'signal' | 'update',
    input: CommandInput,
  ): Promise<CommandOutcome> {
    const verdict = await CancellationScope.nonCancellable(() =>
      activities.checkCommand(this.ref, { command, source, input }),
    );
    if (!verdict.allowed) return { applied: false, reason: verdict.reason };
    const refusal = this.refusal(command);
    if (refusal !== null) return { applied: false, reason: refusal };
    const { reason = null } = input;
    const actor = senderOf(verdict.grantedTo, input.actor);
    this.journal.record({ type: 'CommandApplied', command, actor, reason });
    // A command that came before this answer, and would now turn it back, is out of date.
    if (source === 'update') for (const earlier of ['pause', 'resume'] as const) this.asked.delete(earlier);
    this.apply(command, { actor, reason });
    return { applied: true, reason: verdict.reason };
  }

  private apply(command: CommandName, by: { actor: string | null; reason: string | null }): void {
    switch (command) {
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
      case 'release':
        this.released = true;
        this.wakeUps++;
        return;
      case 'abort':
      case 'rollback':
        this.stopRequest = { command, ...by };
        this.cancelMigration();
    }
  }

  private async serve(): Promise<void> {
    try {
      for (;;) {
        await condition(() => this.asked.size > 0 || this.isEdited());
        if (this.isEdited()) await untilAnswered(() => this.readSettings());
        const [next] = this.asked;
        if (!next) continue;
        const [name, input] = next;
        this.asked.delete(name);
        if (this.refusal(name) !== null) continue;
        await untilAnswered(() => this.command(name, 'signal', input));
        await condition(() => false, SIGNAL_INTERVAL_MS);
      }
    } catch (error) {
      if (!isCancellation(error)) throw error;
    }
  }

  private isEdited(): boolean {
    return this.settings !== null && this.editedGeneration > this.settings.generation;
  }

  private async readSettings(): Promise<void> {
    const settings = await activities.readLiveSettings(this.ref);
    const generation = this.editedGeneration;
    // A plan that is gone, or that cannot be read, leaves the settings as they are.
    if (!settings || settings.generation < generation) this.editedGeneration = this.settings?.generation ?? 0;
    // The same generation again: what governance held back of it may be in force by now.
    if (settings && settings.generation >= (this.settings?.generation ?? 0)) this.settings = settings;
    this.wakeUps++;
  }
}

/** A signal has no caller to tell: faults are waited out, and a final no is for the log. */
async function untilAnswered(work: () => Promise<unknown>): Promise<void> {
  try {
    await retryUntilDone(work, async (attempt, error) => {
      if (!isWeather(error)) throw error;
      await sleep(pauseBeforeRetry(attempt, FIRST_RETRY_MS, LONGEST_RETRY_MS));
    });
  } catch (error) {
    if (isCancellation(error)) throw error;
    log.warn('a signal had no effect', { error: describeFailure(error).message });
  }
}
