import type { Context } from '@temporalio/activity';
import { TRIES } from '@scc/migration/contract';
import { activityContext } from '@scc/testing/activity-context';

/** An activity that Temporal has tried for nine seconds, or as long as is said, with this as its last try. */
export const contextOf = ({ agoMs = 9_000, signal }: { agoMs?: number; signal?: AbortSignal } = {}): Context =>
  activityContext({
    workflowExecution: { workflowId: 'scc/shop/ledger/u1', runId: crypto.randomUUID() },
    attempt: TRIES,
    agoMs,
    ...(signal ? { signal } : {}),
  });
