import { describe, expect, it } from '@jest/globals';
import { phaseLine } from './phases.js';

const event = (phase: string, minute: number) => ({ phase, at: `2026-01-01T00:0${minute}:00.000Z` });
const words = (events: { phase: string; at: string }[], now = 'Pending') =>
  phaseLine(events, now).map(
    ({ phase, state, from }) => `${phase} ${state}${from === null ? '' : ` ${from.slice(14, 16)}`}`,
  );

describe('the line of phases', () => {
  it('has what is done, what is now and what is ahead', () => {
    expect(words([event('Validating', 0), event('Validating', 1), event('Mirroring', 2)])).toEqual([
      'Validating done 00',
      'Mirroring now 02',
      'TrafficShifting ahead',
      'Migrating ahead',
      'Completed ahead',
    ]);
  });

  it('ends where a migration ended', () => {
    expect(words([event('Validating', 0), event('Completed', 1)])).toEqual(['Validating done 00', 'Completed done 01']);
    expect(words([event('Validating', 0), event('RollingBack', 1), event('RolledBack', 2)])).toEqual([
      'Validating done 00',
      'RollingBack bad 01',
      'RolledBack bad 02',
    ]);
  });

  it('lies wholly ahead of a plan that has not begun', () => {
    expect(words([])[0]).toBe('Validating ahead');
  });
});
