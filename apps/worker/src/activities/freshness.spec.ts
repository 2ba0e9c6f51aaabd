import type { KubeClient, KubeObject } from '@scc/kube';
import { FRESH_MS, Heart, Standstill, withHeart, writesWhileFresh } from './freshness.js';

/** A clock that goes on only when told to. */
function aClock() {
  const clock = { ms: 1_000 };
  return { now: () => clock.ms, pass: (ms: number) => void (clock.ms += ms) };
}
const object: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' } };

/** A client that counts its calls. */
function aClient() {
  const calls: string[] = [];
  const kube = new Proxy({} as KubeClient, {
    get: (_none, name) => () => Promise.resolve(void calls.push(String(name))),
  });
  return { kube, calls };
}

describe('the heart of an activity', () => {
  it('beats while its worker runs, and never again after a standstill', () => {
    const { now, pass } = aClock();
    const heart = new Heart(now(), now);
    for (let count = 0; count < 5; count++) {
      pass(FRESH_MS);
      expect(heart.beat()).toBe(true);
    }
    pass(FRESH_MS + 1);
    expect(heart.beat()).toBe(false);
    expect(heart.beat()).toBe(false);
  });
});

describe('a standstill of the process', () => {
  it('makes attempts stale that were scheduled before it ended, and no later ones', () => {
    const monotonic = aClock();
    const wall = aClock();
    const pass = (ms: number): void => [monotonic, wall].forEach((clock) => clock.pass(ms));
    const standstill = new Standstill(monotonic.now, wall.now);
    pass(FRESH_MS);
    expect(standstill.hasPassed(wall.now())).toBe(false);
    const during = wall.now() + 5;
    pass(60_000);
    expect(standstill.hasPassed(during)).toBe(true);
    pass(1);
    expect(standstill.hasPassed(wall.now())).toBe(false);
    expect(standstill.hasPassed(during)).toBe(true);
  });
});

describe('writes of an activity', () => {
  const WRITES: [string, (kube: KubeClient) => Promise<unknown>][] = [
    ['apply', (kube) => kube.apply(object, { fieldManager: 'x' })],
    ['applyStatus', (kube) => kube.applyStatus(object, { fieldManager: 'x' })],
    ['create', (kube) => kube.create(object)],
    ['replace', (kube) => kube.replace(object)],
    ['patch', (kube) => kube.patch({ ...object, name: 'a' }, { type: 'merge', body: {} })],
    ['delete', (kube) => kube.delete({ ...object, name: 'a' })],
  ];

  it.each(WRITES)('%s waits for no one while its heartbeat is fresh, and fails when it is not', async (name, write) => {
    const { now, pass } = aClock();
    const { kube, calls } = aClient();
    const fresh = writesWhileFresh(kube, new Standstill(now));
    await withHeart(new Heart(now(), now), async () => {
      await write(fresh);
      pass(60_000);
      await expect(write(fresh)).rejects.toMatchObject({ type: 'Overtaken', nonRetryable: false });
      await expect(write(fresh)).rejects.toThrow('stood still');
    });
    expect(calls).toEqual([name]);
  });

  it('leave reads alone', async () => {
    const { now, pass } = aClock();
    const { kube, calls } = aClient();
    await withHeart(new Heart(now(), now), async () => {
      pass(60_000);
      await writesWhileFresh(kube, new Standstill(now)).get({ ...object, name: 'a' });
    });
    expect(calls).toEqual(['get']);
  });
});
