import type { ApprovalState, GovernanceClient, Receipt } from '@scc/governance-api';
import type { MigrationActivities, KeptReceipt } from '@scc/migration/contract';

type GovernanceActivities = Pick<MigrationActivities, 'approvalState' | 'authorizeStep' | 'checkCommand'>;

const millis = (time: string | null): number | null => (time === null ? null : Date.parse(time));

/** Without the checkpoint, which is the same for many of them. */
export const kept = ({ entryId, leafHash, index }: Receipt): KeptReceipt => ({ entryId, leafHash, index });

function waitsFor({ needs }: ApprovalState): string {
  return needs.map(({ role, count, granted }) => `${granted} of ${count} × ${role}`).join(', ');
}

/** Questions to governance. An unreachable governance is not an answer: the calls are tried again until it responds. */
export function governanceActivities(governance: GovernanceClient): GovernanceActivities {
  return {
    approvalState: async ({ uid }) => {
      const state = await governance.approval(uid);
      switch (state.status) {
        case 'notRequired':
        case 'granted':
          return { status: 'granted', by: state.by };
        case 'pending':
          return { status: 'pending', message: waitsFor(state) };
        case 'refused':
          return { status: 'refused', message: state.reason ?? 'refused without a reason' };
        case 'expired':
          return { status: 'refused', message: state.reason ?? 'it was not approved in time' };
      }
    },
    authorizeStep: async ({ uid }, { step, contentHash, detail }) => {
      const {
        allowed,
        reason,
        retryAt,
        waitsFor: wait,
        receipt,
      } = await governance.authorizeStep(uid, {
        step,
        contentHash,
        detail: detail.slice(0, 200),
      });
      return {
        allowed,
        reason,
        retryAtMs: millis(retryAt),
        ...(wait ? { waitsFor: wait } : {}),
        checkpoint: receipt.checkpoint,
        receipts: [kept(receipt)],
      };
    },
    checkCommand: async ({ uid }, { command, source, input }) => {
      const { allowed, reason, grantedTo, receipt } = await governance.checkCommand(uid, {
        command,
        source,
        actor: input.actor ?? null,
        reason: input.reason?.slice(0, 1000) ?? null,
        token: input.token ?? null,
      });
      return { allowed, reason, grantedTo, receipts: [kept(receipt)] };
    },
  };
}
