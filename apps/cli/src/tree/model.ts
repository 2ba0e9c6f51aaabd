import type { GateSample, PlanSpec, PlanStatus } from '@scc/plan';
import type { PlanEvent } from '../logs.js';

/** A pod as the tree shows it. */
export interface TreePod {
  readonly name: string;
  /** Of a StatefulSet; null elsewhere. */
  readonly ordinal: number | null;
  readonly scc: string | null;
  readonly node: string | null;
  readonly ready: boolean;
  /** Its phase, or why a container of it waits. */
  readonly state: string;
  readonly createdAt: string | null;
}

/** Pods of one template: a ReplicaSet, or those of a StatefulSet that share a revision. */
export interface TreeGroup {
  readonly name: string;
  readonly createdAt: string | null;
  readonly pods: readonly TreePod[];
}

/** The workload, or its canary. */
export interface TreeSide {
  readonly name: string;
  readonly role: 'workload' | 'canary';
  readonly wanted: number;
  readonly ready: number;
  readonly groups: readonly TreeGroup[];
}

/** Everything that one picture of a migration shows. */
export interface Tree {
  readonly now: Date;
  readonly plan: { readonly namespace: string; readonly name: string; readonly createdAt: string | undefined };
  readonly spec: PlanSpec | null;
  readonly status: PlanStatus;
  readonly workload: string;
  readonly targetSCC: string;
  readonly sides: readonly TreeSide[];
  /** The newest sample of each gate; empty where governance is not known. */
  readonly samples: readonly GateSample[];
  /** When the present weight was reached; null where that is not known. */
  readonly weightSince: string | null;
  readonly events: readonly PlanEvent[];
}
