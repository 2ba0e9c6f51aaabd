import { describe, expect, it } from '@jest/globals';
import { hrefOf, routeOf } from './route.js';

describe('the address of a page', () => {
  it('is read back as it was written', () => {
    const { parts, query } = routeOf(hrefOf(['migrations', 'a/b ?#'], { phase: 'Failed', author: '' }));
    expect([parts, [...query]]).toEqual([['migrations', 'a/b ?#'], [['phase', 'Failed']]]);
  });

  it('may be anything', () => {
    expect(routeOf('#/%E0%A4%A').parts).toEqual(['%E0%A4%A']);
    expect(routeOf('').parts).toEqual([]);
  });
});
