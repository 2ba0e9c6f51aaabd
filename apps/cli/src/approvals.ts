import { type ApprovalView, approvalSummarySchema, approvalViewSchema } from '@scc/governance-api';
import { Command } from 'commander';
import { fields, table } from './output.js';
import { findPlan } from './plan/find.js';
import type { Run, Session } from './session.js';

interface ListOptions {
  status: string;
  namespace?: string;
  plan?: string;
}

async function list(session: Session, { status, namespace, plan }: ListOptions): Promise<undefined> {
  const query = { status: status === 'any' ? undefined : status, namespace, plan };
  const items = await session.governance().list(approvalSummarySchema, { path: '/v1/approvals', query });
  session.output.show(items, () =>
    table(
      ['plan', 'author', 'status', 'needs', 'by', 'asked', 'deadline', 'uid', 'content'],
      items.map(({ plan: of, status: state, needs, by, requestedAt, expiresAt, contentHash }) => [
        `${of.namespace}/${of.name}`,
        of.author ?? '-',
        state,
        needsText(needs),
        by.join(', ') || '-',
        requestedAt,
        expiresAt ?? '-',
        of.uid,
        contentHash.slice(0, 12),
      ]),
    ),
  );
  return undefined;
}

const needsText = (needs: ApprovalView['needs']): string =>
  needs.map(({ role, count, granted }) => `${granted} of ${count} ${role}`).join(', ') || '-';

interface ShowOptions {
  namespace: string;
  uid?: string;
}

async function show(session: Session, name: string, { namespace, uid }: ShowOptions): Promise<undefined> {
  const id = uid ?? (await findPlan(session, namespace, name)).ref.uid;
  const path = `/v1/migrations/${encodeURIComponent(id)}/approval`;
  const view = await session.governance().ask(approvalViewSchema, { method: 'GET', path });
  session.output.show(view, () => approvalText(view));
  return undefined;
}

const lines = (title: string, items: readonly string[]): string[] =>
  items.length === 0 ? [] : [`${title}:\n${items.map((item) => `  - ${item}`).join('\n')}`];

const shown = (value: unknown): string => (value === null ? 'absent' : JSON.stringify(value));

/** Everything that an approver needs, in the order in which they ask for it. */
export function approvalText(view: ApprovalView): string {
  const { plan, workload, rights, risk, window, gates, traffic } = view;
  return [
    fields([
      ['plan', `${plan.namespace}/${plan.name} (${plan.uid})`],
      ['author', [view.author ?? 'unknown', ...view.editors].join(', edited by ')],
      ['workload', `${workload.kind} ${workload.name}, ${workload.replicas} pods as ${rights.serviceAccountName}`],
      ['services', workload.services.join(', ')],
      ['SCC', `${rights.sourceSCC ?? 'unknown'} → ${rights.targetSCC} (${rights.relation})`],
      ['risk', `${risk.band}: change ${risk.changeRisk.toFixed(2)}, exposure ${risk.exposure.toFixed(2)}`],
      ['verdict', view.verdict],
      ['status', view.status],
      ['needs', needsText(view.needs)],
      ['approved by', view.by.join(', ')],
      ['reason', view.reason],
      ['weights', traffic.weights.join(', ')],
      ['begins', window.mayStartAt ?? window.reason],
      ['takes about', `${Math.ceil(window.expectedDurationSeconds / 60)} min`],
      ['deadline', view.deadline],
      ['content', view.contentHash],
    ]),
    ...lines(
      'why it needs approval',
      view.needs.map(({ role, reason }) => `${role}: ${reason}`),
    ),
    ...lines('gains', rights.gains),
    ...lines('grants', view.grants),
    ...lines(
      'rights used in the name of those who wrote it',
      rights.uses.map(({ right, heldBy, missingFor }) =>
        [
          right,
          `held by ${heldBy.join(', ') || 'none of them'}`,
          missingFor.length > 0 ? `missing for ${missingFor.join(', ')}` : '',
        ]
          .filter(Boolean)
          .join(': '),
      ),
    ),
    ...lines(
      'changes of the pod template',
      view.diff.map(({ path, before, after }) => `${path}: ${shown(before)} → ${shown(after)}`),
    ),
    ...lines(
      'beyond what the target SCC needs',
      view.extras.map(({ field, change }) => `${field} (${change})`),
    ),
    ...lines(
      'gates',
      gates.metrics
        .map(({ name }) => name)
        .concat(
          gates.webhooks.map(({ name }) => `webhook ${name}`),
          (gates.jobs ?? []).map(({ name }) => `Job ${name}`),
        ),
    ),
    ...lines(
      'violations',
      view.violations.map(({ field, message }) => `${field}: ${message}`),
    ),
    ...lines('warnings', view.warnings),
    ...lines(
      'policies without effect',
      view.recorded.map(({ policy, because, message }) => `${policy} (${because}): ${message}`),
    ),
    `to approve exactly this: sccctl approve ${plan.name} -n ${plan.namespace} --content ${view.contentHash}`,
  ].join('\n\n');
}

/** `sccctl approvals …` */
export function approvalsCommand(run: Run): Command {
  const command = new Command('approvals').description('what waits for approval, and what an approver needs to know');
  command
    .command('list')
    .description('requests for approval, the newest first')
    .option('--status <status>', 'pending, granted, refused, expired, withdrawn, closed or any', 'pending')
    .option('-n, --namespace <namespace>')
    .option('--plan <uid>', 'only those of this plan')
    .action((options: ListOptions) => run((session) => list(session, options)));
  command
    .command('show')
    .description('everything that an approver needs to decide about a plan')
    .argument('<name>', 'of the plan')
    .option('-n, --namespace <namespace>', 'where the plan is', 'default')
    .option('--uid <uid>', 'of the plan: the cluster is then not asked')
    .action((name: string, options: ShowOptions) => run((session) => show(session, name, options)));
  return command;
}
