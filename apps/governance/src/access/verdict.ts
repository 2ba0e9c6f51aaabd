/** Somebody whom authentication knows. */
export interface Identity {
  name: string;
  groups: string[];
  uid: string | null;
  /** What the API server knows besides, such as the scopes of a token; access reviews need it back. */
  extra: Record<string, string[]>;
  by: 'tokenReview' | 'oidc';
}

/** What a verifier says about a token. */
export type Verdict =
  | {
      known: true;
      identity: Identity;
      /** Milliseconds since 1970; null when the token does not say. */
      expiresAt: number | null;
    }
  | {
      known: false;
      /** For the log and never for the caller, who may be guessing. */
      reason: string;
      /** For the caller, whose token is genuine and can not be used all the same: why, and what to do. */
      remedy?: string;
    };

/** @throws Error when nobody can be asked: that is no verdict. */
export type Verify = (token: string) => Promise<Verdict>;
