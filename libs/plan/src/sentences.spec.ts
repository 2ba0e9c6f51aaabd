import { COMMANDS } from './commands.js';
import type { MigrationEvent, UndoCause } from './events.js';
import { migrationEventSchema } from './events.js';
import { causeWords, gateSentence, headlineOf, nextStepAfter, sentenceOf } from './sentences.js';
import { WAIT_REASONS } from './waits.js';

const at = '2026-11-24T00:00:00Z';
const failed = { gate: 'success-rate', verdict: 'fail', value: 78.783, detail: '78.783 is below 90', at } as const;
const pod = { name: 'ledger-1', uid: 'u1', scc: 'restricted-v2', node: null };
const because = { cause: 'gate', message: 'gate success-rate failed' } as const;

describe('sentenceOf', () => {
  it.each<[string, MigrationEvent, string]>([
    [
      'counts one pod as one',
      { type: 'CanaryReady', canary: 'ledger-scc-canary', pods: [pod] },
      'canary ledger-scc-canary is ready: 1 pod under the target SCC',
    ],
    [
      'says which pod moved, and how many have',
      { type: 'PodMoved', pod: { ...pod, name: 'db-2' }, ordinal: 2, moved: 1, total: 3 },
      'pod db-2 is ready under restricted-v2 (1 of 3 pods)',
    ],
    [
      'says whether the proxies were seen to have the weights',
      { type: 'WeightShifted', step: 0, weights: { canary: 10, stable: 90 }, verifiedBy: 'proxies' },
      '10 % of requests go to the canary (seen in the proxies)',
    ],
    [
      'does not claim what was not seen',
      { type: 'WeightShifted', step: 0, weights: { canary: 10, stable: 90 }, verifiedBy: 'bound' },
      '10 % of requests go to the canary (written, not seen in the proxies)',
    ],
    [
      'names the gate that failed, its samples and its tolerance',
      { type: 'GateFailed', samples: [{ ...failed, failures: 1, tolerated: 0 }] },
      'gate success-rate failed (1 sample, 0 tolerated): 78.783 is below 90',
    ],
    [
      'leaves out the gates that passed beside the one that failed',
      { type: 'GateFailed', samples: [{ ...failed, gate: 'latency', verdict: 'pass' }, failed] },
      'gate success-rate failed: 78.783 is below 90',
    ],
    [
      'says why a plan was rejected, where, and what to do',
      {
        type: 'PlanRejected',
        violations: [
          { code: 'NoSCC', field: 'spec.targetSCC', message: 'there is no such SCC', remedy: 'Name another.' },
        ],
      },
      'rejected with 1 violation, nothing was touched: spec.targetSCC: there is no such SCC. Remedy: Name another.',
    ],
    [
      'counts the requests that were served',
      { type: 'MigrationCompleted', traffic: { requests: 558.2, failed: 0, p50Ms: 1, p99Ms: 2 } },
      'completed: 558 requests served, 0 failed',
    ],
    [
      'says what the count rests on, and what nothing could see',
      {
        type: 'MigrationCompleted',
        traffic: { requests: 558, failed: 3, p50Ms: 1, p99Ms: 2, mirrored: 12, unanswered: null, scrapeSeconds: 15 },
      },
      'completed: 558 requests served, 3 failed, and 12 copies mirrored (counted every 15 s); requests that no pod answered were not observed',
    ],
    [
      'says that nothing was counted',
      { type: 'MigrationCompleted', traffic: null },
      'completed: every pod runs under the target SCC; its requests were not observed',
    ],
    [
      'says that nothing has run under the target',
      { type: 'MigrationCompleted', traffic: null, notObserved: true },
      'completed: the template asks for the target SCC, and nothing has run under it yet (not observed)',
    ],
    [
      'says why a migration was undone, how things are now, and what to do next',
      { type: 'UndoFinished', differences: [], because },
      `rolled back because gate success-rate failed; every touched object is as it was; next: ${nextStepAfter('gate')}`,
    ],
    [
      'names what differs after an undo',
      { type: 'UndoFinished', differences: ['Service ledger'], because },
      `rolled back because gate success-rate failed; these differ from before: Service ledger; next: ${nextStepAfter('gate')}`,
    ],
    ['needs no cause', { type: 'UndoFinished', differences: [] }, 'rolled back; every touched object is as it was'],
    [
      'says why an undo runs that fails',
      { type: 'UndoStepFailed', step: 'canary', attempt: 3, message: 'forbidden', because },
      'rolling back because gate success-rate failed; removing the canary failed (attempt 3) and is tried again: forbidden; next: remove the cause of this failure, the undo then goes on by itself',
    ],
  ])('%s', (_case, event, sentence) => {
    expect(migrationEventSchema.parse(event)).toEqual(event);
    expect(sentenceOf(event)).toBe(sentence);
  });

  it.each<UndoCause>([
    'gate',
    'readiness',
    'admission',
    'rollout',
    'abort',
    'rollback',
    'deleted',
    'error',
    'lost',
    'trial',
  ])('says what to do after an undo caused by: %s', (cause) => {
    expect(sentenceOf({ type: 'UndoFinished', differences: [], because: { cause, message: 'm' } })).toMatch(
      /; next: .*apply .* plan/,
    );
  });
});

