import { describe, expect, it } from '@jest/globals';
import { KubeError } from '@scc/kube';
import { createLogger } from '@scc/runtime';
import { anchorOf, type KeyPair } from './chain.js';
import type { RotationState } from './rotation.js';
import { Rotator, type RotationStore } from './rotator.js';

const SECOND = 1000;
const DAY = 24 * 60 * 60 * SECOND;
const TIMING = { authorityLifeMs: 365 * DAY, leafLifeMs: 30 * DAY, settleMs: 30 * SECOND };
const START = Date.parse('2026-11-26T00:00:00Z');

class MemoryStore implements RotationStore {
  #kept: { state: RotationState; version: string } | undefined;
  #writes = 0;
  read = () => Promise.resolve(this.#kept);
  write = (state: RotationState, version: string | undefined): Promise<void> => {
    if (version !== this.#kept?.version)
      return Promise.reject(new KubeError(409, { message: 'changed meanwhile', reason: 'Conflict' }));
    this.#writes += 1;
    this.#kept = { state, version: String(this.#writes) };
    return Promise.resolve();
  };
}

/** A cluster whose API servers learn of a published bundle only after `lagMs`. */
class LateBundles {
  readonly #published: { at: number; bundle: string }[] = [{ at: 0, bundle: '' }];
  constructor(
    private readonly clock: { now: number },
    private readonly lagMs: number,
  ) {}
  publish = (bundle: string): Promise<void> => {
    this.#published.push({ at: this.clock.now, bundle });
    return Promise.resolve();
  };
  /** The stored bundles. */
  held = (): string[] => [this.#published.at(-1)?.bundle ?? ''];
  /** The bundle that the slowest API server still goes by. */
  get inEffect(): string {
    return this.#published.findLast(({ at }) => at + this.lagMs <= this.clock.now)?.bundle ?? '';
  }
}

interface Replica {
  readonly rotator: Rotator;
  served: KeyPair | undefined;
}

function rotation(replicas: number, { lagMs = 20 * SECOND, timing = TIMING } = {}) {
  const clock = { now: START };
  const store = new MemoryStore();
  const bundles = new LateBundles(clock, lagMs);
  const failures = { count: 0 };
  const made = Array.from({ length: replicas }, (): Replica => {
    const replica: { rotator?: Rotator; served: KeyPair | undefined } = { served: undefined };
    const rotator = new Rotator({
      store,
      bundles,
      timing,
      names: ['scc-webhook.scc-system.svc'],
      onChange: (pair) => (replica.served = pair),
      onFailure: () => (failures.count += 1),
      logger: createLogger('rotation-test', 'silent'),
      now: () => new Date(clock.now),
    });
    return Object.assign(replica, { rotator });
  });
  return { clock, store, bundles, replicas: made, failures };
}

/** Lets time pass; after every look each replica must be trusted by the slowest API server. */
async function live(
  { clock, bundles, replicas }: ReturnType<typeof rotation>,
  { forMs, everyMs }: { forMs: number; everyMs: number },
): Promise<{ refused: number; leaves: Set<string>; anchors: Set<string> }> {
  const seen = { refused: 0, leaves: new Set<string>(), anchors: new Set<string>() };
  const callAll = (): void => {
    for (const { certificate } of replicas.flatMap(({ served }) => served ?? [])) {
      const anchor = anchorOf(certificate, bundles.inEffect, new Date(clock.now));
      if (anchor) seen.anchors.add(anchor.fingerprint256);
      else seen.refused += 1;
      seen.leaves.add(certificate);
    }
  };
  for (const end = clock.now + forMs; clock.now < end; clock.now += everyMs)
    for (const { rotator } of replicas) {
      await rotator.look();
      callAll();
    }
  return seen;
}

describe('rotation', () => {
  it('serves within one look and is trusted as soon as the API servers know', async () => {
    const world = rotation(1);
    await live(world, { forMs: 60 * SECOND, everyMs: 10 * SECOND });
    expect((await live(world, { forMs: 60 * SECOND, everyMs: 10 * SECOND })).refused).toBe(0);
  });

  it('renews certificate and authority over three years of three replicas without a refused call', async () => {
    const world = rotation(3);
    await live(world, { forMs: 2 * 60 * SECOND, everyMs: 10 * SECOND });
    const seen = { refused: 0, leaves: new Set<string>(), anchors: new Set<string>() };
    for (let day = 0; day < 3 * 365; day += 8) {
      world.clock.now += 8 * DAY;
      const today = await live(world, { forMs: 60 * SECOND, everyMs: 20 * SECOND });
      seen.refused += today.refused;
      for (const leaf of today.leaves) seen.leaves.add(leaf);
      for (const anchor of today.anchors) seen.anchors.add(anchor);
    }
    expect(seen.refused).toBe(0);
    expect(seen.leaves.size).toBeGreaterThanOrEqual(40);
    expect(seen.anchors.size).toBeGreaterThanOrEqual(4);
    expect(world.failures.count).toBe(0);
  }, 120_000);

  it('goes by the authority that ends, even when the certificate would live on', async () => {
    const world = rotation(1, { timing: { ...TIMING, leafLifeMs: 20 * 365 * DAY } });
    await live(world, { forMs: 2 * 60 * SECOND, everyMs: 10 * SECOND });
    world.clock.now += 244 * DAY;
    const seen = await live(world, { forMs: 3 * 60 * SECOND, everyMs: 10 * SECOND });
    expect(seen).toMatchObject({ refused: 0 });
    expect(seen.anchors.size).toBe(2);
  });

  it('heals a bundle that was overwritten', async () => {
    const world = rotation(1);
    await live(world, { forMs: 2 * 60 * SECOND, everyMs: 10 * SECOND });
    await world.bundles.publish('');
    await live(world, { forMs: 60 * SECOND, everyMs: 10 * SECOND });
    expect((await live(world, { forMs: 60 * SECOND, everyMs: 10 * SECOND })).refused).toBe(0);
  });

  it('starts over after it was away for longer than its certificates live', async () => {
    const world = rotation(1);
    await live(world, { forMs: 2 * 60 * SECOND, everyMs: 10 * SECOND });
    world.clock.now += 400 * DAY;
    await live(world, { forMs: 2 * 60 * SECOND, everyMs: 10 * SECOND });
    expect((await live(world, { forMs: 60 * SECOND, everyMs: 10 * SECOND })).refused).toBe(0);
  });
});
