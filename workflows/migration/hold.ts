import type { GateSample } from '@scc/plan';
import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';
import type { HoldRequest, MigrationActivities, MigrationOutline } from './contract.js';
import type { Operator } from './operator.js';
import { handOverWhenLong, isHistoryLong } from './waits.js';

/** One look of the gates at a pause, in milliseconds: a pause may last for days. */
const PAUSED_WATCH_MS = 3_600_000;

interface Parts {
  act: MigrationActivities;
  operator: Operator;
  /** Whether the whole migration was stopped. */
  isStopped: () => boolean;
}

/** Holds a weight while its gates are watched. */
export class Hold {
  constructor(private readonly parts: Parts) {}

  /**
   * Holds until the time is over or an operator skips the rest. An edit of the plan ends a look early; what is left of
   * the hold follows, with the gates as they are now.
   */
  async run({
    target,
    weight,
    durationMs,
    sinceMs,
    workloadSinceMs,
    partition,
  }: {
    target: MigrationOutline;
    weight: number;
    durationMs: number | null;
    sinceMs: number;
    workloadSinceMs?: number;
    partition?: number;
  }): Promise<GateSample[]> {
    const judged = {
      ...(workloadSinceMs === undefined ? {} : { workloadSinceMs }),
      ...(partition === undefined ? {} : { partition }),
    };
    const { operator } = this.parts;
    operator.clearSkip();
    for (;;) {
      const { generation, intervalMs } = operator.live();
      const leftMs = Math.max(0, (durationMs ?? intervalMs) - (Date.now() - sinceMs));
      const isEdited = (): boolean => operator.live().generation !== generation;
      const samples = await this.watch({ target, weight, ...judged }, leftMs, () => operator.isSkipped() || isEdited());
      if (operator.isSkipped() || !isEdited()) return samples;
    }
  }

  /** Watches the gates of a weight for as long as `held` says, without an end of its own. */
  async watchWhile(at: { target: MigrationOutline; weight: number }, held: () => boolean): Promise<void> {
    await this.watch(at, PAUSED_WATCH_MS, () => !held());
    if (held()) handOverWhenLong();
  }

  /**
   * Returns early, without samples, once `ended` is true.
   * @throws what the gates say, or the cancellation when the whole migration is stopped.
   */
  private async watch(
    at: Pick<HoldRequest, 'weight' | 'workloadSinceMs' | 'partition'> & { target: MigrationOutline },
    durationMs: number,
    ended: () => boolean,
  ): Promise<GateSample[]> {
    const { act, operator, isStopped } = this.parts;
    const { target, ...judged } = at;
    const request: HoldRequest = { ...judged, durationMs, gates: operator.live().gates, sinceMs: Date.now() };
    const scope = new CancellationScope();
    const samples = scope.run(() => act.hold(target, request));
    const early = new CancellationScope();
    const end = early
      .run(() => condition(() => ended() || isHistoryLong()))
      .then(() => scope.cancel())
      .catch(() => undefined);
    try {
      return await samples;
    } catch (error) {
      if (!isCancellation(error) || isStopped()) throw error;
      if (!ended()) handOverWhenLong();
      return [];
    } finally {
      early.cancel();
      await end;
    }
  }
}
