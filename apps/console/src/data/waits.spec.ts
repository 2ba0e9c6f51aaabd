import { describe, expect, it } from '@jest/globals';
import { actOn } from './waits.js';

describe('a wait', () => {
  it('comes with what to do, also one that is not known', () => {
    expect(actOn('Paused')).toMatch(/Resume/);
    for (const unknown of ['Later', 'constructor']) expect(actOn(unknown)).toMatch(/events below/);
  });
});
