import { waitFor } from '@scc/runtime';
import { KeyQueue } from './key-queue.js';

/** Work that goes on until it is told to end, and remembers what ran beside what. */
function bench(concurrency = 8) {
  const started: string[] = [];
  const failures: string[] = [];
  const running = new Map<string, PromiseWithResolvers<undefined>>();
  let most = 0;
  const queue = new KeyQueue({
    work: async (key) => {
      if (running.has(key)) throw new Error(`${key} is worked on twice at once`);
      const end = Promise.withResolvers<undefined>();
      started.push(key);
      running.set(key, end);
      most = Math.max(most, running.size);
      await end.promise.finally(() => running.delete(key));
    },
    failed: (key, error) => failures.push(`${key}: ${(error as Error).message}`),
    concurrency,
    firstRetryMs: 5,
  });
  const startedTimes = (count: number) =>
    waitFor(() => started.length >= count, { timeoutMs: 2000, everyMs: 1, what: `${count} pieces of work` });
  return {
    queue,
    started,
    failures,
    most: () => most,
    end: (key: string) => running.get(key)?.resolve(undefined),
    fail: (key: string) => running.get(key)?.reject(new Error('no')),
    startedTimes,
  };
}

describe('key queue', () => {
  it('works on different keys beside each other, within its bound', async () => {
    const { queue, started, end, most, startedTimes } = bench(2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(started).toEqual(['a', 'b']);
    end('a');
    await startedTimes(3);
    expect(started).toEqual(['a', 'b', 'c']);
    expect(most()).toBe(2);
    end('b');
    end('c');
    await queue.stop();
  });

  it('works once more on a key that was added while it was worked on, however often', async () => {
    const { queue, started, end, failures, startedTimes } = bench();
    for (let count = 0; count < 5; count++) queue.add('a');
    expect(started).toEqual(['a']);
    end('a');
    await startedTimes(2);
    end('a');
    await waitFor(() => queue.size === 0, { timeoutMs: 2000, what: 'the queue to be empty' });
    expect(started).toEqual(['a', 'a']);
    expect(failures).toEqual([]);
    await queue.stop();
  });

  it('tries a key again that failed, and lets others pass meanwhile', async () => {
    const { queue, started, end, fail, failures, startedTimes } = bench(1);
    queue.add('a');
    queue.add('b');
    fail('a');
    await startedTimes(2);
    expect(started).toEqual(['a', 'b']);
    end('b');
    await startedTimes(3);
    end('a');
    await waitFor(() => queue.size === 0, { timeoutMs: 2000, what: 'the queue to be empty' });
    expect(started).toEqual(['a', 'b', 'a']);
    expect(failures).toEqual(['a: no']);
    await queue.stop();
  });

  it('does not let news wait for the next try', async () => {
    const delays: number[] = [];
    let works = 0;
    const queue = new KeyQueue({
      work: () => (++works === 1 ? Promise.reject(new Error('no')) : Promise.resolve()),
      failed: (_key, _error, retryMs) => delays.push(retryMs),
      firstRetryMs: 60_000,
    });
    queue.add('a');
    await waitFor(() => delays.length === 1, { timeoutMs: 2000, what: 'the failure' });
    queue.add('a');
    await waitFor(() => works === 2 && queue.size === 0, { timeoutMs: 2000, what: 'the second try' });
    await queue.stop();
  });

  it('waits longer after each failure, and begins again after a success', async () => {
    const delays: number[] = [];
    const outcomes = [false, false, false, true, false, true];
    const queue = new KeyQueue({
      work: () => (outcomes.shift() ? Promise.resolve() : Promise.reject(new Error('no'))),
      failed: (_key, _error, retryMs) => delays.push(retryMs),
      firstRetryMs: 20,
    });
    queue.add('a');
    await waitFor(() => outcomes.length === 2 && queue.size === 0, { timeoutMs: 2000, what: 'a success' });
    queue.add('a');
    await waitFor(() => outcomes.length === 0 && queue.size === 0, { timeoutMs: 2000, what: 'another success' });
    const [first = 0, second = 0, third = 0, afterSuccess = 0] = delays;
    expect(delays).toHaveLength(4);
    expect(second).toBeGreaterThan(first);
    expect(third).toBeGreaterThan(second);
    expect(afterSuccess).toBeLessThanOrEqual(20);
    await queue.stop();
  });

  it('waits for what is under way when it stops, and takes no more', async () => {
    const { queue, started, end, fail, failures } = bench(1);
    queue.add('a');
    queue.add('b');
    let isStopped = false;
    const stopping = queue.stop().then(() => (isStopped = true));
    queue.add('c');
    await Promise.resolve();
    expect(isStopped).toBe(false);
    fail('a');
    await stopping;
    end('b');
    expect(started).toEqual(['a']);
    expect(failures).toEqual([]);
  });
});
