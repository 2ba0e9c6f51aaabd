import { isRecord } from '@scc/plan/words';
import { codeOf, messageOf } from './values.js';

const refused = Object.assign(new Error('connect ECONNREFUSED ::1:9'), { code: 'ECONNREFUSED' });

describe('the sentence of an error', () => {
  it.each<[string, unknown, string]>([
    ['is its message', new Error('no such pod'), 'no such pod'],
    ['is what was thrown instead of an error', 'no', 'no'],
    [
      'joins those of all addresses that were tried',
      new AggregateError([refused, new Error('b')]),
      `${refused.message}; b`,
    ],
    [
      'is that of the cause, where fetch says nothing',
      new TypeError('fetch failed', { cause: refused }),
      refused.message,
    ],
  ])('%s', (_case, error, expected) => expect(messageOf(error)).toBe(expected));

  it('comes with the code of the cause that has one', () => {
    expect(codeOf(new Error('outer', { cause: refused }))).toBe('ECONNREFUSED');
    expect(codeOf(new Error('none'))).toBe('');
    expect(codeOf('none')).toBe('');
  });
});

describe('a record', () => {
  it.each([
    [{}, true],
    [null, false],
    [[], false],
    ['a', false],
  ])('%j: %s', (value, expected) => expect(isRecord(value)).toBe(expected));
});
