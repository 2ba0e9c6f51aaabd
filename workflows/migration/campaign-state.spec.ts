import { describe, expect, it } from '@jest/globals';
import type { CampaignSettings, CampaignState, TrackedMember } from './campaign-payloads.js';
import { afterAttempt, afterCreate, afterOutcomes, currentWave, nextStep } from './campaign-state.js';

const NOW = 1_000_000;
const aMember = (name: string, state: TrackedMember['state'] = 'Waiting', over: Partial<TrackedMember> = {}) => ({
  namespace: 'shop',
  kind: 'Deployment',
  name,
  serviceAccount: name,
  state,
  ...(state === 'Waiting' ? {} : { plan: `${name}-plan` }),
  ...over,
});
const aState = (...waves: TrackedMember[][]): CampaignState => ({
  waves: waves.map((members, at) => ({ hash: `hash-${at + 1}`, members })),
  attempt: 1,
  soakUntilMs: null,
});
const settings = (over: Partial<CampaignSettings> = {}): CampaignSettings => ({
  generation: 1,
  author: 'ana',
  maxConcurrent: 2,
  failureBudget: 0,
  soakMs: 60_000,
  approvalRequired: false,
  approvals: [],
  attempt: 1,
  suspend: false,
  abort: false,
  ...over,
});
/** A step in few words. */
const stepOf = (state: CampaignState, over: Partial<CampaignSettings> = {}): string => {
  const step = nextStep(state, settings(over), NOW);
  if (step.do === 'create') return `create ${step.members.map(({ name }) => name).join(' ')}`;
  return step.do === 'end' ? step.phase : `${step.phase}: ${step.message}`;
};

describe('the next step of a campaign', () => {
  it.each<[string, CampaignState, Partial<CampaignSettings>, string | RegExp]>([
    ['begins as many as may run', aState([aMember('a'), aMember('b'), aMember('c')]), {}, 'create a b'],
    [
      'never two of one ServiceAccount at once',
      aState([aMember('a'), aMember('b', 'Waiting', { serviceAccount: 'a' }), aMember('c')]),
      {},
      'create a c',
    ],
    [
      'never one beside a workload that it calls, or that calls it',
      aState([
        aMember('a', 'Running', { calls: ['shop/Deployment/b'] }),
        aMember('b'),
        aMember('c', 'Waiting', { calls: ['shop/Deployment/a'] }),
        aMember('d'),
      ]),
      { maxConcurrent: 3 },
      'create d',
    ],
    [
      'begins last what is most like what failed',
      aState(
        [aMember('a', 'Failed', { targetSCC: 'nonroot-v2' })],
        [aMember('b', 'Waiting', { targetSCC: 'nonroot-v2' }), aMember('c', 'Waiting', { targetSCC: 'restricted-v2' })],
      ),
      { failureBudget: 1, maxConcurrent: 1 },
      'create c',
    ],
    [
      'begins nothing outside of its windows',
      aState([aMember('a')]),
      { window: { isOpen: false, untilMs: NOW + 1000 } },
      `Running: outside of its windows; plans may begin again at ${new Date(NOW + 1000).toISOString()}`,
    ],
    ['goes on inside of one', aState([aMember('a')]), { window: { isOpen: true, untilMs: NOW + 1 } }, 'create a'],
    [
      'looks again when a window is over',
      aState([aMember('a')]),
      { window: { isOpen: true, untilMs: NOW } },
      'Running: looks at its windows',
    ],
    [
      'lets running plans go on when a window closes',
      aState([aMember('a', 'Running'), aMember('b')]),
      { window: { isOpen: false, untilMs: null } },
      /none of its windows opens; 1 plan that run/,
    ],
    ['fills up while others run', aState([aMember('a', 'Running'), aMember('b'), aMember('c')]), {}, 'create b'],
    [
      'waits for the wave before',
      aState([aMember('a', 'Running')], [aMember('b')]),
      {},
      /wave 1 of 2: 1 plan under way/,
    ],
    ['goes on with the next wave', aState([aMember('a', 'Completed')], [aMember('b')]), {}, 'create b'],
    [
      'soaks between waves',
      { ...aState([aMember('a', 'Completed')], [aMember('b')]), soakUntilMs: NOW + 1 },
      {},
      /wave 2 begins when it has soaked/,
    ],
    ['begins nothing while suspended', aState([aMember('a')]), { suspend: true }, 'Running: suspended'],
    ['stops when the budget is used up', aState([aMember('a', 'Failed'), aMember('b')]), {}, /^Stopped: 1 failed/],
    ['stops also after its last plan', aState([aMember('a', 'Failed')]), {}, /^Stopped: 1 failed/],
    ['goes on within its budget', aState([aMember('a', 'Failed'), aMember('b')]), { failureBudget: 1 }, 'create b'],
    ['lets running plans end when it stops', aState([aMember('a', 'Failed'), aMember('b', 'Running')]), {}, /go on to/],
    ['lets running plans end when aborted', aState([aMember('a', 'Running')]), { abort: true }, /aborted; 1 plan/],
    [
      'begins last what is like the plans that were found risky',
      aState(
        [
          aMember('a', 'Completed', { targetSCC: 'anyuid', risk: 70 }),
          aMember('b', 'Completed', { targetSCC: 'restricted-v2', risk: 20 }),
        ],
        [
          aMember('c', 'Waiting', { targetSCC: 'anyuid' }),
          aMember('d', 'Waiting', { targetSCC: 'restricted-v2' }),
          aMember('e', 'Waiting', { targetSCC: 'nonroot-v2' }),
        ],
      ),
      { maxConcurrent: 3 },
      'create e d c',
    ],
    ['ends aborted', aState([aMember('a', 'Completed'), aMember('b')]), { abort: true }, 'Aborted'],
    ['ends', aState([aMember('a', 'Completed')], [aMember('b', 'Failed')]), { failureBudget: 1 }, 'Completed'],
  ])('%s', (_case, state, over, expected) => {
    if (typeof expected === 'string') expect(stepOf(state, over)).toBe(expected);
    else expect(stepOf(state, over)).toMatch(expected);
  });

  it.each<[string, CampaignSettings['approvals'], boolean]>([
    ['of nothing', [], false],
    ['of its set', [{ wave: 1, hash: 'hash-1', by: 'bob' }], true],
    ['of another set', [{ wave: 1, hash: 'hash-2', by: 'bob' }], false],
    ['of another wave', [{ wave: 2, hash: 'hash-1', by: 'bob' }], false],
    ['by its author', [{ wave: 1, hash: 'hash-1', by: 'ana' }], false],
  ])('with an approval %s', (_case, approvals, begins) => {
    const step = stepOf(aState([aMember('a')]), { approvalRequired: true, approvals });
    expect(step).toBe(begins ? 'create a' : 'Running: wave 1 waits for the approval of its set hash-1');
  });
});

