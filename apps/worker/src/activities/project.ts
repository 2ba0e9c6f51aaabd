import { setTimeout as delay } from 'node:timers/promises';
import { GovernanceError, GovernanceUnreachable, type GovernanceClient } from '@scc/governance-api';
import { isConflict, isInvalid, isMissing, type KubeClient, type KubeEvent, type KubeObject } from '@scc/kube';
import {
  FIELD_MANAGER,
  isTerminal,
  PLAN_TYPE,
  phaseSchema,
  type PlanRef,
  type PlanStatus,
  TERMINAL_PHASES,
} from '@scc/plan';
import type { MigrationActivities, Projection, ProjectionResult } from '@scc/migration/contract';
import { z } from 'zod';
import { deliverUndone, isUnknownPlan } from '../undo/deliver.js';
import type { SealedMaterial } from '../undo/sealed.js';
import { kept } from './governance.js';
import { kubeEventsOf } from './kube-events.js';
import { complete } from './outcome.js';
import { terminal } from '../failures.js';
import { currentRun } from './pace.js';
import { findSamePlan } from './plan.js';

type Told = Projection & { untrusted?: string };
type Writer = Pick<KubeClient, 'get' | 'patch' | 'recordEvent'>;

interface Deps {
  kube: Writer;
  governance: Pick<GovernanceClient, 'report' | 'outcome' | 'begin' | 'done'>;
  sealed: SealedMaterial;
}

/** Writes the plan's status with its Kubernetes Events, and reports to governance: the two projections of the events. */
export const projectWith =
  ({ kube, governance, sealed }: Deps): MigrationActivities['project'] =>
  async (ref, projection) => {
    const reporting = reportTo({ governance, sealed }, ref, projection);
    // An end stands in the status when governance has recorded it; everything else is said without waiting for long.
    const patienceMs = isTerminal(projection.status.phase) ? null : SLOW_MS;
    const told = await (patienceMs === null ? reporting : Promise.race([reporting, quiet(patienceMs)]));
    const written = await writeStatus(kube, ref, asTold(projection, told?.untrusted ?? null));
    const { untrusted: _said, ...result } = await reporting;
    return { ...result, ...written };
  };

/** How long governance may take before the status is written without its answer, in milliseconds. */
const SLOW_MS = 2_000;
const quiet = (ms: number): Promise<null> => delay(ms, null, { ref: false });

/** An end that governance does not record is no end: the plan stays where it was, and says why. */
export function asTold(projection: Projection, untrusted: string | null): Told {
  if (untrusted === null) return projection;
  const { finishedAt, ...status } = projection.status;
  const history = (status.history ?? []).filter(({ phase }) => !isTerminal(phase));
  const phase = history.at(-1)?.phase ?? 'Pending';
  const message = `the end that was reported does not count, another client may have worked for the migration: ${untrusted}`;
  const ends = new Set<string>([...TERMINAL_PHASES, 'Finished', 'Untrusted']);
  const conditions = [
    ...(status.conditions ?? []).filter(({ type }) => !ends.has(type)),
    {
      ...({ type: 'Untrusted', status: 'True', reason: 'NoReceipts' } as const),
      ...{ message, lastTransitionTime: finishedAt ?? new Date().toISOString() },
      observedGeneration: status.observedGeneration ?? 0,
    },
  ];
  return { ...projection, events: [], untrusted, status: { ...status, phase, message, history, conditions } };
}

/** An edit of the plan and its status meet rarely, and never often in a row. */
const MAX_TRIES = 5;

const seenSchema = z.looseObject({ phase: phaseSchema.optional(), sequence: z.int().optional() }).default({});

/** Why a status is not to be written any more: the plan shows a newer one, or how its migration ended. */
export function supersededBy(plan: KubeObject, status: PlanStatus): 'final' | { overtaken: number } | null {
  const seen = seenSchema.parse(plan['status']);
  if (isTerminal(seen.phase) && seen.phase !== status.phase) return 'final';
  if ((seen.sequence ?? -1) <= (status.sequence ?? -1)) return null;
  return isTerminal(seen.phase) ? 'final' : { overtaken: seen.sequence ?? 0 };
}

/**
 * Writes the status by one call and each event by one more. The API server compares the uid, and the rules of the CRD
 * refuse a status that must not be written any more: only a refusal has the plan read.
 */
