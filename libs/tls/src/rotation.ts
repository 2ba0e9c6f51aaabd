import { X509Certificate } from 'node:crypto';
import type { Issued } from './certificates.js';

/** All in milliseconds. */
export interface RotationTiming {
  readonly authorityLifeMs: number;
  readonly leafLifeMs: number;
  /**
   * How long a change must have been visible to everybody before the next step relies on it: an authority in every
   * `caBundle` before it signs what is served, a new certificate on every replica before the old authority goes.
   */
  readonly settleMs: number;
}

/** The state that all replicas share. */
export interface RotationState {
  /** Oldest first, PEM. The last one signs. */
  readonly authorities: readonly string[];
  /** Of the last authority, PEM. */
  readonly authorityKey: string;
  readonly leaf: Issued | undefined;
  /** Since when `leaf` is kept, ISO 8601. */
  readonly leafSince: string;
}

export interface RotationFacts {
  readonly state: RotationState | undefined;
  /** The `caBundle`s that the API server holds, PEM; none while no webhook is installed. */
  readonly held: readonly string[];
  /** Since when all of them are known to have the newest authority; undefined when they do not. */
  readonly heldSince: Date | undefined;
  readonly now: Date;
}

export type RotationStep =
  /** A new authority that signs nothing yet. */
  | { readonly do: 'make-authority' }
  /** Every authority into every `caBundle`. */
  | { readonly do: 'publish'; readonly bundle: string }
  | { readonly do: 'issue-leaf' }
  /** All authorities but the newest go. */
  | { readonly do: 'drop-authorities' }
  | { readonly do: 'wait' };

/** Two thirds of a life are over. */
const isDue = (pem: string, lifeMs: number, now: Date): boolean =>
  new X509Certificate(pem).validToDate.getTime() - now.getTime() <= lifeMs / 3;

const hasEnded = (pem: string, now: Date): boolean => new X509Certificate(pem).validToDate <= now;

/** Compared without line ends: storing a bundle may change them. */
const bare = (pem: string): string => pem.replaceAll(/\s/g, '');
export const bundleOf = (authorities: readonly string[]): string =>
  authorities.map((pem) => `${pem.trim()}\n`).join('');
export const holds = (bundle: string, authority: string): boolean => bare(bundle).includes(bare(authority));

const isSignedBy = (leaf: Issued, authority: string): boolean => {
  const certificate = new X509Certificate(leaf.certificate);
  const issuer = new X509Certificate(authority);
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
};

const since = (start: Date | undefined, now: Date): number => (start ? now.getTime() - start.getTime() : -1);

type Known = RotationFacts & { readonly state: RotationState };

function leafStep({ state, held, heldSince, now }: Known, timing: RotationTiming): RotationStep {
  const { settleMs } = timing;
  // A certificate never outlives its authority.
  const leafLifeMs = Math.min(timing.leafLifeMs, timing.authorityLifeMs);
  const newest = state.authorities.at(-1) ?? '';
  const isTrusted = held.length === 0 || since(heldSince, now) >= settleMs;
  if (!state.leaf || hasEnded(state.leaf.certificate, now)) return { do: 'issue-leaf' };
  const mustChange = !isSignedBy(state.leaf, newest) || isDue(state.leaf.certificate, leafLifeMs, now);
  if (mustChange) return isTrusted ? { do: 'issue-leaf' } : { do: 'wait' };
  const hasSettled = since(new Date(state.leafSince), now) >= settleMs;
  return state.authorities.length > 1 && hasSettled ? { do: 'drop-authorities' } : { do: 'wait' };
}

/**
 * The next step of keeping certificates alive, such that at no moment a client refuses what is served: a new authority
 * is trusted everywhere before it signs, and an old one is distrusted only when nothing that it signed is served.
 */
export function nextRotationStep(facts: RotationFacts, timing: RotationTiming): RotationStep {
  const { state, held, now } = facts;
  const newest = state?.authorities.at(-1);
  if (!state || newest === undefined || hasEnded(newest, now)) return { do: 'make-authority' };
  // A second rotation begins only when the first one has ended.
  if (state.authorities.length === 1 && isDue(newest, timing.authorityLifeMs, now)) return { do: 'make-authority' };
  const bundle = bundleOf(state.authorities);
  if (held.some((one) => bare(one) !== bare(bundle))) return { do: 'publish', bundle };
  return leafStep({ ...facts, state }, timing);
}
