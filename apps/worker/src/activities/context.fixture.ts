import type { Context } from '@temporalio/activity';
import { TRIES } from '@scc/migration/contract';
import { activityContext } from '@scc/testing/activity-context';

/** An activity that Temporal has tried for nine seconds, with this as its last try. */
export const contextOf = (): Context =>
  activityContext({
    workflowExecution: { workflowId: 'scc/shop/ledger/u1', runId: crypto.randomUUID() },
    attempt: TRIES,
    agoMs: 9_000,
  });
