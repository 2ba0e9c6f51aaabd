import { describe, expect, it } from '@jest/globals';
import { timeBetween } from './output.js';
import { historyText, momentText } from './workload.js';

const at = (minute: string): string => `2026-03-10T12:${minute}:00.000Z`;
const entry = {
  ...{ scc: 'anyuid', version: '3', planUid: null, actor: null, manager: 'kubectl-edit', reason: 'changed' as const },
  ...{ activatedAt: at('10'), deactivatedAt: at('50'), deactivatedAfter: at('40') },
  deactivatedBy: 'its last pod is gone',
};
const under = (scc: string, version: string) => ({ scc, version, pods: 2 });

describe('the text of what a workload ran under', () => {
  it('says between which times something came that nothing watched', () => {
    const pods = [under('anyuid', '3'), under('restricted-v2', '1')];
    const mixture = { from: at('10'), to: at('20'), toAfter: at('15'), pods };
    const text = historyText({ items: [entry], mixtures: [mixture] });
    expect(text).toContain(`between ${at('40')} and ${at('50')}`);
    expect(text).toContain(`between ${at('15')} and ${at('20')}`);
    expect(text).toContain('anyuid version 3: 2 pods, restricted-v2 version 1: 2 pods');
    expect(text).toContain('kubectl-edit');
  });

  it('says of a moment which pods may have ended before, and which content is not certain', () => {
    const text = momentText({
      ...entry,
      observed: [{ ...under('anyuid', '3'), mayHaveEnded: 1 }],
      uncertain: { from: at('01'), to: at('09'), versions: ['2', '3'] },
    });
    expect(text).toContain('of which 1 may have ended before');
    expect(text).toContain(`was edited between ${at('01')} and ${at('09')}`);
    expect(text).toContain('version 2 or 3');
  });

  it('says one time where it is known', () => {
    const known = { ...entry, deactivatedAfter: null };
    expect(historyText({ items: [known], mixtures: [] })).not.toContain('between');
    expect(timeBetween(at('50'), at('50'))).toBe(at('50'));
  });
});
