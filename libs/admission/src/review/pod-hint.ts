/** What admission saw of a pod that is about to exist. A hint only: the cluster may still refuse the pod. */
export interface PodHint {
  /** As the API server will store it: with its uid, name and final annotations. */
  readonly pod: unknown;
  readonly operation: 'CREATE' | 'UPDATE';
  readonly scc: string;
  readonly subjectType: string;
  /** JSON pointers of the fields that admission wrote to this pod or its siblings. */
  readonly mutations: readonly string[];
}
