import type { Condition, MigrationEvent, PlanRef, PlanStatus, RecordedEvent } from '@scc/plan';
import { SEARCH_ATTRIBUTES } from '@scc/plan/words';
import { defineSearchAttributeKey } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  setCurrentDetails,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import { patientActivities } from './activities.js';
import type { JournalState } from './carried.js';
import type { Projection } from './contract.js';
import { detailsOf } from './details.js';
import { HandOver } from './position.js';
import { pauseBeforeRetry } from './retry.js';
import { initialState, recordEvent, type MigrationState } from './state.js';
import { statusOf } from './status.js';

const REPORT_BATCH = 100;
/** Between two projections: what happens in between goes together. */
const INTERVAL_MS = 1_000;
/** While governance is away and nothing happens, it is asked in steps from the first to the last of these. */
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 600_000;
const keyword = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');

/**
 * The events of one migration and what they lead to. Two projections follow the saga together, at a bounded rate: the
 * plan's status, and governance's record. While governance is away the status is still written.
 */
export class Journal {
  private state: MigrationState;
  private readonly unreported: RecordedEvent[];
  private readonly unwritten: MigrationEvent[] = [];
  private dirty: boolean;
  private closing: 'handOver' | 'end' | null = null;
  private checkpoint: string | null;
  /**
   * Of the last status; also above those of a workflow that this one took over from, since time goes on between them.
   */
  private sequence: number;
  private workload: Projection['workload'] = null;
  /** Why governance does not take the events, if it does not. */
  private refusal: string | null = null;

  constructor(
    private readonly ref: PlanRef,
    carried?: JournalState,
  ) {
    this.state = carried?.state ?? initialState();
    this.unreported = [...(carried?.unreported ?? [])];
    this.checkpoint = carried?.checkpoint ?? null;
    this.sequence = carried?.sequence ?? 0;
    this.dirty = this.unreported.length > 0;
  }

  /**
   * Runs the work; returns only when both projections have every event, or the next run will see to it.
   * @throws as soon as nothing is taken from this run, such as one that was made again of a migration that is over
   */
  async keptWhile<T>(work: () => Promise<T>): Promise<T> {
    const projections = CancellationScope.nonCancellable(() => this.project());
    const refused = new Promise<never>((_resolve, reject) => void projections.catch(reject));
    let handsOver = false;
    try {
      return await Promise.race([work(), refused]);
    } catch (error) {
      handsOver = error instanceof HandOver;
      throw error;
    } finally {
      this.closing = handsOver ? 'handOver' : 'end';
      await CancellationScope.nonCancellable(() => projections);
    }
  }

  record(event: MigrationEvent): void {
    const before = this.state;
    const { state, recorded } = recordEvent(before, event, new Date().toISOString());
    this.state = state;
    this.unreported.push(recorded);
    this.unwritten.push(recorded.event);
    this.dirty = true;
    if (state.phase !== before.phase || event.type === 'FactsGathered' || event.type === 'RiskScored') this.upsert();
    setCurrentDetails(detailsOf(state));
  }

  status(): PlanStatus {
    const { workflowId, runId } = workflowInfo();
    const status = statusOf(this.state, { workflowId, runId });
    return {
      ...status,
      conditions: [...(status.conditions ?? []), ...this.recordedCondition(this.state.generation)],
      ...(this.checkpoint ? { auditCheckpoint: this.checkpoint } : {}),
    };
  }

  /** What the plan shows once it is accepted, without the times that the event of it will have. */
  firstStatus(): PlanStatus {
    const event = { type: 'PlanAccepted', generation: 0, author: null } as const;
    const { phase, message } = recordEvent(this.state, event, new Date().toISOString()).state;
    const { workflowId, runId } = workflowInfo();
    this.sequence = Math.max(this.sequence + 1, Date.now());
    return { phase, message, weight: 0, workflowId, runId, sequence: this.sequence };
  }

