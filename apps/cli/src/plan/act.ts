import {
  type ApprovalState,
  approvalStateSchema,
  approvalSummarySchema,
  commandGrantSchema,
} from '@scc/governance-api';
import type { CommandName, PlanRef } from '@scc/plan';
import { WorkflowNotFoundError, WorkflowUpdateFailedError } from '@temporalio/client';
import { type CommandOutcome, commandUpdate, undoWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import { CliError, EXIT } from '../exit.js';
import { fields } from '../output.js';
import type { Session } from '../session.js';
import { findPlan } from './find.js';

export interface ActOptions {
  namespace: string;
  name: string;
  reason?: string | undefined;
  /** Of a plan that the cluster no longer has. */
  uid?: string | undefined;
}

export interface DecideOptions extends ActOptions {
  role?: string | undefined;
  /** The content hash that the caller looked at; what waits now when absent. */
  content?: string | undefined;
  /** Rights that the author lacks and the caller lends. */
  lend?: string[] | undefined;
}

/** Records a decision about what the plan would do now. */
export async function decideApproval(
  session: Session,
  decision: 'approve' | 'refuse',
  { namespace, name, reason, role, uid, content, lend }: DecideOptions,
): Promise<undefined> {
  const ref = uid === undefined ? (await findPlan(session, namespace, name)).ref : { namespace, name, uid };
  const rest = session.governance();
  const contentHash = content ?? (await pendingContent(session, ref));
  const body = { decision, contentHash, reason, role, ...(lend?.length ? { lends: lend } : {}) };
  const path = `/v1/migrations/${encodeURIComponent(ref.uid)}/approvals`;
  const state = await rest.ask(approvalStateSchema, { method: 'POST', path, body });
  session.output.show({ plan: ref, contentHash, ...state }, () =>
    fields([
      ['plan', `${namespace}/${name}`],
      ['decision', decision],
      ['of content', contentHash],
      ['status', state.status],
      ['by', state.by.join(', ')],
      ['needs', state.needs.map((need) => `${need.granted} of ${need.count} ${need.role}`).join(', ')],
      ['to be lent', unlent(state.needs).join('; ') || null],
    ]),
  );
  return undefined;
}

/** The rights that the author lacks and no approver has lent yet, as `--lend` names them. */
const unlent = (needs: ApprovalState['needs']): string[] =>
  needs.flatMap(({ lends = [], lent = [] }) => lends.filter((right) => !lent.includes(right)));

/** The content that waits for a decision now. */
async function pendingContent(session: Session, { namespace, name, uid }: PlanRef): Promise<string> {
  const query = { status: 'pending', plan: uid };
  const [request] = await session.governance().list(approvalSummarySchema, { path: '/v1/approvals', query }, 1);
  if (!request)
    throw new CliError(
      `plan ${namespace}/${name} waits for no approval`,
      `See why with: sccctl plan status ${name} -n ${namespace}`,
    );
  return request.contentHash;
}

/** A token that gives the command the caller's authority; null when no address of governance is given. */
async function grantOf(
  session: Session,
  ref: PlanRef,
  command: CommandName,
  reason: string | null,
): Promise<string | null> {
  if (!session.hasGovernance) {
    session.output.remark('governance is not known (--server), so the command goes without your authority');
    return null;
  }
  const path = `/v1/migrations/${encodeURIComponent(ref.uid)}/command-grants`;
  return (await session.governance().ask(commandGrantSchema, { method: 'POST', path, body: { command, reason } }))
    .token;
}

/** Sends a command to the running migration. @returns 1 when the migration did not take it. */
export async function command(session: Session, name: CommandName, options: ActOptions): Promise<number> {
  const { namespace, name: plan, uid } = options;
  const ref = uid === undefined ? (await findPlan(session, namespace, plan)).ref : { namespace, name: plan, uid };
  const reason = options.reason ?? null;
  const token = await grantOf(session, ref, name, reason);
  const actor = token === null ? null : await session.callerName();
  const outcome = await send(session, ref, name, {
    ...(actor === null ? {} : { actor }),
    ...(reason === null ? {} : { reason }),
    ...(token === null ? {} : { token }),
  });
  session.output.show({ plan: ref, command: name, ...outcome }, () =>
    fields([
      ['plan', `${ref.namespace}/${ref.name}`],
      ['command', name],
      ['applied', outcome.applied ? 'yes' : 'no'],
      ['reason', outcome.reason],
    ]),
  );
  return outcome.applied ? EXIT.ok : EXIT.failed;
}

async function send(
  session: Session,
  ref: PlanRef,
  name: CommandName,
  input: { actor?: string; reason?: string; token?: string },
): Promise<CommandOutcome> {
  const { workflow } = await session.temporal();
  // A migration whose own workflow was lost is undone by another one.
  const ids = [workflowIdOf(ref), undoWorkflowIdOf(ref)];
  for (const id of ids) {
    try {
      return await workflow.getHandle(id).executeUpdate(commandUpdate(name), { args: [input] });
    } catch (error) {
      if (error instanceof WorkflowUpdateFailedError)
        throw new CliError(`the migration refused ${name}: ${error.cause?.message ?? error.message}`);
      if (!(error instanceof WorkflowNotFoundError)) throw error;
    }
  }
  throw new CliError(
    `no migration of plan ${ref.namespace}/${ref.name} runs`,
    `See how it ended with: sccctl plan status ${ref.name} -n ${ref.namespace}`,
  );
}
