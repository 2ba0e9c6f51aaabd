import { trackedPodSchema } from '@scc/governance-api';
import { Command } from 'commander';
import { table, timeBetween } from './output.js';
import type { Run, Session } from './session.js';

interface PodsOptions {
  scc?: string;
  namespace?: string;
  owner?: string;
  gone?: boolean;
}

async function pods(session: Session, { scc, namespace, owner, gone }: PodsOptions): Promise<undefined> {
  const [ownerKind, ownerName] = owner?.split('/') ?? [];
  const query = { scc, namespace, ownerKind, ownerName, running: gone ? 'false' : 'true' };
  const items = await session.governance().list(trackedPodSchema, { path: '/v1/pods', query });
  session.output.show(items, () =>
    table(
      ['namespace', 'name', 'scc', 'by', 'owner', 'node', 'since', ...(gone ? ['gone'] : [])],
      items.map((pod) => [
        pod.namespace,
        pod.name,
        pod.scc ?? '-',
        pod.subjectType ?? '-',
        pod.owner ? `${pod.owner.kind}/${pod.owner.name}` : '-',
        pod.node ?? '-',
        pod.firstSeen,
        ...(gone ? [pod.goneAt === null ? '-' : timeBetween(pod.lastSeen, pod.goneAt)] : []),
      ]),
    ),
  );
  return undefined;
}

/** `sccctl pods` */
export const podsCommand = (run: Run): Command =>
  new Command('pods')
    .description('which pods run under which SCC')
    .option('--scc <name>', 'only pods under this SCC')
    .option('-n, --namespace <namespace>')
    .option('--owner <kind/name>', 'only pods of this workload, such as Deployment/ledger')
    .option('--gone', 'pods that are gone as well')
    .action((options: PodsOptions) => run((session) => pods(session, options)));