  private recordedCondition(observedGeneration: number): Condition[] {
    if (this.refusal === null) return [];
    const message = `governance does not take the events of this migration: ${this.refusal}`;
    const lastTransitionTime = new Date().toISOString();
    return [{ type: 'Recorded', status: 'False', reason: 'Refused', message, lastTransitionTime, observedGeneration }];
  }

  /** The state by which the next run goes on with the same sequence of events. */
  carried(): JournalState {
    const { state, unreported, checkpoint, sequence } = this;
    return { state, unreported, checkpoint, sequence };
  }

  isOver(): boolean {
    return this.closing !== null || this.state.finishedAt !== null;
  }

  noteCheckpoint(checkpoint: string | null): void {
    this.checkpoint = checkpoint ?? this.checkpoint;
  }

  nameWorkload(workload: string): void {
    upsertSearchAttributes([{ key: keyword(SEARCH_ATTRIBUTES.workload), value: workload }]);
  }

  /** Kubernetes Events of the migration are also shown on the workload from now on. */
  showOn(workload: Projection['workload']): void {
    this.workload = workload;
  }

  private upsert(): void {
    const { phase, sourceSCC, targetSCC, risk } = this.state;
    upsertSearchAttributes([
      { key: keyword(SEARCH_ATTRIBUTES.namespace), value: this.ref.namespace },
      { key: keyword(SEARCH_ATTRIBUTES.phase), value: phase },
      ...(sourceSCC ? [{ key: keyword(SEARCH_ATTRIBUTES.source), value: sourceSCC }] : []),
      ...(targetSCC ? [{ key: keyword(SEARCH_ATTRIBUTES.target), value: targetSCC }] : []),
      ...(risk ? [{ key: keyword(SEARCH_ATTRIBUTES.riskBand), value: risk.band }] : []),
    ]);
  }

  private async project(): Promise<void> {
    let lastMs = 0;
    // Only tries that nothing but time led to make the next pause longer: an undo tells much in a short time.
    for (let isAway = false, quietTries = 0; ;) {
      if (isAway) {
        const pauseMs = pauseBeforeRetry(quietTries + 1, FIRST_RETRY_MS, LONGEST_RETRY_MS);
        if (!(await condition(() => this.dirty || this.closing === 'handOver', pauseMs))) quietTries++;
      } else await condition(() => this.dirty || this.closing !== null);
      const leftMs = lastMs + INTERVAL_MS - Date.now();
      if (this.closing === null && leftMs > 0) await condition(() => this.closing !== null, leftMs);
      if (!this.dirty && (this.unreported.length === 0 || this.closing === 'handOver')) return;
      lastMs = Date.now();
      isAway = !(await this.projectOnce());
      if (!isAway) quietTries = 0;
    }
  }

  /** This workflow is the one that Temporal knows, so a newer status is of one that it took over from. */
  private writeAbove(sequence: number, events: MigrationEvent[]): void {
    this.sequence = Math.max(this.sequence, sequence);
    this.unwritten.unshift(...events);
    this.dirty = true;
  }

  /** @returns whether governance took the events over. */
  private async projectOnce(): Promise<boolean> {
    this.dirty = false;
    const unreported = this.unreported.slice(0, REPORT_BATCH);
    const events = this.unwritten.splice(0);
    const { workload } = this;
    this.sequence = Math.max(this.sequence + 1, Date.now());
    const status = { ...this.status(), sequence: this.sequence };
    const { reported, checkpoint, overtaken } = await patientActivities.project(this.ref, {
      status,
      events,
      workload,
      unreported,
    });
    this.noteCheckpoint(checkpoint);
    if (overtaken !== undefined) this.writeAbove(overtaken, events);
    if (reported === 'unreachable') return false;
    if (reported !== 'yes' && this.refusal === null) {
      this.refusal = reported.refused;
      this.dirty = true;
    }
    this.unreported.splice(0, unreported.length);
    this.dirty ||= this.unreported.length > 0;
    return true;
  }
}
