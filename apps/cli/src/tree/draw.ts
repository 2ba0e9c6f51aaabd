import {
  durationMs,
  isDivided,
  isTerminal,
  type MetricGate,
  type Phase,
  type PlanSpec,
  type PlanStatus,
  requestsWords,
  shareText,
  strategyWords,
  type WaitReason,
  waitWords,
} from '@scc/plan';
import { WAITS } from '../codes/states.js';
import { ageOf, count, table } from '../output.js';
import type { PlanEvent } from '../logs.js';
import type { Tree, TreeGroup, TreePod, TreeSide } from './model.js';

const BAR = 30;
const EVENTS = 5;

/** The condition by which a plan says that it waits, and for what. */
const WAITING: Record<WaitReason, readonly [type: string, status: string, reason: string]> = {
  Approval: ['Approved', 'False', 'WaitingForApproval'],
  Reapproval: ['Approved', 'False', 'AskedAgain'],
  Window: ['WindowOpen', 'False', 'OutsideWindow'],
  OtherPlan: ['WorkloadFree', 'False', 'OtherPlan'],
  Rights: ['RightsHeld', 'False', 'RightLost'],
  Stopped: ['Stopped', 'True', 'EmergencyStop'],
  Paused: ['Paused', 'True', 'Paused'],
  Suspended: ['Paused', 'True', 'Suspended'],
  AfterFailure: ['Paused', 'True', 'AfterFailure'],
  Governance: ['GovernanceReachable', 'False', 'NoAnswer'],
  Retry: ['Progressing', 'False', 'Retrying'],
  Run: ['RunAwaited', 'True', 'AwaitingRun'],
};

const waitIn = (conditions: NonNullable<PlanStatus['conditions']>) =>
  conditions.flatMap(({ type, status, reason, message }) => {
    const found = Object.entries(WAITING).find(([, [of, is, why]]) => of === type && is === status && why === reason);
    return found ? [{ reason: found[0] as WaitReason, message }] : [];
  })[0];

/** What a plan waits for, and how to act; null while it goes on by itself. */
export function waitOf({ status, plan, workload }: Tree): (ReturnType<typeof waitWords> & { how: string }) | null {
  const wait = isTerminal(status.phase) ? undefined : waitIn(status.conditions ?? []);
  if (wait === undefined) return null;
  // Only the run of a CronJob is waited for by the name of the workload; all else is done to the plan.
  const how =
    wait.reason === 'Run'
      ? howToRun(workload, plan.namespace)
      : WAITS[wait.reason].remedy.replaceAll(/\bNAME\b/g, `${plan.name} -n ${plan.namespace}`);
  return { ...waitWords(wait.message), how };
}

/** @param workload its kind and its name */
function howToRun(workload: string, namespace: string): string {
  const [kind = '', name = ''] = workload.split(' ');
  return kind === 'CronJob'
    ? `wait for its schedule, or start a run: \`kubectl create job ${name}-now --from=cronjob/${name} -n ${namespace}\``
    : `wait until it is scaled up, or \`kubectl scale ${kind.toLowerCase()} ${name} --replicas=1 -n ${namespace}\``;
}

/** The share of requests that the canary serves, as a bar. */
export function bar(weight: number): string {
  const full = Math.round((weight * BAR) / 100);
  return `[${'█'.repeat(full)}${'░'.repeat(BAR - full)}] ${weight} %`;
}

const left = (ms: number): string => (ms <= 0 ? 'now' : `in ${ageOf(new Date(0).toISOString(), new Date(ms))}`);

/** The step that follows when nothing fails, and when; null when none does. */
export function nextOf(tree: Tree): string | null {
  const { spec, status } = tree;
  if (spec === null || waitOf(tree) !== null) return null;
  const { phase, strategy } = status;
  if (phase === 'Mirroring' && !isDivided(strategy?.type)) return 'the template changes, then the first pod';
  if (phase === 'Mirroring')
    return `${spec.traffic.weights[0] ?? 100} % of live requests go to the canary, once it is ready and was mirrored to`;
  if (phase === 'TrafficShifting') return afterWeight(spec, status, tree);
  if (phase === 'Migrating')
    return afterPod(
      status,
      tree.sides.some(({ role }) => role === 'canary'),
    );
  if (phase === 'Failed') return 'the undo is tried again, until it succeeds';
  return phase === 'RollingBack' ? 'the objects are as they were before' : null;
}

