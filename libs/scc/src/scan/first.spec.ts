import { describe, expect, it } from '@jest/globals';
import { firstSteps, type StartRow } from './first.js';

const row = (name: string, over: Partial<StartRow> = {}): StartRow => ({
  ...{ kind: 'Deployment', namespace: 'shop', name, category: 'Patch', current: 'anyuid', target: 'restricted-v2' },
  ...{ owner: null, podSecurityNow: 'baseline', obstacles: [], edits: [{}], risks: [] },
  ...over,
});
const namesOf = (rows: StartRow[], most = 9): string[] => firstSteps(rows, most).map((one) => one.row.name);

describe('the first steps of a scan', () => {
  it('begin with what a plan can move, the most privileged, and the least work', () => {
    const rows = [
      row('obstacle', { podSecurityNow: 'privileged', obstacles: ['no Service leads to it'] }),
      row('edits', { edits: [{}, {}] }),
      row('sure', { risks: [{ uncertain: false }] }),
      row('perhaps', { risks: [{ uncertain: true }] }),
      row('plain'),
      row('privileged', { podSecurityNow: 'privileged', risks: [{ uncertain: false }] }),
    ];
    const order = ['privileged', 'plain', 'edits', 'perhaps', 'sure', 'obstacle'];
    expect(namesOf(rows)).toEqual(order);
    expect(namesOf(rows.toReversed())).toEqual(order);
    expect(namesOf(rows, 2)).toEqual(order.slice(0, 2));
  });

  it('leave out what needs no step, or more than a plan', () => {
    expect(
      namesOf([
        row('strict', { category: 'Strict', target: null }),
        row('volume', { category: 'Volume' }),
        row('owned', { owner: { by: 'Helm', name: 'shop' } }),
        row('nowhere', { target: null }),
      ]),
    ).toEqual([]);
  });

  it.each<[string, Partial<StartRow>]>([
    ['it runs under anyuid, and restricted-v2 admits it after 1 edit; nothing is in the way', {}],
    [
      'it is refused now, and restricted-v2 admits it as it is; 2 things to check first',
      { current: null, edits: [], risks: [{ uncertain: true }, { uncertain: true }] },
    ],
    [
      'it runs under anyuid, and restricted-v2 admits it after 1 edit; 1 thing will need work',
      { risks: [{ uncertain: false }, { uncertain: true }] },
    ],
    [
      'it runs under anyuid, and restricted-v2 admits it after 1 edit; a plan cannot move it yet: it is paused',
      { obstacles: ['it is paused'] },
    ],
  ])('say why: %s', (why, over) => {
    expect(firstSteps([row('one', over)], 1)[0]?.why).toBe(why);
  });
});
