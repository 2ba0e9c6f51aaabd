import { activityInfo, cancellationDetails } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import {
  type BeginVerdict,
  GUARDED_ACTIVITIES,
  type GovernanceClient,
  GovernanceError,
  GovernanceUnreachable,
  type GuardedActivity,
  type UndoMaterial,
  type WorkflowRun,
} from '@scc/governance-api';
import { actWords } from '@scc/migration/act-words';
import {
  afterWorkflowIdOf,
  undoWorkflowIdOf,
  workflowIdOf,
  type MigrationActivities,
  type MigrationOutline,
  type MigrationTarget,
  type StoredImage,
} from '@scc/migration/contract';
import { KubeError } from '@scc/kube';
import type { PlanRef } from '@scc/plan';
import { z } from 'zod';
import { terminal } from '../failures.js';
import { isUnknownPlan } from '../undo/deliver.js';
import type { SealedMaterial } from '../undo/sealed.js';
import { currentRun } from './pace.js';
import { outlineOf, recordedTarget, type TargetActivities } from './target.js';

/** Activities of the workflow that looks after a workload once its migration is over. */
const AFTERWARDS: ReadonlySet<string> = new Set<keyof MigrationActivities>([
  'recordedAfterwards',
  'lookAfter',
  'revokeLater',
]);

const addressSchema = z.union([
  z.looseObject({ namespace: z.string(), name: z.string(), uid: z.string() }),
  z.looseObject({ ref: z.looseObject({ namespace: z.string(), name: z.string(), uid: z.string() }) }),
]);

/**
 * Ends an activity that a workflow of another name asks for: the workflows of a plan are the only ones that work for it.
 * @param name of the activity
 * @param addressed the plan, or what is migrated, as the workflow names it
 * @throws ApplicationFailure terminal
 */
function requireOwnWorkflow(name: string, addressed: unknown): void {
  const { data } = addressSchema.safeParse(addressed);
  if (!data) throw terminal('refused', 'the activity names no plan');
  const ref = 'ref' in data ? (data.ref as PlanRef) : data;
  const { workflowId } = currentRun();
  const own = AFTERWARDS.has(name) ? [afterWorkflowIdOf(ref)] : [workflowIdOf(ref), undoWorkflowIdOf(ref)];
  if (!own.includes(workflowId))
    throw terminal(
      'refused',
      `workflow ${workflowId} does not work for plan ${ref.namespace}/${ref.name} (${ref.uid})`,
    );
}

/** The activities, for workflows of the plan alone. */
export function ownWorkflowsOnly(activities: MigrationActivities): MigrationActivities {
  const entries = Object.entries(activities).map(([name, activity]) => [
    name,
    async (...args: unknown[]): Promise<unknown> => {
      requireOwnWorkflow(name, args[0]);
      return (activity as (...all: unknown[]) => Promise<unknown>)(...args);
    },
  ]);
  return Object.fromEntries(entries) as MigrationActivities;
}

type Governance = Pick<GovernanceClient, 'begin' | 'done' | 'seal'>;

const RESTORING: ReadonlySet<GuardedActivity> = new Set<GuardedActivity>([
  ...(['restoreRoutes', 'restoreWorkload', 'restoreSourceGrant', 'compareWithPreImages'] as const),
]);

/** The weight that an activity is about, where it is about one. */
function weightOf(name: GuardedActivity, [first]: readonly unknown[]): number | null {
  if (name === 'setWeights') return Number(first);
  if (name !== 'hold' && name !== 'callWebhooks') return null;
  return (first as { weight: number }).weight;
}

/** The material that governance hands to an activity that it lets begin. */
export interface Material {
  target: MigrationTarget;
  images: StoredImage[];
  /** Whether the target may be granted in the name of those who wrote the plan; governance alone says so. */
  mayGrant?: boolean | undefined;
}

/**
 * The target that an activity works on. Nothing of what the workflow says of it is believed, but it must be the one that
 * the workflow speaks of.
 * @throws ApplicationFailure terminal
 */
export function materialFor(
  { ref, targetHash }: MigrationOutline,
  { target: kept, images, mayGrant }: Pick<BeginVerdict, 'target' | 'images' | 'mayGrant'>,
): Material {
  const target = recordedTarget(kept);
  const known = outlineOf(target);
  if (known.ref.namespace !== ref.namespace || known.ref.name !== ref.name || known.targetHash !== targetHash)
    throw terminal('refused', `${ref.uid}: what was judged is another target than the one of this workflow`);
  return { target, images, mayGrant };
}

/** Activities that divide requests: on the way back they lead nobody to the canary beside its share. */
const DIVIDING: ReadonlySet<GuardedActivity> = new Set<GuardedActivity>(['setMirror', 'setWeights']);

const targetOf = ({ name, outline }: Pick<Asked, 'name' | 'outline'>, { target }: Material): MigrationTarget =>
  outline.way === 'back' && DIVIDING.has(name) ? { ...target, isUndo: true } : target;

/** What an activity is given beside the target. */
function neededBy(name: GuardedActivity, { images, mayGrant }: Material): unknown[] {
  if (name === 'grantTarget') return [mayGrant !== false];
  return RESTORING.has(name) ? [images] : [];
}

