import { describe, expect, it } from '@jest/globals';
import { fittingEntry } from './fitting.js';

describe('what fits into an entry', () => {
  it('is everything that is small', () => {
    expect(fittingEntry(['a', 'b'], 8)).toEqual(['a', 'b']);
  });

  it('ends before the first that does not fit, counted in bytes', () => {
    expect(fittingEntry(['a', 'é', 'b'], 8)).toEqual(['a']);
    expect(fittingEntry([{ message: 'x'.repeat(100) }, 'b'], 8)).toEqual([]);
  });
});
