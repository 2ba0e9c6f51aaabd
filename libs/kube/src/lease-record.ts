import { PLAN_GROUP } from '@scc/plan';
import { z } from 'zod';
import { microTime, type KubeObject } from './object.js';

const LEASE = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
/** Tells a process from an earlier one of the same name. */
const INSTANCE = `${PLAN_GROUP}/holder-instance`;

const specSchema = z.looseObject({
  holderIdentity: z.string().nullish(),
  leaseDurationSeconds: z.number().nullish(),
  leaseTransitions: z.number().nullish(),
  acquireTime: z.string().nullish(),
});

export interface LeaseName {
  namespace: string;
  name: string;
}

export interface Candidate {
  identity: string;
  instance: string;
  durationMs: number;
}

export const leaseId = ({ namespace, name }: LeaseName) => ({ ...LEASE, namespace, name });

const specOf = (lease: KubeObject | undefined) => specSchema.parse(lease?.['spec'] ?? {});

/** This very process holds the lease. */
export const isHeldBy = (lease: KubeObject, { identity, instance }: Candidate): boolean =>
  specOf(lease).holderIdentity === identity && lease.metadata.annotations?.[INSTANCE] === instance;

/**
 * Whether a candidate may take a lease that it has seen unchanged for `seenForMs`, by its own clock: the holder's clock
 * is never compared with. To a candidate that has just started, a holder of its own name is an earlier process of that
 * name, and gone; later it is a process that was given the same name by mistake.
 */
export function mayTake(lease: KubeObject, candidate: Candidate & { hasStarted: boolean }, seenForMs: number): boolean {
  const { holderIdentity, leaseDurationSeconds } = specOf(lease);
  if (!holderIdentity || isHeldBy(lease, candidate)) return true;
  if (holderIdentity === candidate.identity && !candidate.hasStarted) return true;
  return seenForMs > (leaseDurationSeconds ?? 0) * 1000;
}

/** The lease as the candidate takes it; fenced by the resourceVersion of what it saw. */
export function taken(lease: KubeObject | undefined, where: LeaseName, candidate: Candidate, now: Date): KubeObject {
  const { holderIdentity, leaseTransitions } = specOf(lease);
  const transitions = leaseTransitions ?? 0;
  return {
    ...LEASE,
    metadata: {
      ...(lease?.metadata ?? where),
      annotations: { ...lease?.metadata.annotations, [INSTANCE]: candidate.instance },
    },
    spec: {
      holderIdentity: candidate.identity,
      leaseDurationSeconds: Math.ceil(candidate.durationMs / 1000),
      acquireTime: microTime(now),
      renewTime: microTime(now),
      leaseTransitions: lease && holderIdentity !== candidate.identity ? transitions + 1 : transitions,
    },
  };
}

export const renewed = (lease: KubeObject, now: Date): KubeObject => ({
  ...lease,
  spec: { ...specOf(lease), renewTime: microTime(now) },
});

/** The lease as its holder leaves it: free at once. */
export const released = (lease: KubeObject, now: Date): KubeObject => ({
  ...lease,
  spec: { ...specOf(lease), holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) },
});
