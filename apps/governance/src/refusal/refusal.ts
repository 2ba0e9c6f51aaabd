/** A domain rule said no. The HTTP layer turns the kind into a status and the issues into the members of a problem. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly kind: RefusalKind,
    message: string,
    readonly issues: { field: string; message: string }[] = [],
  ) {
    super(message);
  }
}

export type RefusalKind =
  | 'unauthenticated'
  | 'notFound'
  | 'forbidden'
  | 'conflict'
  | 'stale'
  | 'conditionMissing'
  | 'invalid'
  | 'tooMany'
  /** Something that is needed for an answer is away; asking again later may help. */
  | 'unavailable';

/** The HTTP status of each kind. */
export const REFUSAL_STATUS: Record<RefusalKind, number> = {
  unauthenticated: 401,
  notFound: 404,
  forbidden: 403,
  conflict: 409,
  stale: 412,
  conditionMissing: 428,
  invalid: 422,
  tooMany: 429,
  unavailable: 503,
};
