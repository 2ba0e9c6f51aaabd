import { isDivided, type Strategy } from '@scc/plan/words';
import { boundsOf } from './figures.js';
import type { ApprovalView } from './types.js';

type View = Pick<ApprovalView, 'grants' | 'traffic' | 'gates' | 'rollback' | 'window' | 'workload'>;
type Gates = ApprovalView['gates'];

const trafficWords = ({ mirror, weights, interval, accept }: ApprovalView['traffic']): string[] => [
  ...(mirror.percentage > 0
    ? [
        `first copies of ${mirror.percentage} % of ${mirror.methods === 'Safe' ? 'the GET, HEAD and OPTIONS requests' : 'all requests, writes too'} for ${mirror.duration}`,
      ]
    : []),
  `then ${weights.map((weight) => `${weight} %`).join(', ')} of the requests, each for ${interval}`,
  ...accept.map(({ kind, name }) => `${kind} ${name} is accepted as it is`),
];

const metricWords = (metric: Gates['metrics'][number]): string => {
  const { name, preset, query, web, relativeTo, dryRun, interval, failureLimit, noData } = metric;
  const of = preset ?? query ?? web?.url ?? 'nothing';
  const bounds = boundsOf(metric).map(({ text }) => text.slice(name.length + 2));
  return [
    `${name}: ${of} ${bounds.join(' and ')}${relativeTo === undefined ? '' : ' % of the other side'}`,
    `asked each ${interval}, ${failureLimit} failures tolerated, no data: ${noData}`,
    ...(dryRun ? ['it ends nothing (dryRun)'] : []),
  ].join('; ');
};

const gateWords = ({ readiness, metrics, webhooks, jobs = [] }: Gates): string[] => [
  `all pods ready within ${readiness.timeout}`,
  ...metrics.map(metricWords),
  ...webhooks.map(({ name, url, at }) => `${name}: ${url} agrees, ${at}`),
  ...jobs.map(({ name, from, at }) => `${name}: a Job of ${from.kind} ${from.name} completes, ${at}`),
];

const windowWords = ({ notBefore, windows, expectedDurationSeconds }: ApprovalView['window']): string[] => [
  ...(notBefore === null ? [] : [`not before ${notBefore}`]),
  ...windows.map(({ days, from, to, timeZone }) => `${days.join(', ')} from ${from} to ${to} (${timeZone})`),
  `it takes about ${Math.ceil(expectedDurationSeconds / 60)} min`,
];

/**
 * What a plan would do beside the change of the template, in words that an approver can hold it to. The weights of a plan
 * are left out where no canary will have them.
 */
export const courseWords = ({ grants, traffic, gates, rollback, window, workload }: View, strategy: Strategy | null) =>
  [
    { title: 'Grants', lines: grants },
    {
      title: 'Traffic',
      lines: workload.services.length === 0 || !isDivided(strategy ?? undefined) ? [] : trafficWords(traffic),
    },
    { title: 'Gates', lines: gateWords(gates) },
    {
      title: 'When a gate fails',
      lines: [
        rollback.onFailure === 'Automatic'
          ? 'everything is undone at once'
          : 'it stands still until an operator decides',
      ],
    },
    { title: 'Window', lines: windowWords(window) },
  ].filter(({ lines }) => lines.length > 0);
