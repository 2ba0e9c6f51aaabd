import { isConflict } from '@scc/kube';
import { type Logger, pause } from '@scc/runtime';
import { type Issued, issueLeaf, makeAuthority } from './certificates.js';
import type { KeyPair } from './chain.js';
import type { CertificateSource } from './follow.js';
import {
  bundleOf,
  holds,
  nextRotationStep,
  type RotationState,
  type RotationStep,
  type RotationTiming,
} from './rotation.js';

/** Keeps the state of a rotation for all replicas. */
export interface RotationStore {
  /** Without a state, the place for it is there and empty; undefined: there is none. */
  read(): Promise<{ readonly state: RotationState | undefined; readonly version: string } | undefined>;
  /** @throws KubeError on a conflict when the state is another than `version` by now; undefined: there was none */
  write(state: RotationState, version: string | undefined): Promise<void>;
}

/** The `caBundle`s of the installed webhooks. */
export interface Bundles {
  held(): readonly string[];
  publish(bundle: string): Promise<void>;
}

export interface RotatorOptions {
  readonly store: RotationStore;
  readonly bundles: Bundles;
  readonly timing: RotationTiming;
  /** In the certificates; DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly onChange: (pair: KeyPair) => void;
  readonly onFailure: () => void;
  readonly logger: Logger;
  readonly now?: () => Date;
}

/** Steps that one look may take: more would mean that two replicas undo each other's work. */
const STEPS_AT_ONCE = 6;

/** Performs the steps of a rotation. Any number of replicas do so at once; conflicts are for the next look. */
export class Rotator {
  readonly #options: RotatorOptions;
  #served: KeyPair | undefined;
  #heldSince: { readonly authority: string; readonly at: Date } | undefined;

  constructor(options: RotatorOptions) {
    this.#options = options;
  }

  /** The certificate to serve; undefined before the first look that succeeded. */
  get current(): KeyPair | undefined {
    return this.#served;
  }

  /** Looks at everything and does what is due. Tells failures; never throws. */
  async look(): Promise<void> {
    try {
      for (let step = 0; step < STEPS_AT_ONCE; step += 1) if (!(await this.#step())) return;
    } catch (error) {
      if (isConflict(error)) return;
      this.#options.onFailure();
      this.#options.logger.warn({ err: error }, 'rotating certificates failed and is tried again');
    }
  }

  /** @returns whether anything was done */
  async #step(): Promise<boolean> {
    const { store, bundles, timing, logger } = this.#options;
    const now = this.#now();
    const stored = await store.read();
    if (stored?.state) this.#serve(stored.state);
    const held = bundles.held();
    const facts = { state: stored?.state, held, heldSince: this.#observe(stored?.state, held, now), now };
    const step = nextRotationStep(facts, timing);
    if (step.do === 'wait') return false;
    logger.info({ step: step.do }, 'rotating certificates');
    if (step.do === 'publish') {
      await bundles.publish(step.bundle);
      // Whether it arrived is read back, and never taken from the answer to the write.
      return false;
    }
    const next = await this.#changed(step, stored?.state, now);
    await store.write(next, stored?.version);
    this.#serve(next);
    return true;
  }

  async #changed(
    { do: what }: Exclude<RotationStep, { do: 'publish' | 'wait' }>,
    state: RotationState | undefined,
    now: Date,
  ): Promise<RotationState> {
    const { timing, names } = this.#options;
    const newest = state?.authorities.at(-1);
    if (what === 'make-authority' || !state || newest === undefined) {
      const made = await makeAuthority('scc-webhook', { now, lifeMs: timing.authorityLifeMs });
      const rest = { leaf: state?.leaf, leafSince: state?.leafSince ?? now.toISOString() };
      return { authorities: [...(state?.authorities ?? []), made.certificate], authorityKey: made.key, ...rest };
    }
    if (what === 'drop-authorities') return { ...state, authorities: [newest] };
    const authority: Issued = { certificate: newest, key: state.authorityKey };
    const leaf = await issueLeaf(authority, { names, now, lifeMs: timing.leafLifeMs });
    return { ...state, leaf, leafSince: now.toISOString() };
  }

  /** Since when every held bundle has the newest authority, as far as this process has seen. */
  #observe(state: RotationState | undefined, held: readonly string[], now: Date): Date | undefined {
    const newest = state?.authorities.at(-1);
    const isHeld = newest !== undefined && held.every((bundle) => holds(bundle, newest));
    if (!isHeld) this.#heldSince = undefined;
    else if (this.#heldSince?.authority !== newest) this.#heldSince = { authority: newest, at: now };
    return this.#heldSince?.at;
  }

  #serve({ leaf, authorities }: RotationState): void {
    if (!leaf) return;
    const pair = { ...leaf, authorities: bundleOf(authorities) };
    if (JSON.stringify(pair) === JSON.stringify(this.#served)) return;
    const isNew = leaf.certificate !== this.#served?.certificate;
    this.#served = pair;
    if (isNew) this.#options.onChange(pair);
  }

  #now(): Date {
    return this.#options.now?.() ?? new Date();
  }
}

/** Keeps certificates alive from now on. Resolves when there is one to serve. */
export async function startRotation(options: RotatorOptions, everyMs: number): Promise<CertificateSource> {
  const rotator = new Rotator(options);
  const stopping = new AbortController();
  const first = Promise.withResolvers<KeyPair>();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await rotator.look();
      if (rotator.current) first.resolve(rotator.current);
      await pause(everyMs, stopping.signal);
    }
  };
  const running = run();
  let current = await first.promise;
  return {
    get current() {
      current = rotator.current ?? current;
      return current;
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
