import { workloadHistorySchema, workloadSCCSchema } from '@scc/governance-api';
import { WORKLOAD_KINDS } from '@scc/plan';
import { Command } from 'commander';
import type { z } from 'zod';
import { CliError, EXIT } from './exit.js';
import { count, fields, table, timeBetween } from './output.js';
import type { Run, Session } from './session.js';

type History = z.infer<typeof workloadHistorySchema>;
type Moment = z.infer<typeof workloadSCCSchema>;
type Under = Pick<Moment['observed'][number], 'scc' | 'version' | 'pods'>;

interface WorkloadOptions {
  namespace: string;
  at?: string;
}

async function workload(session: Session, named: string, { namespace, at }: WorkloadOptions): Promise<undefined> {
  const [kindName = '', name = '', ...more] = named.split('/');
  const kind = WORKLOAD_KINDS.find((known) => known.toLowerCase() === kindName.toLowerCase());
  if (kind === undefined || name === '' || more.length > 0)
    throw new CliError(
      `${named} names no workload`,
      `Write it as deployment/ledger; kinds are ${WORKLOAD_KINDS.join(', ')}.`,
      EXIT.usage,
    );
  const path = `/v1/workloads/${[namespace, kind, name].map(encodeURIComponent).join('/')}`;
  const rest = session.governance();
  if (at === undefined) {
    const history = await rest.ask(workloadHistorySchema, { method: 'GET', path: `${path}/history` });
    session.output.show(history, () => historyText(history));
  } else {
    const found = await rest.ask(workloadSCCSchema, {
      method: 'GET',
      path: `${path}/scc?at=${encodeURIComponent(at)}`,
    });
    session.output.show(found, () => momentText(found));
  }
  return undefined;
}

const contentOf = ({ scc, version }: Omit<Under, 'pods'>): string =>
  `${scc ?? 'no SCC'}${version === null ? '' : ` version ${version}`}`;
const withPods = (under: Under): string => `${contentOf(under)}: ${count(under.pods, 'pod')}`;

/** Under what a workload ran, newest first, and when its pods ran under several contents. */
export const historyText = ({ items, mixtures }: History): string =>
  [
    table(
      ['scc', 'since', 'until', 'why', 'by'],
      items.map((entry) => [
        contentOf(entry),
        entry.activatedAt,
        entry.deactivatedAt === null ? '-' : timeBetween(entry.deactivatedAfter, entry.deactivatedAt),
        entry.planUid === null ? entry.reason : `${entry.reason} by the plan ${entry.planUid}`,
        entry.actor ?? entry.manager ?? '-',
      ]),
    ),
    ...(mixtures.length > 0
      ? [
          table(
            ['side by side since', 'until', 'pods'],
            mixtures.map(({ from, to, toAfter, pods }) => [
              from,
              to === null ? '-' : timeBetween(toAfter, to),
              pods.map(withPods).join(', '),
            ]),
          ),
        ]
      : []),
  ].join('\n\n');

/** Under what a workload ran at a time. */
export function momentText(found: Moment): string {
  const { observed, uncertain } = found;
  return fields([
    ['scc', contentOf(found)],
    ...observed.map(({ mayHaveEnded, ...under }): [string, string] => [
      'pods',
      `${withPods(under)}${mayHaveEnded > 0 ? `, of which ${mayHaveEnded} may have ended before: nothing watched it` : ''}`,
    ]),
    [
      'content',
      uncertain &&
        `the SCC was edited ${timeBetween(uncertain.from, uncertain.to)}, while nothing followed the cluster: ` +
          `version ${uncertain.versions.map((version) => version ?? 'unknown').join(' or ')}`,
    ],
    ['since', found.activatedAt],
    ['until', found.deactivatedAt && timeBetween(found.deactivatedAfter, found.deactivatedAt)],
    ['why', found.reason],
    ['plan', found.planUid],
    ['by', found.actor ?? found.manager],
  ]);
}

/** `sccctl workload` */
export const workloadCommand = (run: Run): Command =>
  new Command('workload')
    .description('under which SCC, and which version of it, a workload ran, and since when')
    .argument('<kind/name>', 'such as deployment/ledger')
    .option('-n, --namespace <namespace>', 'where the workload is', 'default')
    .option('--at <time>', 'at this time only (RFC 3339)')
    .action((named: string, options: WorkloadOptions) => run((session) => workload(session, named, options)));
