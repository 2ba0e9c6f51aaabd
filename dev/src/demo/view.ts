import type { PlanStatus } from '@scc/plan';
import type { Scenario } from './scenarios.js';
import { bySCC, type WatchedPod } from './watched.js';

/** Everything that the live view shows of the scenario being played. */
export interface View {
  scenario: Pick<Scenario, 'id' | 'title' | 'workload' | 'spec'>;
  /** The work of the demo: the migration is one of its steps. */
  step: string;
  startedMs: number;
  status: PlanStatus;
  pods: WatchedPod[];
  requests: LoadCounters;
}

export interface LoadCounters {
  sent: number;
  failed: number;
  perSecond: number;
  p99Ms: number | null;
  /** Answers of the last moment by the SCC of the pod that gave them, all services together. */
  bySCC: Record<string, number>;
}

export const noRequests: LoadCounters = { sent: 0, failed: 0, perSecond: 0, p99Ms: null, bySCC: {} };

const BAR = 20;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);
const counted = (counts: Record<string, number>): string =>
  Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

export function phaseSeconds(status: PlanStatus, nowMs: number): { phase: string; seconds: number }[] {
  const history = status.history ?? [];
  const endMs = status.finishedAt === undefined ? nowMs : Date.parse(status.finishedAt);
  return history.flatMap(({ phase, at }, index) => {
    const next = history[index + 1];
    const over = next === undefined && status.finishedAt !== undefined;
    const ms = (next ? Date.parse(next.at) : endMs) - Date.parse(at);
    return over ? [] : [{ phase, seconds: Math.max(0, ms) / 1000 }];
  });
}

const podsText = (pods: readonly WatchedPod[]): string => {
  const there = pods.filter(({ leaving }) => !leaving);
  const ready = (some: readonly WatchedPod[]): string =>
    `${some.filter((pod) => pod.ready).length}/${some.length} ready`;
  const group = (name: string, some: readonly WatchedPod[]): string[] =>
    some.length ? [`${name} ${counted(bySCC(some))} (${ready(some)})`] : [];
  const leaving = pods.length - there.length;
  return [
    ...group(
      'workload',
      there.filter(({ canary }) => !canary),
    ),
    ...group(
      'canary',
      there.filter(({ canary }) => canary),
    ),
    ...(leaving ? [`${leaving} leaving`] : []),
  ].join(' · ');
};

function answeredText({ bySCC: answers }: LoadCounters): string {
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  const shares = Object.entries(answers)
    .filter(([scc]) => scc !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([scc, count]) => `${scc} ${Math.round((100 * count) / total)} %`);
  return shares.length ? `answered by ${shares.join(', ')}` : '';
}

const requestsText = (requests: LoadCounters): string => {
  const { sent, failed, perSecond, p99Ms } = requests;
  const p99 = p99Ms === null ? '' : `, p99 ${p99Ms.toFixed(1)} ms`;
  return `${sent} sent, ${failed} failed, ${perSecond}/s${p99}`;
};

const bar = (percent: number): string => {
  const full = Math.round((percent / 100) * BAR);
  return '█'.repeat(full) + '░'.repeat(BAR - full);
};

/** The live view as lines of a terminal. */
export function frame({ scenario, step, startedMs, status, pods, requests }: View, nowMs: number): string[] {
  const weight = status.weight ?? 0;
  const phases = phaseSeconds(status, nowMs).map(({ phase, seconds: lasted }) => `${phase} ${lasted.toFixed(1)}`);
  return [
    `${scenario.id}  ${scenario.title}`,
    `   ${step}, ${seconds(nowMs - startedMs)} s`,
    `   plan      ${status.phase ?? '-'}${status.message === undefined ? '' : `: ${status.message.split('\n')[0] ?? ''}`}`,
    `   phases    ${phases.join(' → ') || '-'}`,
    `   weight    ${bar(weight)} ${weight} % on the canary`,
    `   pods      ${podsText(pods)}`,
    `   requests  ${requestsText(requests)}`,
    `             ${answeredText(requests)}`,
  ];
}

/** The same in one line, for a log. */
export const line = ({ status, pods, requests }: View): string =>
  [status.phase ?? '-', `${status.weight ?? 0} %`, podsText(pods), requestsText(requests)].join(' | ');

/** The changes that make a new line worth printing. */
export const mark = ({ scenario, step, status }: View): string =>
  [scenario.id, step, status.phase, status.weight].join(' ');
