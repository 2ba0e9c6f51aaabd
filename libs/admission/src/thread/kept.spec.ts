import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@scc/runtime';
import type { AdmissionThread, AdmissionThreadOptions } from './host.js';
import { keepAdmissionThread } from './kept.js';

/** Threads that a test ends; each has a port of its own. */
function threads() {
  const started: AdmissionThreadOptions[] = [];
  let refusal: Error | undefined;
  const start = (options: AdmissionThreadOptions): Promise<AdmissionThread> => {
    started.push(options);
    if (refusal) return Promise.reject(refusal);
    const answer = { ready: null, alive: null, metrics: 'scc_webhook_reviews_total 1' };
    return Promise.resolve({
      port: started.length,
      ready: () => Promise.resolve(answer.ready),
      alive: () => Promise.resolve(answer.alive),
      metrics: () => Promise.resolve(answer.metrics),
      stop: () => Promise.resolve(),
    });
  };
  return { started, start, refuse: (error: Error | undefined) => (refusal = error) };
}

const optionsOf = (start: (options: AdmissionThreadOptions) => Promise<AdmissionThread>) => ({
  config: {} as AdmissionThreadOptions['config'],
  kubeconfig: undefined,
  logLevel: 'silent',
  tracing: null,
  onPods: () => undefined,
  onWrites: () => undefined,
  logger: createLogger('kept-test', 'silent'),
  start,
});

describe('a kept admission thread', () => {
  it('is started again after it ended, and neither ready nor a reason to end the process meanwhile', async () => {
    const { started, start, refuse } = threads();
    const waits: (() => void)[] = [];
    const wait = (): Promise<void> => new Promise((resolve) => waits.push(resolve));
    /** The wait that is under way ends, and what follows it has happened. */
    const over = async (): Promise<void> => {
      waits.shift()?.();
      await new Promise(setImmediate);
    };
    const kept = await keepAdmissionThread({ ...optionsOf(start), wait });
    expect(await kept.ready()).toBeNull();
    refuse(new Error('no certificate'));
    started[0]?.onEnd(new Error('out of memory'));
    expect(await kept.ready()).toContain('out of memory');
    expect(await kept.alive()).toBeNull();
    expect(await kept.metrics()).toContain('scc_webhook_thread_ends_total 1');
    await over();
    expect(await kept.ready()).toContain('no certificate');
    refuse(undefined);
    await over();
    expect(started).toHaveLength(3);
    expect(await kept.ready()).toBeNull();
    expect(kept.port).toBe(3);
    expect(await kept.metrics()).toContain('scc_webhook_thread_ends_total 2');
    expect(await kept.metrics()).toContain('scc_webhook_reviews_total 1');
    await kept.stop();
  });

  it('that cannot even start is refused', async () => {
    const { start, refuse } = threads();
    refuse(new Error('no certificate'));
    await expect(keepAdmissionThread(optionsOf(start))).rejects.toThrow('no certificate');
  });
});