function afterWeight({ traffic }: PlanSpec, { weight = 0 }: PlanStatus, { weightSince, now }: Tree): string {
  const next = traffic.weights.find((one) => one > weight);
  const what = next === undefined ? 'the workload itself is rolled out under the target' : `${next} %`;
  if (weightSince === null) return `${what}, after a hold of ${traffic.interval}`;
  return `${what} ${left(Date.parse(weightSince) + durationMs(traffic.interval) - now.getTime())}`;
}

function afterPod({ ordinals, strategy, weight = 0 }: PlanStatus, hasCanary: boolean): string {
  if (strategy?.type === 'NextRun') return 'what runs next is judged';
  if (!isDivided(strategy?.type) || ordinals !== undefined) return afterMoved(ordinals, strategy?.type === 'Ordered');
  if (weight > 0) return 'requests return to the workload';
  return hasCanary ? 'the canary is removed' : 'the migration ends';
}

function afterMoved(ordinals: PlanStatus['ordinals'], isOrdered: boolean): string {
  if (ordinals === undefined) return 'the first pod is ready under the target';
  const { moved, total } = ordinals;
  if (moved >= total) return 'the migration ends, once its last pod was judged';
  return isOrdered ? `pod ${total - moved - 1}` : 'another pod moves';
}

/** A pod of a run is over, and not unready, once it has ended. */
function markOf({ ready, state }: TreePod): string {
  if (state === 'Failed') return '✖';
  return ready || state === 'Succeeded' ? '✔' : '◌';
}

const rowOf = (pod: TreePod, depth: string, { now, targetSCC }: Tree): string[] => [
  `${depth}${markOf(pod)} ${pod.name}`,
  pod.scc === null ? '-' : `${pod.scc}${pod.scc === targetSCC ? ' ✔' : ''}`,
  pod.ready ? 'ready' : pod.state,
  ageOf(pod.createdAt, now),
  pod.node ?? '-',
];

const isOfRuns = ({ workload }: Tree): boolean => workload.startsWith('CronJob ');

/** How many pods of a side are ready; of a CronJob, which has none between its runs, how many runs are kept. */
const standOf = ({ wanted, ready, groups }: TreeSide, tree: Tree): string =>
  isOfRuns(tree) ? count(groups.length, 'run') : `${ready}/${wanted} ready`;

function groupRows(group: TreeGroup, isLast: boolean, tree: Tree): string[][] {
  const depth = isLast ? '   ' : '│  ';
  const ready = group.pods.filter((pod) => pod.ready).length;
  const count = isOfRuns(tree) ? '' : `${ready}/${group.pods.length}`;
  const age = group.createdAt === null ? '' : ageOf(group.createdAt, tree.now);
  return [
    [`${isLast ? '└─ ' : '├─ '}${group.name}`, '', count, age, ''],
    ...group.pods.map((pod, index) => rowOf(pod, `${depth}${index === group.pods.length - 1 ? '└─ ' : '├─ '}`, tree)),
  ];
}

const sideRows = (side: TreeSide, tree: Tree): string[][] => [
  [`${side.name}${side.role === 'canary' ? ' (canary)' : ''}`, '', standOf(side, tree), '', ''],
  ...side.groups.flatMap((group, index) => groupRows(group, index === side.groups.length - 1, tree)),
];

function bound({ min, max, relativeTo, dryRun }: Partial<MetricGate>): string {
  const unit = relativeTo === undefined ? '' : ` % of ${relativeTo}`;
  const bounds = [min === undefined ? null : `≥ ${min}${unit}`, max === undefined ? null : `≤ ${max}${unit}`];
  return `${bounds.filter(Boolean).join(', ') || '-'}${dryRun ? ' (dry run)' : ''}`;
}

function gateRows({ spec, samples }: Tree): string[][] {
  const known = spec?.gates.metrics ?? [];
  const names = [...new Set([...known.map(({ name }) => name), ...samples.map(({ gate }) => gate)])];
  return names.map((name) => {
    const sample = samples.findLast(({ gate }) => gate === name);
    const gate = known.find((one) => one.name === name);
    const value = sample?.value ?? null;
    return [
      name,
      sample?.verdict ?? 'not judged yet',
      value === null ? '-' : String(Math.round(value * 1000) / 1000),
      gate ? bound(gate) : '-',
      sample?.detail.replaceAll('\n', ' ') ?? '',
    ];
  });
}

/** The share of the canary as a bar while requests are divided, words where none are, nothing before they could be. */
function requestsOf({ spec, status: { phase, weight, strategy } }: Tree): string | null {
  const words = requestsWords({ phase, weight, strategy: strategy?.type, isDryRun: spec?.dryRun ?? false });
  return words ?? (weight === undefined ? null : `${bar(weight)} at the canary`);
}

