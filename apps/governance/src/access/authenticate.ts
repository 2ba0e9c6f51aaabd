import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import type { CallerIdentity } from '../call/actor.js';
import { Refusal } from '../refusal/refusal.js';
import { askInTime } from './deadline.js';
import { ExpiringCache } from './expiring-cache.js';
import { FailureLimit } from './failure-limit.js';
import { claimsOf } from './token-review.js';
import type { AccessVerdict, Verify } from './verdict.js';

/** How long a token that was good stays good: the longest that a revoked one still opens the door. */
const POSITIVE_MS = 60_000;
const NEGATIVE_MS = 5000;
const MAX_TOKENS = 10_000;
const BEARER = /^Bearer ([A-Za-z0-9._~+/=-]{1,16384})$/i;

type Rejected = Extract<AccessVerdict, { known: false }>;

/** Too many failures from one address; the caller should wait. */
export class TooManyFailures extends Refusal {
  constructor(readonly retryAfterSeconds: number) {
    super('tooMany', 'too many failed authentications from your address');
  }
}

export interface AuthenticatorOptions {
  /** For tokens of the cluster, and for everything that is not a token of the issuer of people. */
  cluster: Verify;
  people: { issuer: string; verify: Verify } | null;
  log: Logger;
  /** Milliseconds since 1970. */
  now: () => number;
  /** How many failed authentications an address may have at once; 20 unless said. */
  failureBurst?: number;
}

/** Finds out who sends a request, from its bearer token. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  readonly #good: ExpiringCache<CallerIdentity>;
  readonly #bad: ExpiringCache<Rejected>;
  readonly #running = new Map<string, Promise<CallerIdentity>>();
  readonly #limit: FailureLimit;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#good = new ExpiringCache(MAX_TOKENS, options.now);
    this.#bad = new ExpiringCache(MAX_TOKENS, options.now);
    this.#limit = new FailureLimit(options.now, options.failureBurst);
  }

  /**
   * @param header the Authorization header
   * @param address of the caller, whose failures are counted
   * @throws Refusal `unauthenticated`, `forbidden` with the reason for a genuine token that cannot be used, `tooMany`, or `unavailable` when the authority could not be asked.
   */
  async identify(header: string | undefined, address: string): Promise<CallerIdentity> {
    if (header === undefined) throw new Refusal('unauthenticated', 'send a bearer token');
    const token = BEARER.exec(header)?.[1];
    if (token === undefined) return this.#fail(address, { known: false, reason: 'the header holds no bearer token' });
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.#good.get(key);
    if (known) return known;
    const wait = this.#limit.waitSeconds(address);
    // Known callers are asked about again: others at the same address cannot lock them out.
    if (wait > 0 && !this.#good.remembers(key)) throw new TooManyFailures(wait);
    const rejected = this.#bad.get(key);
    if (rejected) return this.#fail(address, rejected);
    return this.#verifyOnce(key, token, address);
  }

  /** Requests that come at once with one token ask once. */
  #verifyOnce(key: string, token: string, address: string): Promise<CallerIdentity> {
    const running = this.#running.get(key);
    if (running) return running;
    const started = this.#verify(key, token, address).finally(() => this.#running.delete(key));
    this.#running.set(key, started);
    return started;
  }

  async #verify(key: string, token: string, address: string): Promise<CallerIdentity> {
    const { people, cluster, log, now } = this.#options;
    const verify = people && claimsOf(token)?.iss === people.issuer ? people.verify : cluster;
    const verdict: AccessVerdict = await askInTime('who you are', () => verify(token), log);
    if (!verdict.known) {
      this.#good.delete(key);
      this.#bad.set(key, verdict, now() + NEGATIVE_MS);
      return this.#fail(address, verdict);
    }
    const until = Math.min(now() + POSITIVE_MS, verdict.expiresAt ?? Infinity);
    this.#good.set(key, verdict.identity, until);
    return verdict.identity;
  }

  #fail(address: string, { reason, remedy }: Rejected): never {
    this.#options.log.warn({ address, reason }, 'authentication failed');
    // A caller with a genuine token does not guess.
    if (remedy !== undefined) throw new Refusal('forbidden', remedy);
    this.#limit.record(address);
    throw new Refusal('unauthenticated', 'the token is not accepted');
  }
}
