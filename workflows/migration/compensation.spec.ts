import { withCompensation, type Compensation } from './compensation.js';

const quiet = (over: Partial<Compensation> = {}): Compensation => ({
  shielded: (work) => work(),
  started: () => Promise.resolve(),
  done: () => Promise.resolve(),
  failed: () => Promise.resolve(),
  ...over,
});

describe('withCompensation', () => {
  it('undoes last in, first out, and keeps the cause', async () => {
    const done: string[] = [];
    const body = (onFailure: (undo: { step: string; run: () => Promise<void> }) => void) => {
      for (const step of ['a', 'b', 'c']) onFailure({ step, run: () => Promise.resolve(void done.push(step)) });
      return Promise.reject(new Error('cause'));
    };
    await expect(withCompensation(quiet(), body)).rejects.toThrow('cause');
    expect(done).toEqual(['c', 'b', 'a']);
  });

  it('undoes nothing when the body succeeds', async () => {
    const undone: string[] = [];
    await expect(
      withCompensation(quiet(), (onFailure) => {
        onFailure({ step: 'a', run: () => Promise.resolve(void undone.push('a')) });
        return Promise.resolve(1);
      }),
    ).resolves.toBe(1);
    expect(undone).toEqual([]);
  });

  it('says each failed try and goes on with a step until it succeeds, before the next one', async () => {
    const order: string[] = [];
    let tries = 0;
    const flaky = () => {
      tries++;
      order.push(`try ${tries}`);
      return tries < 3 ? Promise.reject(new Error(`no ${tries}`)) : Promise.resolve();
    };
    const failed = (step: string, attempt: number) => Promise.resolve(void order.push(`${step} failed ${attempt}`));
    await expect(
      withCompensation(quiet({ failed }), (onFailure) => {
        onFailure({ step: 'first', run: () => Promise.resolve(void order.push('first')) });
        onFailure({ step: 'flaky', run: flaky });
        return Promise.reject(new Error('cause'));
      }),
    ).rejects.toThrow('cause');
    expect(order).toEqual(['try 1', 'flaky failed 1', 'try 2', 'flaky failed 2', 'try 3', 'first']);
  });

  it('runs the undo in the shield only', async () => {
    let shielded = false;
    const shield = async (work: () => Promise<void>) => {
      shielded = true;
      await work();
      shielded = false;
    };
    const seen: boolean[] = [];
    await withCompensation(quiet({ shielded: shield }), (onFailure) => {
      onFailure({ step: 'a', run: () => Promise.resolve(void seen.push(shielded)) });
      return Promise.reject(new Error('cause'));
    }).catch(() => undefined);
    expect(seen).toEqual([true]);
  });
});
