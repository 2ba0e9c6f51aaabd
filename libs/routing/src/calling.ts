import { isRecord } from '@scc/plan';

/** What is read of a pod. */
interface Caller {
  metadata: { deletionTimestamp?: string | undefined };
  status?: unknown;
}

/** Whether a pod can call somebody now: it is ready and does not end. */
export function isCalling({ metadata, status }: Caller): boolean {
  if (metadata.deletionTimestamp !== undefined || !isRecord(status) || status['phase'] !== 'Running') return false;
  const conditions: unknown[] = Array.isArray(status['conditions']) ? status['conditions'] : [];
  return conditions.some((one) => isRecord(one) && one['type'] === 'Ready' && one['status'] === 'True');
}
