import type { GateSample, MigrationEvent } from '@scc/plan';
import { ApplicationFailure } from '@temporalio/common';
import type { AcceptedPlan, Assessment, MigrationActivities } from './contract.js';
import { FAILURE } from './contract.js';
import type { Effects } from './effects.js';
import { allowed, aPlan, aSpec } from './plan.fixture.js';

export { aCampaignWorld } from './campaign.fixture.js';
export { allowed, aPlan, aSpec, aTarget, aWholeTarget } from './plan.fixture.js';

/** A small world for the specs of the saga; production code never imports this file. */

/** The service as a client would meet it: the share of each side, and whether its pods are there and ready. */
export interface World {
  canary: 'absent' | 'ready';
  /** `rolling` on its way to the new template, `returning` to the old one: not all of its pods are ready. */
  workload: 'before' | 'stopped' | 'rolling' | 'after' | 'broken' | 'returning';
  canaryWeight: number;
  mirroring: boolean;
  granted: boolean;
  /** The old SCC is still granted: pods of the old template can start. */
  sourceGranted: boolean;
  routesPrepared: boolean;
  /** Pods of a StatefulSet that moved by themselves. */
  moved: number;
  /** The data belongs to the user of the migrated pods. */
  givenAway?: true;
  /** A mark on the workload says whose it was. */
  marked?: true;
}

/** Before anything was touched, and after everything was taken back. */
export const pristine: Readonly<World> = {
  canary: 'absent',
  workload: 'before',
  canaryWeight: 0,
  mirroring: false,
  granted: false,
  sourceGranted: true,
  routesPrepared: false,
  moved: 0,
};

/** A step of the world that fails, by the name of its activity; `at` tells calls of one activity apart. */
export interface InjectedFault {
  activity: keyof MigrationActivities;
  type?: string;
  at?: number;
  /** The samples of the gates. */
  samples?: GateSample[];
}

/**
 * An in-memory cluster on which the saga runs. It refuses what would fail a request: weight on pods that are not
 * there or not all ready, removal of pods that still carry weight.
 */
