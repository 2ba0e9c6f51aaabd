import { describe, expect, it } from '@jest/globals';
import { readPolicy } from './policies.js';

const text = JSON.stringify(
  {
    name: 'p',
    rules: [
      { name: 'one', when: 'true' },
      { name: 'two', when: 'tru(' },
    ],
  },
  null,
  2,
);
const faults = (of: string, issues: { field: string; message: string }[] = []) => {
  const read = readPolicy(of, issues);
  return read.isPolicy ? [] : read.faults.map(({ line }) => line);
};

describe('the text of a policy', () => {
  it('is read where it is JSON', () => {
    expect(readPolicy('{"name":"p"}', [])).toEqual({ isPolicy: true, document: { name: 'p' } });
  });

  it('has its faults by line', () => {
    expect(faults('{\n  "name": p\n}')).toEqual([2]);
    expect(faults('{\n  "name": "p"')).toEqual([2]);
  });

  it.each(['rules.1.when', 'rules[1].when', 'document.rules[1].when'])('shows where %s stands', (field) => {
    expect(faults(text, [{ field, message: 'is no CEL' }])).toEqual([10]);
  });

  it('shows the nearest line of a field that is missing', () => {
    expect(faults(text, [{ field: 'rules.0.remedy', message: 'is missing' }])).toEqual([4]);
    expect(faults(text, [{ field: 'description', message: 'is missing' }])).toEqual([1]);
  });
});
