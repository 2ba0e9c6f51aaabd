import type { InformerHealth } from '@scc/kube';

/** The parts that the health of a replica depends on; times in milliseconds. */
export interface ReplicaState {
  stopping: boolean;
  /** Since the API server last answered about the lease; null before it ever did. */
  leaseContactMs: number | null;
  /** Null on a replica that stands by. */
  informer: Pick<InformerHealth, 'synced' | 'lastContactMs' | 'lastAttemptMs' | 'lastError'> | null;
  /** Why Temporal cannot be used, or null. */
  temporalFault: string | null;
}

/** Far beyond what a restart of the API server takes. */
const SILENCE_MS = 60_000;
/** A watch speaks, is given up or is tried again well within this time, in every state of the API server. */
const STUCK_MS = 10 * 60_000;

/**
 * Why the replica cannot do its work now, or null. One that stands by is ready: it would take over. A leader's watch
 * may be silent between two bookmarks, so its silence is judged by the lease, which the same API server answers for.
 */
export function unready({ stopping, leaseContactMs, informer, temporalFault }: ReplicaState): string | null {
  if (stopping) return 'stopping';
  if (leaseContactMs === null) return 'the API server has not answered yet';
  if (leaseContactMs > SILENCE_MS) return `the API server has not answered for ${Math.round(leaseContactMs / 1000)} s`;
  if (informer && !informer.synced) return `plans are not listed yet: ${informer.lastError ?? 'the list is under way'}`;
  return temporalFault;
}

/** Why only a restart helps, or null. An API server that is away is no reason: a restart would not bring it back. */
export function dead({ informer }: ReplicaState): string | null {
  if (!informer) return null;
  const idleMs = Math.min(informer.lastContactMs, informer.lastAttemptMs);
  return idleMs > STUCK_MS ? `plans were not watched for ${Math.round(idleMs / 1000)} s` : null;
}