export function aWorld(
  fault?: InjectedFault,
  {
    plan = aPlan(aSpec()),
    assess = () => allowed({}, plan),
    oneByOne = false,
    rolling = false,
    podCount = 3,
    runs = true,
  }: {
    plan?: AcceptedPlan;
    assess?: () => Assessment;
    /** The workload's own pods move one by one: those that do not move just then serve. */
    oneByOne?: boolean;
    /** Of these the first one moves with the template, and all others are let to by one step. */
    rolling?: boolean;
    /** Pods that move one by one. */
    podCount?: number;
    /** Whether anything runs once the template has changed. */
    runs?: boolean;
  } = {},
) {
  const world: World = { ...pristine };
  const events: MigrationEvent[] = [];
  const breaches: string[] = [];
  const calls = new Map<string, number>();
  const serving = (): void => {
    if (world.canaryWeight > 0 && world.canary !== 'ready') breaches.push(`weight ${world.canaryWeight} on no canary`);
    const ready = world.workload === 'before' || world.workload === 'after';
    if (world.canaryWeight < 100 && !ready && !oneByOne)
      breaches.push(`weight on a workload that is ${world.workload}`);
  };
  const step =
    <Args extends unknown[], T>(name: keyof MigrationActivities, act: (...args: Args) => T) =>
    (...args: Args): Promise<T> => {
      const count = (calls.get(name) ?? 0) + 1;
      calls.set(name, count);
      if (fault?.activity === name && (fault.at ?? 1) === count) {
        if (name === 'awaitWorkload') world.workload = 'broken';
        serving();
        return Promise.reject(
          ApplicationFailure.nonRetryable(`${name} failed`, fault.type ?? FAILURE.readiness, fault.samples),
        );
      }
      const result = act(...args);
      serving();
      return Promise.resolve(result);
    };
  const unused = (name: keyof MigrationActivities) => (): never => {
    throw new Error(`${name} is not a step of the saga`);
  };
  const passed = { verdict: 'pass' as const, value: null, detail: 'it ended well', at: '' };
  const pods = [{ name: 'p', uid: 'u', scc: 'restricted-v2', node: null }];
  const act: MigrationActivities = {
    acceptPlan: () => Promise.resolve({ accepted: true, plan }),
    readLiveSettings: unused('readLiveSettings'),
    assess: () => Promise.resolve(assess()),
    approvalState: unused('approvalState'),
    recordedAfterwards: unused('recordedAfterwards'),
    lookAfter: unused('lookAfter'),
    revokeLater: unused('revokeLater'),
    authorizeStep: unused('authorizeStep'),
    checkCommand: unused('checkCommand'),
    takeOver: unused('takeOver'),
    handOver: () => Promise.resolve(),
    project: unused('project'),
    recordedOutcome: unused('recordedOutcome'),
    settlePlan: unused('settlePlan'),
    releasePlan: unused('releasePlan'),
    recordPreImages: step('recordPreImages', () => undefined),
    grantTarget: step('grantTarget', () => {
      world.granted = true;
      return { binding: 'b', created: true };
    }),
    confirmAdmission: step('confirmAdmission', () => undefined),
    createCanary: step('createCanary', () => undefined),
    awaitCanary: step('awaitCanary', () => {
      world.canary = 'ready';
      return pods;
    }),
    prepareRoutes: step('prepareRoutes', () => {
      world.routesPrepared = true;
    }),
    setMirror: step('setMirror', (_target, mirror) => {
      world.mirroring = mirror !== null;
    }),
    setWeights: step('setWeights', (_target, canary: number) => {
      world.canaryWeight = canary;
      return { verifiedBy: 'proxies' as const };
    }),
    hold: step('hold', () => []),
    callWebhooks: step('callWebhooks', () => []),
    migrateWorkload: step('migrateWorkload', () => {
      world.workload = 'rolling';
      return undefined;
    }),
    awaitWorkload: step('awaitWorkload', () => {
      world.workload = 'after';
      return pods;
    }),
    stopWorkload: step('stopWorkload', () => {
      Object.assign(world, { workload: 'stopped', marked: true });
    }),
    changeOwners: step('changeOwners', () => {
      if (world.workload !== 'stopped') breaches.push('owners change under pods that run');
      world.givenAway = true;
      return { claims: ['data-p-0'], files: 7, from: 999, to: 1000650000 };
    }),
    forgetOwners: step('forgetOwners', () => {
      delete world.marked;
      delete world.givenAway;
    }),
    restoreOwners: step('restoreOwners', () => {
      if (!world.givenAway) return;
      world.workload = 'stopped';
      delete world.givenAway;
    }),
    moveOrdinal: step('moveOrdinal', (_target, index: number) => {
      if (rolling && index === podCount - 2 && world.moved === 1) return;
      if (world.workload !== 'rolling' || index !== podCount - 1 - world.moved)
        breaches.push(`pod ${index} moves out of order`);
    }),
    awaitOrdinal: step('awaitOrdinal', (_target, index: number) => {
      world.moved++;
      return [
        {
          pod: { name: `p-${index}`, uid: 'u', scc: 'restricted-v2', node: null },
          ordinal: index,
          moved: world.moved,
          total: podCount,
        },
      ];
    }),
    runTrial: step('runTrial', () => {
      world.canary = 'ready';
      return { job: 'trial', pods, samples: [{ ...passed, gate: 'trial-run' }] };
    }),
    awaitRun: step('awaitRun', () => {
      if (world.workload !== 'rolling') breaches.push('a run is awaited before the template has changed');
      world.workload = 'after';
      if (!runs) return { pods: [], samples: [{ ...passed, gate: 'next-run', verdict: 'noData' as const }] };
      return { job: 'run', pods, samples: [{ ...passed, gate: 'next-run' }] };
    }),
    awaitStable: step('awaitStable', () => {
      if (world.workload === 'returning') Object.assign(world, { workload: 'before', moved: 0 });
    }),
    removeCanary: step('removeCanary', () => {
      if (world.canaryWeight > 0) breaches.push('canary removed under traffic');
      world.canary = 'absent';
    }),
    revokeSource: step('revokeSource', (_target, mode: 'Revoke' | 'Keep') => {
      if (mode === 'Keep') return { bindings: [], kept: 'the plan keeps the old grant' };
      world.sourceGranted = false;
      return { bindings: ['old'], kept: null };
    }),
    summarizeTraffic: step('summarizeTraffic', () => null),
    restoreWorkload: step('restoreWorkload', () => {
      if (world.workload !== 'before' && !world.sourceGranted) breaches.push('the old template without its grant');
      if (world.givenAway) breaches.push('the old template over data of another user');
      if (world.workload !== 'before') world.workload = 'returning';
      delete world.marked;
      return [];
    }),
    restoreRoutes: step('restoreRoutes', () => {
      world.routesPrepared = false;
      world.mirroring = false;
      return [];
    }),
    restoreSourceGrant: step('restoreSourceGrant', () => {
      world.sourceGranted = true;
    }),
    withdrawTargetGrant: step('withdrawTargetGrant', () => {
      world.granted = false;
    }),
    compareWithPreImages: step('compareWithPreImages', () => []),
  };
  const settings = plan.live;
  const fx = (over: Partial<Effects> = {}): Effects => ({
    act,
    undo: act,
    record: (event) => void events.push(event),
    now: () => 0,
    firstStatus: () => ({}),
    adopt: () => undefined,
    settings: () => settings,
    clearance: () => Promise.resolve({ waited: false }),
    restIfLong: () => undefined,
    awaitStart: () => Promise.resolve(),
    awaitApproval: () => Promise.resolve(null),
    hold: ({ target, durationMs, ...at }) =>
      act.hold(target, { ...at, durationMs: durationMs ?? 0, gates: settings.gates }),
    attempt: (work) => work(),
    failedSamples: (error) =>
      error instanceof ApplicationFailure && Array.isArray(error.details?.[0])
        ? (error.details[0] as GateSample[])
        : [],
    untilDone: async (_step, work) => work().catch(() => work()),
    shielded: (_stage, work) => work(),
    undoStarted: (cause) => ({
      type: 'UndoStarted',
      cause: 'error',
      message: cause instanceof Error ? cause.message : String(cause),
    }),
    undoFailed: () => Promise.resolve(),
    isReleased: () => false,
    ...over,
  });
  return { world, events, breaches, fx, calls };
}
