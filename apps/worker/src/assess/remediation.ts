import { DeadlineThreads } from '@scc/runtime';
import { REMEDIATION_MODULE, type RemediationFunctions } from '@scc/scc';

/** The bound of finding the smallest patch of one template, in milliseconds. */
export const REMEDIATION_MS = 30_000;

const threads = new DeadlineThreads<RemediationFunctions>({
  name: 'remediation',
  module: REMEDIATION_MODULE,
  deadlineMs: REMEDIATION_MS,
  // One large template makes no other migration wait for it.
  size: 2,
});

/**
 * Finds the smallest patch in a thread: templates and patches are users', and the worker's own thread keeps every other
 * migration alive.
 * @throws DeadlineExceeded
 */
export const remediateInThread = (
  ...asked: Parameters<RemediationFunctions['remediate']>
): Promise<ReturnType<RemediationFunctions['remediate']>> => threads.call('remediate', ...asked);