describe('words for people', () => {
  const steps = ['verification', 'targetGrant', 'canary', 'trial', 'routes', 'traffic', 'workload', 'owners'];

  it.each([...steps, 'sourceGrant'])('name what the undo does by the step %s', (step) => {
    const failed = sentenceOf({ type: 'UndoStepFailed', step, attempt: 1, message: 'forbidden' });
    for (const sentence of [sentenceOf({ type: 'UndoStepDone', step }), failed])
      expect(sentence).not.toMatch(new RegExp(`[a-z][A-Z]|und(id|oing) ${step}`));
  });

  it.each(COMMANDS)('say who gave the command %s, and why', (command) => {
    const sentence = sentenceOf({ type: 'CommandApplied', command, actor: 'ana', reason: 'it is late' });
    expect(sentence).toMatch(/^ana (paused|resumed|skipped|aborted|asked for|released) .*: it is late$/);
  });

  it.each(WAIT_REASONS)('say which wait is over: %s', (reason) => {
    expect(sentenceOf({ type: 'WaitEnded', reason })).toMatch(/^the wait for [a-z. ]+ is over$/);
  });

  it('tell steps, commands and causes of another version by their names', () => {
    expect(sentenceOf({ type: 'UndoStepDone', step: 'constructor' })).toBe('undid constructor');
    expect(sentenceOf({ type: 'CommandApplied', command: 'wait', actor: null, reason: null })).toBe(
      'an unknown sender gave the command wait',
    );
    expect(['gate', 'toString'].map(causeWords)).toEqual(['a gate failed', 'toString']);
  });
});

describe('gateSentence', () => {
  it('tells missing data from a failure', () => {
    expect(gateSentence({ ...failed, verdict: 'noData', value: null, detail: 'no requests' })).toBe(
      'gate success-rate had no data: no requests',
    );
  });

  it('counts failures where there were any', () => {
    const missing = { ...failed, verdict: 'noData', value: null, detail: 'no requests', tolerated: 2 } as const;
    expect(gateSentence({ ...missing, failures: 0 })).toBe('gate success-rate had no data: no requests');
    expect(gateSentence({ ...missing, failures: 3 })).toBe(
      'gate success-rate had no data (3 samples, 2 tolerated): no requests',
    );
  });
});

describe('headlineOf', () => {
  it('leaves the message as it is for details', () => {
    expect(headlineOf({ type: 'GatePassed', samples: [] })).toBeNull();
    expect(headlineOf({ type: 'WaitEnded', reason: 'Window' })).toBeNull();
    expect(headlineOf({ type: 'MirroringEnded' })).toBe('mirroring ended');
  });
});
