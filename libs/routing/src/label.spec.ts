import { chooseLabel } from './label.js';

describe('chooseLabel', () => {
  const service = (selector: Record<string, string>, name = 's') => ({ name, selector });

  it.each<[string, Parameters<typeof chooseLabel>[0], string | null]>([
    [
      'the name that people know',
      { matchLabels: { app: 'a', tier: 'b' }, services: [service({ app: 'a', tier: 'b' })] },
      'app',
    ],
    [
      'what every Service selects by',
      { matchLabels: { app: 'a', tier: 'b' }, services: [service({ tier: 'b' }), service({ app: 'a', tier: 'b' })] },
      'tier',
    ],
    ['any key where no Service asks', { matchLabels: { zone: 'b' }, services: [] }, 'zone'],
    [
      'nothing where two Services share no key',
      { matchLabels: { app: 'a', tier: 'b' }, services: [service({ tier: 'b' }), service({ app: 'a' })] },
      null,
    ],
    [
      "nothing that the workload's own selector lacks",
      { matchLabels: { app: 'a' }, services: [service({ tier: 'b' })] },
      null,
    ],
  ])('takes %s', (_case, facts, key) => {
    const chosen = chooseLabel(facts);
    expect('label' in chosen ? chosen.label.key : null).toBe(key);
    if ('violations' in chosen) expect(chosen.violations[0]).toMatchObject({ code: 'NoSharedLabel' });
  });
});
