import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from '@jest/globals';
import type * as functions from './threads.fixture.js';
import { DeadlineExceeded, DeadlineThreads, type ThreadOptions } from './threads.js';

let threads: DeadlineThreads<typeof functions> | undefined;
const start = (over: Partial<ThreadOptions> = {}) =>
  (threads = new DeadlineThreads<typeof functions>({
    name: 'test',
    module: new URL('./threads.fixture.js', import.meta.url),
    deadlineMs: 60_000,
    ...over,
  }));
afterEach(async () => {
  await threads?.close();
});

describe('calls in threads', () => {
  it('return what the function returns, and again in the same thread', async () => {
    const called = start();
    expect(await called.call('twice', 21)).toBe(42);
    expect(await called.call('twice', 4)).toBe(8);
  });

  it('fail as the function fails, and the thread goes on', async () => {
    const called = start();
    await expect(called.call('fail')).rejects.toThrow('as told');
    expect(await called.call('twice', 1)).toBe(2);
  });

  it('end at their deadline, and those in line are answered', async () => {
    const called = start({ deadlineMs: 300 });
    const stuck = expect(called.call('spin')).rejects.toThrow(DeadlineExceeded);
    const next = called.call('twice', 3);
    await stuck;
    expect(await next).toBe(6);
  });

  it('are answered beside one that is stuck', async () => {
    const called = start({ size: 2 });
    const stuck = called.call('spin').catch((error: unknown) => error);
    expect(await called.call('twice', 5)).toBe(10);
    await called.close();
    expect(await stuck).toBeInstanceOf(Error);
  });

  it('end when they hold too much, and nothing else does', async () => {
    const called = start({ maxHeapMiB: 16 });
    await expect(called.call('hoard')).rejects.toThrow('hoard failed');
    expect(await called.call('twice', 6)).toBe(12);
  });

  it.each([
    [undefined, 10],
    ['lowest', 19],
  ] as const)('go behind those who wait for the processor: %s', async (priority, nice) => {
    const called = start(priority ? { priority } : {});
    expect(await called.call('priority')).toBe(Math.max(nice, getPriority()));
  });

  it('refuse what cannot be sent to a thread', async () => {
    const called = start();
    await expect(called.call('echo', () => 1)).rejects.toThrow(/could not be cloned/);
    expect(await called.call('twice', 2)).toBe(4);
    await expect(called.call('echo', () => 1)).rejects.toThrow(/could not be cloned/);
  });
});
