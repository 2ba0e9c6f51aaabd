/** A pod that is about to exist, as admission saw it. A hint only: the cluster may still refuse the pod. */
export interface PodHint {
  /** As the API server will store it: with its uid, name and final annotations. */
  readonly pod: unknown;
  readonly operation: 'CREATE' | 'UPDATE';
  readonly scc: string;
  readonly subjectType: string;
  /** JSON pointers of the fields that admission wrote to this pod or its siblings. */
  readonly mutations: readonly string[];
}

/** A write that admission let pass and that may lead to other pods. A hint only: the cluster may still refuse it. */
export interface WriteHint {
  /** Empty for an SCC. */
  readonly namespace: string;
  readonly kind: string;
  readonly name: string;
  /** The user. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}
