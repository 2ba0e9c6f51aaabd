import { describe, expect, it } from '@jest/globals';
import { editsAnnotation, editsOf } from './campaign-edits.js';
import { CAMPAIGN_EDITS_ANNOTATION } from './labels.js';

const approval = (wave: number, by = 'bob') => ({ wave, hash: 'a'.repeat(64), by });
const given = (wave: number) => ({ wave, hash: 'a'.repeat(64) });

describe('the edits of a campaign', () => {
  it('are kept with who made them, the oldest first', () => {
    const specs = [
      { selector: {}, suspend: false, approvals: [] },
      { selector: {}, suspend: true, approvals: [approval(1)] },
      { selector: {}, suspend: false, approvals: [approval(2)], attempt: 2 },
    ];
    const first = editsAnnotation({}, { before: specs[0], after: specs[1], by: 'bob' });
    const second = editsAnnotation(first, { before: specs[1], after: specs[2], by: 'eve' });
    expect(editsOf(second)).toEqual([
      { number: 1, by: 'bob', changes: { suspend: true, approvals: { added: [given(1)], removed: [] } } },
      {
        ...{ number: 2, by: 'eve' },
        changes: { suspend: false, attempt: 2, approvals: { added: [given(2)], removed: [approval(1)] } },
      },
    ]);
    expect(editsAnnotation(second, { before: specs[2], after: specs[2], by: 'mia' })).toEqual(second);
  });

  it('are bounded, and a gap in their numbers shows that', () => {
    let annotations: Record<string, string> = {};
    const many = Array.from({ length: 50 }, (_one, at) => approval(at + 1, 'x'.repeat(400)));
    for (let at = 1; at <= 20; at += 1)
      annotations = editsAnnotation(annotations, {
        ...{ before: { approvals: at % 2 ? [] : many }, after: { approvals: at % 2 ? many : [] }, by: 'bob' },
      });
    expect(annotations[CAMPAIGN_EDITS_ANNOTATION]?.length).toBeLessThan(96 * 1024);
    const numbers = editsOf(annotations).map(({ number }) => number);
    expect([numbers.at(-1), numbers.length < 20]).toEqual([20, true]);
  });

  it('take no line or part out of a name, and none that is no edit', () => {
    const [edit] = editsOf(
      editsAnnotation({}, { before: {}, after: { suspend: true }, by: 'a\tb\n2\troot\t{"abort":true}' }),
    );
    expect(edit?.by).toBe('a b 2 root {"abort":true}');
    expect(editsOf({ [CAMPAIGN_EDITS_ANNOTATION]: 'x\n1\tbob\n2\tbob\t{"abort":"yes"}' })).toEqual([]);
  });
});
