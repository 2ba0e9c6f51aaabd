import path from 'node:path';
import { DeadlineError, waitFor } from '@scc/runtime';
import { isTerminal, type PlanStatus } from '@scc/plan';
import { stringify } from 'yaml';
import type { LoadSummary, WindowSummary } from '../load/protocol.js';
import { damaged, lostOf, readData } from './data.js';
import { compareSnapshots, type ObjectDifference } from './objects.js';
import { describeAll, sort, type Played } from './report.js';
import type { ScenarioResult } from './result.js';
import { NAMESPACE, scenarioPlanOf, type Action, type Scenario } from './scenarios.js';
import { Scene, type Stage } from './scene.js';
import { findResources, takeSnapshot } from './survey.js';
import { phaseSeconds } from './view.js';
import { bySCC } from './watched.js';

const WARM_UP_S = 3;
const SETTLE_TIMEOUT_MS = 60_000;
const LISTED_FAILURES = 10;
/** From here on the latencies say as much about the machine as about the mesh. */
const LATE_MS = 100;

/** Plays one scenario from a settled system to a settled system, and judges nothing. */
export async function play(scenario: Scenario, stage: Stage): Promise<Played> {
  const { api } = stage.stack;
  const resources = await findResources(api, NAMESPACE);
  const before = await takeSnapshot(api, resources);
  const scene = new Scene(scenario, stage);
  const load = await scene.startLoad();
  try {
    const { rate, seconds } = stage.options;
    await scene.requestsSince(scene.sent, rate * WARM_UP_S, 'the load to warm up');
    await load.beginWindow('before');
    scene.show({ step: 'measuring before' });
    await scene.requestsSince(scene.sent, rate * seconds, 'the time before the plan');
    await load.beginWindow('during');
    const sentBefore = scene.sent;
    const data = await readData(api, stage.stack.stateDir);
    const lastedMs = await migrate(scene);
    await settle(scene, sentBefore + rate * seconds);
    const summary = await load.stop();
    sayFailures(scene, summary);
    const kept = await readData(api, stage.stack.stateDir);
    const found = sort(compareSnapshots(before, await takeSnapshot(api, resources)), scenario.changes);
    const leftovers = [...describeAll(found.leftovers), ...(await remains(scene))];
    await recordHistory(scene);
    return {
      scenario,
      result: resultOf(scene, {
        ...{ summary, lastedMs, leftovers, differences: [...found.meant, ...found.differences] },
        ...{ lost: lostOf(summary.acknowledged, kept).length, damaged: damaged(data, kept) },
      }),
      p50DuringMs: window(summary, 'during').p50Ms,
      unexpected: describeAll(found.differences),
      mishaps: scene.mishaps,
    };
  } finally {
    await scene.leave();
  }
}

const isOver = ({ phase, finishedAt }: PlanStatus): boolean => isTerminal(phase) && finishedAt !== undefined;

/** Applies the plan, does what the scenario does to the system, and waits for the end. Milliseconds until then. */
async function migrate(scene: Scene): Promise<number> {
  const { scenario, stage } = scene;
  const deadlineMs = Date.now() + scenario.timeoutMs;
  const untilSeen = (seen: () => boolean, what: string): Promise<boolean> =>
    waitFor(seen, { timeoutMs: Math.max(0, deadlineMs - Date.now()), everyMs: 10, what });
  scene.show({ step: 'migrating', startedMs: Date.now() });
  const startedMs = performance.now();
  await stage.stack.apply(stringify(scenarioPlanOf(scenario)));
  try {
    await untilSeen(() => scene.view.status.phase !== undefined, 'the plan to be taken up');
    scene.note(
      `seen as ${scene.view.status.phase ?? ''} ${Math.round(performance.now() - startedMs)} ms after it was applied`,
    );
    for (const action of scenario.actions) {
      const reached = (): boolean => (scene.view.status.history ?? []).some(({ phase }) => phase === action.at);
      await untilSeen(() => reached() || isOver(scene.view.status), `the phase ${action.at}`);
      if (reached()) await perform(action, scene);
      else scene.mishaps.push(`the phase ${action.at} never came`);
    }
    await untilSeen(() => isOver(scene.view.status), 'the migration to end');
    if (scene.highestWeight !== scenario.highestWeight)
      scene.mishaps.push(`the canary got ${scene.highestWeight} % at most instead of ${scenario.highestWeight} %`);
  } catch (error) {
    if (!(error instanceof DeadlineError)) throw error;
    scene.mishaps.push(error.message);
  }
  sayReasons(scene);
  return performance.now() - startedMs;
}

