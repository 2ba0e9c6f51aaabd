import type { PatchOperation } from './json-patch.js';
import type { PodHint, WriteHint } from './pod-hint.js';

/** The answer of a hook. */
export interface Answer {
  readonly allowed: boolean;
  /** For the client; only of a denial. */
  readonly message?: string;
  /** HTTP status and reason of a denial as the client sees it; 403 Forbidden unless said otherwise. */
  readonly code?: number;
  readonly reason?: string;
  readonly patch?: readonly PatchOperation[];
  readonly warnings?: readonly string[];
  readonly audit?: Readonly<Record<string, string>>;
}

export const ALLOWED: Answer = { allowed: true };
export const denied = (message: string, more: Partial<Answer> = {}): Answer => ({ allowed: false, message, ...more });
/** The review itself is not understood. */
export const notUnderstood = (message: string): Answer =>
  denied(`the admission review is not understood: ${message}`, { code: 400, reason: 'BadRequest' });

/** A decision would have to rest on facts that are not known in time. */
export interface Undecided {
  readonly undecided: string;
}

/** An answer, and what tracking and the registry should learn from it. */
export type HintedAnswer = Answer & { readonly hint?: PodHint; readonly wrote?: WriteHint };

export type ReviewOutcome = HintedAnswer | Undecided;
