import type { MigrationEvent, PlanRef, PlanStatus, RecordedEvent } from '@scc/plan';
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
import { detailsOf } from './details.js';
import { initialState, recordEvent, statusOf, type MigrationState } from './state.js';

const REPORT_BATCH = 100;
const keyword = (name: string) => defineSearchAttributeKey(name, 'KEYWORD');

/**
 * The events of one migration and what they lead to. Two projections follow behind the saga's back, and neither can
 * fall out of step for good: the plan's status and governance's record.
 */
export class Journal {
  private state: MigrationState = initialState();
  private readonly unreported: RecordedEvent[] = [];
  private readonly unwritten: MigrationEvent[] = [];
  private dirty = false;
  private closing = false;
  private checkpoint: string | null = null;

  constructor(private readonly ref: PlanRef) {}

  /** Runs the work; returns only when both projections have every event. */
  async keptWhile<T>(work: () => Promise<T>): Promise<T> {
    const projections = CancellationScope.nonCancellable(() => Promise.all([this.writeStatuses(), this.report()]));
    try {
      return await work();
    } finally {
      this.closing = true;
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
    return {
      ...statusOf(this.state, { workflowId, runId }),
      ...(this.checkpoint ? { auditCheckpoint: this.checkpoint } : {}),
    };
  }

  isOver(): boolean {
    return this.closing || this.state.finishedAt !== null;
  }

  sawCheckpoint(checkpoint: string | null): void {
    this.checkpoint = checkpoint ?? this.checkpoint;
  }

  nameWorkload(workload: string): void {
    upsertSearchAttributes([{ key: keyword(SEARCH_ATTRIBUTES.workload), value: workload }]);
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

  private async writeStatuses(): Promise<void> {
    for (;;) {
      await condition(() => this.dirty || this.closing);
      if (!this.dirty) return;
      this.dirty = false;
      await patientActivities.writeStatus(this.ref, this.status(), this.unwritten.splice(0));
    }
  }

  private async report(): Promise<void> {
    for (;;) {
      await condition(() => this.unreported.length > 0 || this.closing);
      if (this.unreported.length === 0) return;
      const { checkpoint } = await patientActivities.report(this.ref, this.unreported.splice(0, REPORT_BATCH));
      this.sawCheckpoint(checkpoint);
    }
  }
}