async function writeStatus(
  kube: Writer,
  ref: PlanRef,
  { status, events, workload, untrusted }: Told,
): Promise<{ overtaken?: number }> {
  const { namespace, name, uid } = ref;
  const body = [
    { op: 'test', path: '/metadata/uid', value: uid },
    { op: 'add', path: '/status', value: complete(status) },
  ];
  const write = { type: 'json', body, subresource: 'status', fieldManager: FIELD_MANAGER } as const;
  for (let tries = 1; ; tries++) {
    try {
      await kube.patch({ ...PLAN_TYPE, namespace, name }, write);
      break;
    } catch (error) {
      if (isMissing(error, name)) return {};
      if (!(isConflict(error) || isInvalid(error))) throw error;
      const plan = await findSamePlan(kube, ref);
      // A plan that is gone needs no status; one that was made again under the name is not ours.
      if (!plan) return {};
      const newer = supersededBy(plan, status);
      if (newer !== null) return newer === 'final' ? {} : newer;
      if (tries >= MAX_TRIES) throw error;
    }
  }
  await recordEvents(kube, ref, { status, events, workload, untrusted });
  return {};
}

/** The client leaves out what the API server refuses (`events-at-best.ts`). */
async function recordEvents(
  kube: Writer,
  ref: PlanRef,
  {
    status,
    events,
    workload,
    untrusted,
  }: Pick<Told, 'status' | 'events' | 'workload'> & { untrusted: string | undefined },
): Promise<void> {
  const said = { type: 'Warning', reason: 'Untrusted', action: 'Migrate', message: status.message ?? '' } as const;
  const all = [
    ...(untrusted === undefined ? [] : [{ regarding: { ...PLAN_TYPE, ...ref }, ...said }]),
    ...kubeEventsOf({ plan: ref, workload }, events),
  ];
  for (const event of all) await recordEvent(kube, event);
}

/** So often each event is tried: a fault that some of many writes meet must not have all of them written again. */
const EVENT_TRIES = 3;

async function recordEvent(kube: Writer, event: KubeEvent): Promise<void> {
  for (let tries = 1; ; tries++)
    try {
      await kube.recordEvent(event);
      return;
    } catch (error) {
      if (tries >= EVENT_TRIES) throw error;
    }
}

/** A projection's answer to an error of governance. @throws the error, when the projection is to be tried again */
function reportedAs(error: unknown): 'unreachable' | { refused: string } {
  if (error instanceof GovernanceUnreachable) return 'unreachable';
  if (!(error instanceof GovernanceError) || error.status === 429) throw error;
  return error.status >= 500 ? 'unreachable' : { refused: error.message };
}

/**
 * Tells governance what an undo did without it, before its end: of a plan that governance does not know any more, after
 * the events before the end have made it known.
 * @returns whether it was told
 */
async function toldUndone(undone: () => Promise<void>, reportBefore: () => Promise<unknown>): Promise<boolean> {
  for (let tries = 1; ; tries++)
    try {
      await undone();
      return true;
    } catch (error) {
      if (!isUnknownPlan(error)) throw error;
      if (tries > 1) return false;
      await reportBefore();
    }
}

/**
 * Governance being away must not keep the status from saying so: its events wait for the next projection.
 * @throws ApplicationFailure terminal, when the migration is not this workflow's.
 */
async function reportTo(
  { governance, sealed }: Pick<Deps, 'governance' | 'sealed'>,
  { namespace, name, uid }: PlanRef,
  { unreported, status }: Projection,
): Promise<ProjectionResult & { untrusted: string | null }> {
  const nothing = { checkpoint: null, untrusted: null };
  try {
    if (unreported.length === 0) {
      const untrusted = isTerminal(status.phase) ? (await governance.outcome(uid)).untrusted : null;
      return { reported: 'yes', ...nothing, untrusted };
    }
    const run = currentRun();
    const isOver = isTerminal(status.phase);
    const report = (events: Projection['unreported']): ReturnType<typeof governance.report> =>
      governance.report(uid, { plan: { namespace, name, uid }, ...run, events });
    const undone = (): Promise<void> => deliverUndone({ governance, sealed }, uid);
    const before = unreported.slice(0, -1);
    const reportBefore = async (): Promise<unknown> => before.length > 0 && (await report(before));
    const isTold = status.phase !== 'RolledBack' || (await toldUndone(undone, reportBefore));
    const { receipts, untrusted, stranger } = await report(unreported);
    if (!isTold) await undone();
    if (stranger !== null) throw terminal('refused', stranger);
    if (isOver && untrusted === null) await sealed.release(uid);
    const checkpoint = receipts.at(-1)?.checkpoint ?? null;
    return { reported: 'yes', checkpoint, untrusted, receipts: receipts.map(kept) };
  } catch (error) {
    return { reported: reportedAs(error), ...nothing };
  }
}