async function perform({ at, awayForRequests }: Action, scene: Scene): Promise<void> {
  const worker = scene.stage.stack.part('worker');
  await worker.kill();
  const { phase } = scene.view.status;
  if (phase !== at) scene.mishaps.push(`the worker was killed in ${phase ?? 'no phase'} instead of ${at}`);
  const { sent } = scene;
  scene.note(`SIGKILL to the worker in ${at}`);
  await scene.requestsSince(sent, awayForRequests, 'requests without a worker');
  await worker.start();
  scene.note(`the worker is back; ${scene.sent - sent} requests were sent without it`);
}

/** Why the migration ended as it did, in the words of the plan's status. */
function sayReasons(scene: Scene): void {
  const { status } = scene.view;
  const turned = status.history?.find(({ phase }) => phase === 'RollingBack' || phase === 'Failed');
  if (turned?.message !== undefined) scene.note(`undone because ${turned.message}`);
  for (const { field, message, remedy } of status.violations ?? [])
    scene.note(`${field}: ${message}\n     remedy: ${remedy}`);
  if (status.message !== undefined) scene.note(`${status.phase ?? ''}: ${status.message}`);
}

function sayFailures(scene: Scene, { failures, worstLagMs }: LoadSummary): void {
  for (const { at, stream, method, path: asked, status, error, pod } of failures.slice(0, LISTED_FAILURES))
    scene.note(`failed: ${at} ${stream} ${method} ${asked}: ${error ?? status} from ${pod || 'no pod'}`);
  if (worstLagMs > LATE_MS) scene.note(`the load generator itself was late by ${worstLagMs} ms at worst`);
}

const window = ({ windows }: LoadSummary, label: string): WindowSummary => {
  const found = windows.find((one) => one.label === label);
  if (!found) throw new Error(`the load has no window ${label}`);
  return found;
};

interface Measured {
  summary: LoadSummary;
  /** Milliseconds from applying the plan until its end. */
  lastedMs: number;
  leftovers: string[];
  differences: ObjectDifference[];
  /** Acknowledged writes that are gone. */
  lost: number;
  damaged: string[];
}

function resultOf(
  scene: Scene,
  { summary, lastedMs, leftovers, differences, lost, damaged: files }: Measured,
): ScenarioResult {
  const { status, pods } = scene.view;
  const secondsByPhase: Record<string, number> = {};
  for (const { phase, seconds } of phaseSeconds(status, Date.now()))
    secondsByPhase[phase] = rounded((secondsByPhase[phase] ?? 0) + seconds);
  const before = window(summary, 'before');
  return {
    id: scene.scenario.id,
    outcome: status.phase ?? 'Pending',
    requests: summary.total.requests,
    failed: summary.total.failed,
    writes: { acknowledged: summary.acknowledged.length, lost },
    damaged: files,
    p50BeforeMs: before.p50Ms,
    p99BeforeMs: before.p99Ms,
    p99DuringMs: window(summary, 'during').p99Ms,
    seconds: rounded(lastedMs / 1000),
    secondsByPhase,
    podsBySCC: bySCC(pods.filter(({ leaving, canary }) => !leaving && !canary)),
    differences: describeAll(differences),
    leftovers,
  };
}

const rounded = (seconds: number): number => Number(seconds.toFixed(2));

async function recordHistory({ view, stage, scenario }: Scene): Promise<void> {
  const { workflowId } = view.status;
  if (stage.options.record === undefined || workflowId === undefined) return;
  await stage.workflows.record(
    workflowId,
    path.join(stage.options.record, `${scenario.id}-${scenario.workload}.json.gz`),
  );
}

/** Waits until nothing of the migration is on its way out any more, and until enough was measured. */
async function settle(scene: Scene, sent: number): Promise<void> {
  scene.show({ step: 'settling' });
  const settled = async (): Promise<boolean> =>
    scene.sent >= sent &&
    scene.view.pods.every(({ leaving, canary }) => !leaving && !canary) &&
    (await remains(scene)).length === 0;
  await waitFor(settled, { timeoutMs: SETTLE_TIMEOUT_MS, everyMs: 250, what: 'the end' }).catch((error: unknown) => {
    // Leftovers are reported by name.
    if (!(error instanceof DeadlineError)) throw error;
  });
}

/** Leftovers of a migration that no snapshot of objects shows. */
async function remains({ plan, view, stage, scenario }: Scene): Promise<string[]> {
  const { workflowId } = view.status;
  const running = await stage.workflows.running(workflowId === undefined ? [] : [workflowId]);
  const { finalizers = [] } = plan ?? {};
  return [
    ...running.map((id) => `workflow ${id} runs`),
    ...finalizers.map((finalizer) => `finalizer ${finalizer} of the plan ${scenario.workload}`),
    ...view.pods.filter(({ canary }) => canary).map(({ name }) => `Pod/${name}`),
  ];
}