const INDENT = 11;

/** A label and its text, which goes on below itself where it is wider than the terminal: a command must not be cut. */
function paragraph(label: string, text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (INDENT + last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line, index) => `${(index === 0 ? label : '').padEnd(INDENT - 1)} ${line}`);
}

/** How many pods run under the target; nothing where nothing moves, or what runs has no pods of its own. */
function movedPods({ status: { phase, pods, strategy }, spec }: Tree): string | null {
  const isStill = phase === 'Rejected' || spec?.dryRun === true || strategy?.type === 'NextRun';
  return isStill || pods === undefined ? null : `${pods.migrated} of ${count(pods.total, 'pod')}`;
}

/** The words of a phase with which its message begins. */
const OWN_WORDS: Partial<Record<Phase, RegExp>> = {
  Completed: /^completed: /,
  Rejected: /^rejected with /,
  RollingBack: /^rolling back /,
  RolledBack: /^rolled back;? /,
};

/** The phase and the first line of what is said of it, which often begins with the words of the phase. */
function phaseText({ phase = 'Pending', message = '' }: PlanStatus): string {
  const [line = ''] = message.split('\n', 1);
  const rest = line.replace(OWN_WORDS[phase] ?? '', '');
  return line === '' ? phase : `${phase}: ${rest}`;
}

function headLines(tree: Tree, columns: number): string[] {
  const { plan, status, workload, targetSCC, now } = tree;
  const wait = waitOf(tree);
  const next = nextOf(tree);
  const { ordinals, strategy } = status;
  const moved = ordinals ? `${ordinals.moved} of ${ordinals.total}, the last was ${ordinals.last}` : movedPods(tree);
  const pairs: [string, string | null][] = [
    ['plan', `${plan.namespace}/${plan.name}, ${ageOf(plan.createdAt, now)} old`],
    ['workload', `${workload}: ${status.sourceSCC ?? 'unknown'} → ${targetSCC}`],
    ['phase', phaseText(status)],
    ['strategy', strategy ? `${strategy.type}: ${strategyWords(strategy.type)}` : null],
    ['requests', requestsOf(tree)],
    ['moved', moved],
    ['next', next],
    [wait?.label ?? '', wait?.what ?? null],
    ['to act', wait?.how ?? null],
  ];
  return pairs.flatMap(([label, value]) => (value === null ? [] : paragraph(label, value, columns)));
}

/** An event by its time of today and its sentence: there is no room for more beside each other. */
function shortEvent({ at, message }: PlanEvent, now: Date): string {
  const isToday = at.slice(0, 10) === now.toISOString().slice(0, 10);
  const time = isToday ? at.slice(11, 19) : at.slice(0, 16).replace('T', ' ');
  return `${time}  ${message.replaceAll('\n', ' ')}`;
}

/**
 * A migration as text: plan, weights, workload with its pods, gates, the next step and the last events.
 * @param columns the width at which texts go on in the next line; Infinity where lines may have any
 */
export function draw(tree: Tree, columns = Infinity): string {
  const pods = tree.sides.flatMap((side) => sideRows(side, tree));
  const gates = gateRows(tree);
  const events = tree.events
    // A request for approvals and the wait for them have the same words.
    .filter(({ message }, place, all) => message !== all[place - 1]?.message)
    .slice(-EVENTS)
    .map((event) => shortEvent(event, tree.now));
  return [
    headLines(tree, columns).join('\n'),
    ...(pods.length === 0 ? [] : [table(['name', 'scc', 'ready', 'age', 'node'], pods)]),
    ...(gates.length === 0 ? [] : [table(['gate', 'verdict', 'value', 'bound', 'detail'], gates)]),
    ...(events.length === 0 ? [] : [`EVENTS\n${events.join('\n')}`]),
  ].join('\n\n');
}

/** The same in one line, for where nothing can be drawn again in its place. */
export function lineFor(tree: Tree): string {
  const { status, now } = tree;
  const wait = waitOf(tree);
  const pods = isOfRuns(tree)
    ? tree.sides.map((side) => standOf(side, tree)).join('')
    : tree.sides.map(({ role, ready, wanted }) => `${role} ${ready}/${wanted}`).join(', ');
  return [
    now.toISOString(),
    (status.phase ?? 'Pending').padEnd(15),
    shareText({ phase: status.phase, weight: status.weight ?? 0, strategy: status.strategy?.type }).padStart(5),
    pods,
    wait ? `${wait.label}: ${wait.what}` : status.message?.split('\n', 1)[0],
  ]
    .filter(Boolean)
    .join('  ');
}
