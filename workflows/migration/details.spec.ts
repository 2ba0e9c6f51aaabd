import { describe, expect, it } from '@jest/globals';
import type { MigrationEvent, Strategy } from '@scc/plan';
import { detailsOf } from './details.js';
import { initialState, recordEvent } from './state.js';

const after = (...events: MigrationEvent[]): string =>
  detailsOf(events.reduce((state, event) => recordEvent(state, event, '2026-11-24T00:00:00Z').state, initialState()));
const moving = (type: Strategy): MigrationEvent[] => [
  { type: 'PlanValidated', patch: '', warnings: [], strategy: { type, reason: 'of a test' } },
  { type: 'PreparationStarted', strategy: type },
];

describe('the page of a workflow', () => {
  it('has the share of a canary only where requests are divided', () => {
    const shifted: MigrationEvent = {
      type: 'WeightShifted',
      ...{ step: 0, weights: { canary: 25, stable: 75 }, verifiedBy: 'proxies' },
    };
    expect(after(...moving('Canary'), shifted)).toContain('- requests: 25 % at the canary');
    expect(after(...moving('Rolling'))).toContain('- requests: not divided: its own pods change');
    expect(after(...moving('NextRun'))).toContain('- requests: not divided: its template changes');
    expect(after({ type: 'DryRunFinished', message: 'dry run, nothing was touched.' })).not.toContain('requests');
  });

  it('says what is waited for, or what holds the migration', () => {
    const wait = (message: string) => after({ type: 'WaitStarted', reason: 'Paused', message });
    expect(wait('waiting for approval by 1 × approver')).toContain('- waits for: approval by 1 × approver');
    expect(wait('paused by an operator')).toContain('- held: paused by an operator');
  });
});
