import { describe, expect, it } from '@jest/globals';
import type { MigrationEvent } from '@scc/plan';
import { type TrialEvent, withdrawnFailure } from './trial.js';

const event = (type: MigrationEvent['type'], over: Partial<TrialEvent> = {}): TrialEvent => ({
  ...{ type, reason: null, command: null, actor: null },
  ...over,
});
const by = (command: string, actor: string | null) => event('CommandApplied', { command, actor });

const waiting = [event('PlanAccepted'), event('FactsGathered'), event('ApprovalRequested')];
const preparing = [...waiting, event('PreparationStarted'), event('TargetGranted')];
const ready = [...preparing, event('CanaryReady')];
const shifted = [...ready, event('WeightShifted')];
const passed = [...shifted, event('GatePassed')];
const failed = [...shifted, event('GateFailed')];

describe('an undo whose cause is none of the change', () => {
  it.each([
    ['deleted while it waits for approval', waiting, 'deleted', false],
    ['deleted before its canary is ready', preparing, 'deleted', true],
    ['deleted once its canary is ready', ready, 'deleted', false],
    ['deleted while requests are mirrored', [...ready, event('MirroringStarted')], 'deleted', true],
    ['deleted while a gate watches', shifted, 'deleted', true],
    ['deleted after its gate passed', passed, 'deleted', false],
    ['deleted at the next weight', [...passed, event('WeightShifted')], 'deleted', true],
    ['deleted while pods move one by one', [...preparing, event('PodMoved')], 'deleted', true],
    ['deleted while the workload rolls out', [...passed, event('WorkloadMigrationStarted')], 'deleted', true],
    ['deleted after its gate failed', failed, 'deleted', true],
    ['aborted by its author while a gate watches', [...shifted, by('abort', 'ana')], 'abort', true],
    ['aborted by its author under another name', [...shifted, by('abort', 'olga (as they say)')], 'abort', true],
    ['aborted by an unknown sender', [...shifted, by('abort', null)], 'abort', true],
    ['aborted by another person while a gate watches', [...shifted, by('abort', 'olga')], 'abort', false],
    ['taken back by its author while a gate watches', [...shifted, by('rollback', 'ana')], 'rollback', true],
    ['taken back by its author after its gate passed', [...passed, by('rollback', 'ana')], 'rollback', false],
    ['aborted by another person after its gate failed', [...failed, by('abort', 'olga')], 'abort', true],
    ['lost while a gate watches', shifted, 'lost', false],
    ['hit by a fault while a gate watches', shifted, 'error', false],
    ['hit by a fault after its gate failed', failed, 'error', true],
    [
      'aborted while it waits after a failure',
      [...preparing, event('WaitStarted', { reason: 'AfterFailure' }), by('abort', 'olga')],
      'abort',
      true,
    ],
    ['deleted when its gate passed after it had failed', [...failed, event('GatePassed')], 'deleted', false],
    [
      'deleted when a weight was shifted after its gate had failed',
      [...failed, event('WeightShifted'), by('abort', 'olga')],
      'abort',
      true,
    ],
  ] as const)('%s', (_words, events, cause, counts) => {
    expect(withdrawnFailure(events, cause, 'ana') !== null).toBe(counts);
  });
});
