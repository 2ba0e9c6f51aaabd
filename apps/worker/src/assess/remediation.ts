import { DeadlineThreads } from '@scc/runtime';
import { REMEDIATION_MODULE, type RemediationFunctions } from '@scc/scc';

/** The bound of finding the smallest patch of one template, in milliseconds. */
export const REMEDIATION_MS = 30_000;

/** Templates of more containers than this are found elsewhere. */
const MANY = 40;

const shared = { module: REMEDIATION_MODULE, deadlineMs: REMEDIATION_MS };
const threads = new DeadlineThreads<RemediationFunctions>({ ...shared, name: 'remediation', size: 2 });
/** One large template makes no other migration wait for it. */
const forLarge = new DeadlineThreads<RemediationFunctions>({
  ...{ ...shared, name: 'remediation-large', priority: 'lowest' },
});

type Remediate = RemediationFunctions['remediate'];

/**
 * Finds the smallest patch in a thread: templates and patches are users', and the worker's own thread keeps every other
 * migration alive.
 * @throws DeadlineExceeded
 */
export const remediateInThread = (...asked: Parameters<Remediate>): Promise<ReturnType<Remediate>> => {
  const [{ spec }] = asked;
  const count = spec.containers.length + (spec.initContainers?.length ?? 0);
  return (count > MANY ? forLarge : threads).call('remediate', ...asked);
};
