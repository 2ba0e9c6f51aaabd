import { pause, withDeadline, within } from './pause.js';
import { DeadlineError } from './wait.js';

const never = (): Promise<never> => new Promise(() => undefined);

describe('pause', () => {
  it('is over at once when its signal aborts, before or meanwhile, and is no error', async () => {
    await expect(pause(1e9, AbortSignal.abort())).resolves.toBeUndefined();
    const stopping = new AbortController();
    const waiting = pause(1e9, stopping.signal);
    stopping.abort(new Error('shutdown started'));
    await expect(waiting).resolves.toBeUndefined();
  });
});

describe('a deadline', () => {
  it('passes on what the work yields or throws', async () => {
    await expect(withDeadline(() => Promise.resolve(1), { timeoutMs: 1e6 })).resolves.toBe(1);
    const failing = (): Promise<never> => Promise.reject(new Error('refused'));
    await expect(withDeadline(failing, { timeoutMs: 1e6 })).rejects.toThrow('refused');
  });

  it('ends the wait, tells the work, and says how long it waited', async () => {
    let told: unknown;
    const work = (signal: AbortSignal): Promise<never> => {
      signal.addEventListener('abort', () => {
        told = signal.reason;
      });
      return never();
    };
    await expect(withDeadline(work, { timeoutMs: 1 })).rejects.toEqual(new DeadlineError('no answer within 1 ms'));
    expect(told).toBeInstanceOf(DeadlineError);
    await expect(withDeadline(never, { timeoutMs: 1, message: 'too late' })).rejects.toThrow('too late');
  });

  it('ends with the reason of the caller that does not wait any longer, without starting the work when it is too late', async () => {
    const stopping = new AbortController();
    const waiting = withDeadline(never, { timeoutMs: 1e6, signal: stopping.signal });
    stopping.abort(new Error('shutdown started'));
    await expect(waiting).rejects.toThrow('shutdown started');
    let started = 0;
    const counted = (): Promise<never> => {
      started += 1;
      return never();
    };
    await expect(withDeadline(counted, { timeoutMs: 1e6, signal: stopping.signal })).rejects.toThrow(
      'shutdown started',
    );
    expect(started).toBe(0);
  });
});

describe('a bounded wait', () => {
  it('is over with the work or with its time, and fails only as the work does', async () => {
    await expect(within(Promise.resolve(1), 1e6)).resolves.toBeUndefined();
    await expect(within(never(), 1)).resolves.toBeUndefined();
    await expect(within(Promise.reject(new Error('refused')), 1e6)).rejects.toThrow('refused');
  });
});
