import { FirstWord } from './first-word.js';

const patience = { beginMs: 20_000, endMs: 20_000 };

/** What happens, in its order. */
async function told(word: FirstWord, act: (note: (what: string) => void) => Promise<unknown>): Promise<string[]> {
  const happened: string[] = [];
  await act((what) => happened.push(what));
  return happened;
}

describe('the status of a plan', () => {
  it('is written before the work that was scheduled before it', async () => {
    const word = new FirstWord(patience);
    const order = await told(word, (note) =>
      Promise.all([
        word.heard('u1').then(() => note('worked')),
        word.say('u1', async () => {
          await new Promise(setImmediate);
          note('said');
        }),
      ]),
    );
    expect(order).toEqual(['said', 'worked']);
  });

  it('keeps the work of another plan waiting for nothing', async () => {
    const word = new FirstWord({ beginMs: 1, endMs: 20_000 });
    const said = Promise.withResolvers<undefined>();
    const saying = word.say('u1', () => said.promise);
    await word.heard('u2');
    said.resolve(undefined);
    await saying;
  });

  it('is not waited for when nobody writes it, when that takes long, or when it fails', async () => {
    const word = new FirstWord({ beginMs: 1, endMs: 1 });
    await word.heard('u1');
    const said = Promise.withResolvers<undefined>();
    const saying = word.say('u1', () => said.promise);
    await word.heard('u1');
    said.reject(new Error('governance is away'));
    await expect(saying).rejects.toThrow('away');
    await new FirstWord({ beginMs: 1, endMs: 20_000 }).heard('u1');
  });
});