/** Whether the workflow itself has ended the activity, as a hold that an operator skips. */
const endedByWorkflow = (error: unknown): boolean =>
  error instanceof CancelledFailure && cancellationDetails()?.cancelRequested === true;

/** Long enough for a restart of governance; after it an undo goes on from its sealed material, in milliseconds. */
const AWAY_MS = 10_000;
/** While governance was just found away, in milliseconds. */
const STILL_AWAY_MS = 1_000;
/** For how long that counts, in milliseconds. */
const AWAY_LASTS_MS = 60_000;

const isAway = (error: unknown): boolean =>
  error instanceof GovernanceUnreachable ||
  (error instanceof GovernanceError && error.status >= 500) ||
  (error instanceof Error && error.name === 'TimeoutError');

interface Asked {
  name: GuardedActivity;
  outline: MigrationOutline;
  rest: readonly unknown[];
  run: WorkflowRun & { activityId: string };
}

interface Deps {
  governance: Governance;
  sealed: SealedMaterial;
}

/** Lets activities begin, at governance or, for an undo that governance does not answer, from what it sealed. */
class Beginning {
  #awaySinceMs = -AWAY_LASTS_MS;

  constructor(private readonly deps: Deps) {}

  /** @returns what to work on, and whether governance knows of it. */
  async begin(asked: Asked): Promise<{ material: Material; alone: boolean }> {
    const { outline } = asked;
    if (outline.way === 'forward') return { material: await this.#atGovernance(asked), alone: false };
    const isAwayStill = performance.now() - this.#awaySinceMs < AWAY_LASTS_MS;
    try {
      const signal = AbortSignal.timeout(isAwayStill ? STILL_AWAY_MS : AWAY_MS);
      const material = await this.#atGovernance(asked, signal);
      this.#awaySinceMs = -AWAY_LASTS_MS;
      return { material, alone: false };
    } catch (error) {
      if (isAway(error)) this.#awaySinceMs = performance.now();
      else if (!isUnknownPlan(error)) throw error;
      const material = await this.#sealed(asked);
      if (!material) throw error;
      return { material, alone: true };
    }
  }

  async end({ name, outline, run }: Asked, alone: boolean): Promise<void> {
    const { governance, sealed } = this.deps;
    if (alone) await sealed.remember(outline.ref.uid, name, { ...run, at: new Date().toISOString() });
    else await governance.done(outline.ref.uid, run);
  }

  async #atGovernance(asked: Asked, signal?: AbortSignal): Promise<Material> {
    const { name, outline, rest, run } = asked;
    const request = { ...run, activity: name, way: outline.way, weight: weightOf(name, rest) };
    const verdict = await this.deps.governance.begin(outline.ref.uid, request, signal ? { signal } : {});
    if (!verdict.allowed) throw terminal('refused', `governance does not allow ${actWords(name)}: ${verdict.reason}`);
    return materialFor(outline, outline.way === 'back' ? await this.#completed(asked, verdict) : verdict);
  }

  /** With what was sealed, where a database that was restored from before knows less than that. */
  async #completed({ name, outline }: Asked, verdict: BeginVerdict): Promise<BeginVerdict> {
    if (verdict.target !== null && !RESTORING.has(name)) return verdict;
    const sealed = await this.#genuine(outline.ref.uid);
    const known = new Set(verdict.images.map(({ key }) => key));
    const lost = sealed?.images.filter(({ key }) => !known.has(key)) ?? [];
    return { ...verdict, target: verdict.target ?? sealed?.target ?? null, images: [...verdict.images, ...lost] };
  }

  /** Governance answers, so that a Secret that it did not sign holds nothing up. */
  async #genuine(uid: string): Promise<UndoMaterial | undefined> {
    try {
      return await this.deps.sealed.open(uid);
    } catch (error) {
      if (error instanceof KubeError) throw error;
      return undefined;
    }
  }

  async #sealed({ name, outline }: Asked): Promise<Material | null> {
    const material = await this.deps.sealed.open(outline.ref.uid);
    return material?.activities.includes(name) ? materialFor(outline, material) : null;
  }
}

/**
 * Lets each activity begin at governance before it does anything, and says there that it is done: what a workflow, or
 * another worker, claims of it counts for nothing.
 */
export function guarded(deps: Deps, activities: TargetActivities): Pick<MigrationActivities, GuardedActivity> {
  const beginning = new Beginning(deps);
  const entries = GUARDED_ACTIVITIES.map((name) => {
    const work = activities[name] as (...args: unknown[]) => Promise<unknown>;
    const activity = async (outline: MigrationOutline, ...rest: unknown[]): Promise<unknown> => {
      const asked = { name, outline, rest, run: { ...currentRun(), activityId: activityInfo().activityId } };
      const { material, alone } = await beginning.begin(asked);
      try {
        const result = await work(targetOf(asked, material), ...neededBy(name, material), ...rest);
        await beginning.end(asked, alone);
        return name === 'recordPreImages' ? undefined : result;
      } catch (error) {
        if (endedByWorkflow(error)) await beginning.end(asked, alone);
        throw error;
      }
    };
    return [name, activity];
  });
  return Object.fromEntries(entries) as Pick<MigrationActivities, GuardedActivity>;
}
