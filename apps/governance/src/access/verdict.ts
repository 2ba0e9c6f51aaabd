import type { CallerIdentity } from '../call/actor.js';

/** The answer of a verifier about a token. */
export type AccessVerdict =
  | {
      known: true;
      identity: CallerIdentity;
      /** Milliseconds since 1970; null when the token does not say. */
      expiresAt: number | null;
    }
  | {
      known: false;
      /** For the log and never for the caller, who may be guessing. */
      reason: string;
      /** For the caller, whose token is genuine and cannot be used all the same: why, and what to do. */
      remedy?: string;
    };

/** @throws Error when the authority cannot be asked: that is not a verdict. */
export type Verify = (token: string) => Promise<AccessVerdict>;
