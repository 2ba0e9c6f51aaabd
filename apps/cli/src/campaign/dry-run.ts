import { getIfAllowed } from '@scc/kube';
import {
  CAMPAIGN_KIND,
  type CampaignSpec,
  LEAST_REACHABLE,
  MOST_WORKLOADS,
  parseCampaign,
  PLAN_API_VERSION,
} from '@scc/plan';
import { type Board, boardOf, callersUnread, configMapsFor } from '@scc/risk';
import { messageOf } from '@scc/runtime';
import { clusterObjectSchema } from '@scc/scc/scan';
import { CliError, EXIT } from '../exit.js';
import { readManifests } from '../manifests.js';
import { count, table } from '../output.js';
import { collect, judgeScan } from '../scan/command.js';
import type { Session } from '../session.js';

/** A campaign in a file. @throws CliError that names every violation */
async function campaignIn(file: string): Promise<{ name: string; spec: CampaignSpec }> {
  const [found, ...more] = (await readManifests(file)).filter(({ kind }) => kind === CAMPAIGN_KIND);
  if (!found || more.length > 0)
    throw new CliError(
      `${file}: ${more.length > 0 ? 'more than one' : 'no'} ${CAMPAIGN_KIND} found`,
      `One document has apiVersion: ${PLAN_API_VERSION} and kind: ${CAMPAIGN_KIND}.`,
      EXIT.invalid,
    );
  const parsed = parseCampaign(found['spec']);
  if (parsed.ok) return { name: found.metadata.name, spec: parsed.spec };
  const lines = parsed.violations.map(({ field, message, remedy }) => `${field}: ${message}. ${remedy}`);
  throw new CliError(`${file}: ${count(lines.length, 'violation')}\n${lines.join('\n')}`, null, EXIT.invalid);
}

/** The namespaces that have to be read; every one when nothing names them. */
const namespacesOf = ({ selector, workloads }: CampaignSpec): string[] => [
  ...new Set(selector ? selector.namespaces : workloads?.map(({ namespace }) => namespace)),
];

function textOf(name: string, { waves, left }: Board): string {
  const total = waves.reduce((sum, { workloads }) => sum + workloads.length, 0);
  const parts = [`campaign ${name}: ${count(total, 'workload')} in ${count(waves.length, 'wave')}`];
  for (const [at, { hash, workloads }] of waves.entries())
    parts.push(
      `wave ${at + 1}   ${hash}`,
      table(
        ['namespace', 'kind', 'name', 'from', 'to', 'account', 'risk', 'because of'],
        workloads.map(({ namespace, kind, name: workload, sourceSCC, targetSCC, serviceAccount, risk, why }) => [
          ...[namespace, kind, workload, sourceSCC ?? '-', targetSCC, serviceAccount, String(risk), why],
        ]),
      ),
    );
  if (left.length > 0)
    parts.push(
      'left as they are',
      table(
        ['workload', 'why'],
        left.map(({ workload, reason }) => [workload, reason]),
      ),
    );
  return parts.join('\n\n');
}

/**
 * Shows the whole board of a campaign as it would be now; nothing is written.
 * @param filename objects in files, in place of the cluster
 * @returns the exit code: 4 when no workload would be moved
 */
export async function dryRun(session: Session, file: string, filename: string[]): Promise<number> {
  const { name, spec } = await campaignIn(file);
  const source = { filename, namespace: filename.length > 0 ? [] : namespacesOf(spec) };
  const collected = await collect(session, source);
  const target = spec.targetSCC === LEAST_REACHABLE ? {} : { target: spec.targetSCC };
  const { rows, assumed, unreadable } = await judgeScan(session, collected, { ...source, ...target });
  for (const one of assumed) session.output.remark(`assumed: ${one}`);
  for (const { source: where, reason } of unreadable) session.output.remark(`not read: ${where}: ${reason}`);
  try {
    const { objects } = collected;
    // Files hold their ConfigMaps themselves.
    const named = filename.length > 0 ? [] : configMapsFor(spec, { objects, rows });
    const { found, refused } =
      named.length === 0 ? { found: [], refused: [] } : await getIfAllowed(await session.kube(), named);
    if (refused.length > 0) session.output.remark(callersUnread(refused));
    const all = [...objects, ...found.map((object) => clusterObjectSchema.parse(object))];
    const board = boardOf(spec, { objects: all, rows }, MOST_WORKLOADS);
    session.output.show({ campaign: name, ...board }, () => textOf(name, board));
    return board.waves.length > 0 ? EXIT.ok : EXIT.invalid;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new CliError(`spec.selector: ${messageOf(error)}`, 'Select fewer, and make a second campaign.', EXIT.invalid);
  }
}
