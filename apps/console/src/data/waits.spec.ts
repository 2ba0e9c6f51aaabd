import { describe, expect, it } from '@jest/globals';
import { actOn } from './waits.js';

const begun = (reason: string) => ({ event: { type: 'WaitStarted', reason, message: 'as a test says' } });

describe('a wait', () => {
  it('comes with what to do about the one under way', () => {
    expect(actOn([begun('Window'), { event: { type: 'WaitEnded', reason: 'Window' } }, begun('Paused')])).toMatch(
      /^Resume it/,
    );
  });

  it('is left to the events where nothing is known of it', () => {
    for (const events of [[], [begun('Later')], [begun('constructor')]]) expect(actOn(events)).toMatch(/events below/);
  });
});
