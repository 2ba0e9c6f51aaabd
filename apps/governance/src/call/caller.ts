/** The caller, by the identity that the access layer established. */
export interface Caller {
  name: string;
  groups: string[];
  roles: string[];
}

/** The attributes by which access reviews ask about a caller again, beside the name. */
export interface KnownAs {
  groups: string[];
  uid: string | null;
  /** Facts that the API server knows besides, such as the scopes of a token. */
  extra: Record<string, string[]>;
}

/** Everything that a decision needs besides its input; time is a parameter. */
export interface CallContext {
  actor: Caller;
  requestId: string | null;
  now: Date;
  /** Absent for the service itself. */
  knownAs?: KnownAs;
  /** Whether the cluster knows the caller under this name, so that it can be asked what they may do. */
  isOfCluster?: boolean;
}

/** The service itself, for what it does without being asked. */
export const SYSTEM: Caller = { name: 'system:governance', groups: [], roles: [] };