describe('an outcome', () => {
  const outcome = (name: string, state: 'Completed' | 'Failed') => ({
    ...{ namespace: 'shop', plan: `${name}-plan`, state, message: '' },
  });
  const clock = { nowMs: NOW, soakMs: 60_000 };

  it('that ends a wave lets it soak, and one of the last wave does not', () => {
    const state = aState([aMember('a', 'Running')], [aMember('b', 'Running')]);
    const first = afterOutcomes(state, [outcome('a', 'Completed')], clock);
    expect([currentWave(first), first.soakUntilMs]).toEqual([1, NOW + 60_000]);
    const last = afterOutcomes({ ...first, soakUntilMs: null }, [outcome('b', 'Completed')], clock);
    expect([currentWave(last), last.soakUntilMs]).toEqual([2, null]);
  });

  it('keeps the risk that governance found', () => {
    const state = aState([aMember('a', 'Running'), aMember('b', 'Running')]);
    const told = [{ ...outcome('a', 'Completed'), risk: 40 }, outcome('b', 'Completed')];
    expect(afterOutcomes(state, told, clock).waves[0]?.members.map(({ risk }) => risk)).toEqual([40, undefined]);
  });

  it('that is told twice, or of a plan of another campaign, changes nothing', () => {
    const state = aState([aMember('a', 'Running'), aMember('b')]);
    const once = afterOutcomes(state, [outcome('a', 'Failed')], clock);
    expect(afterOutcomes(once, [outcome('a', 'Completed'), outcome('b', 'Failed')], clock)).toEqual(once);
  });
});

describe('what failed', () => {
  it('waits again in a later attempt, without its plan, and in no earlier one', () => {
    const state = aState([aMember('a', 'Failed'), aMember('b', 'Completed')]);
    expect(afterAttempt(state, 1)).toBe(state);
    const again = afterAttempt(state, 2);
    expect(again.waves[0]?.members).toEqual([aMember('a'), aMember('b', 'Completed')]);
    expect(stepOf(again)).toBe('create a');
  });

  it('is a refused plan too', () => {
    const state = afterCreate(aState([aMember('a')]), aMember('a'), { refused: 'no such namespace' });
    expect(stepOf(state)).toMatch(/^Stopped/);
    expect(stepOf(afterCreate(aState([aMember('a')]), aMember('a'), { plan: 'p' }))).toMatch(/1 plan under way/);
  });
});
