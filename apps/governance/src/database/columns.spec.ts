import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parsed, safeInteger } from './columns.js';

describe('parsed', () => {
  const { from } = parsed(z.object({ count: z.int() }));

  it('takes what the schema knows, and null', () => {
    expect(from({ count: 3 })).toEqual({ count: 3 });
    expect(from(null)).toBeNull();
  });

  it.each([{ count: 'three' }, {}, [], 'count'])('refuses %j', (stored) => {
    expect(() => from(stored)).toThrow(z.ZodError);
  });
});

describe('safeInteger', () => {
  it('counts as far as a number can, and no further', () => {
    expect([safeInteger.from('0'), safeInteger.from('9007199254740991'), safeInteger.from(null)]).toEqual([
      0,
      Number.MAX_SAFE_INTEGER,
      null,
    ]);
    expect(() => safeInteger.from('9007199254740992')).toThrow(
      '9007199254740992 is not an integer that a number can hold',
    );
  });
});
