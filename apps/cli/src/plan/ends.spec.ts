import { describe, expect, it } from '@jest/globals';
import { type Phase, PHASES } from '@scc/plan';
import { exitOf } from './ends.js';

const CODES: Record<Phase, number | null> = {
  Pending: null,
  Validating: null,
  Mirroring: null,
  TrafficShifting: null,
  Migrating: null,
  Completed: 0,
  RollingBack: null,
  RolledBack: 1,
  Rejected: 1,
  Failed: 1,
};

describe('the exit code of a command that follows a migration', () => {
  it.each(PHASES.map((phase) => [phase, CODES[phase]] as const))('in phase %s is %s', (phase, code) => {
    expect(exitOf(phase)).toBe(code);
  });

  it('is not known before there is a phase', () => {
    expect([exitOf(undefined), exitOf(null)]).toEqual([null, null]);
  });
});
