/** Who asks: the identity that the access layer established. */
export interface Caller {
  name: string;
  groups: string[];
  roles: string[];
}

/** Everything that a decision needs besides its input; time is a parameter. */
export interface CallContext {
  actor: Caller;
  requestId: string | null;
  now: Date;
}

/** The service itself, for what it does without being asked. */
export const SYSTEM: Caller = { name: 'system:governance', groups: [], roles: [] };
