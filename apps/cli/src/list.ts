import { type Phase, PHASES, PLAN_TYPE, shareText } from '@scc/plan';
import { Command, Option } from 'commander';
import { ageOf, table } from './output.js';
import { type FoundPlan, planFrom } from './plan/find.js';
import type { Run, Session } from './session.js';

interface ListOptions {
  namespace: string;
  allNamespaces: boolean;
  phase?: Phase;
}

const phaseOf = ({ status }: FoundPlan): Phase => status.phase ?? 'Pending';

/** The plans of a list as a table; `wide` adds strategy, pods, risk and what each does now. */
export function listText(plans: readonly FoundPlan[], now: Date, isWide: boolean): string {
  const header = ['namespace', 'name', 'workload', 'phase', 'weight', 'from', 'to', 'age'];
  return table(
    isWide ? [...header, 'strategy', 'pods', 'risk', 'message'] : header,
    plans.map((plan) => {
      const { ref, workload, targetSCC, status, createdAt } = plan;
      const { phase, strategy, pods, risk, weight, sourceSCC, message } = status;
      const usual = [
        ...[ref.namespace, ref.name, workload.replace(' ', '/'), phaseOf(plan)],
        ...[shareText({ phase, weight, strategy: strategy?.type }), sourceSCC ?? '-', targetSCC, ageOf(createdAt, now)],
      ];
      const more = [
        strategy?.type ?? '-',
        pods ? `${pods.migrated}/${pods.total}` : '-',
        risk?.band ?? '-',
        (message ?? '-').split('\n', 1)[0] ?? '',
      ];
      return isWide ? [...usual, ...more] : usual;
    }),
  );
}

async function list(session: Session, { namespace, allNamespaces, phase }: ListOptions): Promise<undefined> {
  const kube = await session.kube();
  const { items } = await kube.list(PLAN_TYPE, allNamespaces ? {} : { namespace });
  const plans = items
    .map(planFrom)
    .filter((plan) => phase === undefined || phaseOf(plan) === phase)
    .toSorted((one, other) => keyOf(one).localeCompare(keyOf(other)));
  if (plans.length === 0 && session.output.format !== 'json') {
    const where = allNamespaces ? 'the cluster' : `the namespace ${namespace} (-A looks at all)`;
    session.output.remark(`no plan${phase === undefined ? '' : ` in phase ${phase}`} in ${where}`);
    return undefined;
  }
  session.output.show(
    plans.map(({ ref, workload, targetSCC, createdAt, status }) => ({
      ...ref,
      workload,
      targetSCC,
      createdAt,
      ...status,
    })),
    () => listText(plans, new Date(), session.output.isWide),
  );
  return undefined;
}

const keyOf = ({ ref }: FoundPlan): string => `${ref.namespace}/${ref.name}`;

/** `sccctl list` */
export const listCommand = (run: Run): Command =>
  new Command('list')
    .description('plans and where they are; -o wide shows more, -o json everything')
    .option('-n, --namespace <namespace>', 'where the plans are', 'default')
    .option('-A, --all-namespaces', 'of every namespace', false)
    .addOption(new Option('--phase <phase>', 'only plans in this phase').choices(PHASES))
    .action((options: ListOptions) => run((session) => list(session, options)));
