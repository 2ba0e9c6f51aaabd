import { afterWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import type { PlanRef } from '@scc/plan';
import { type AfterWorkflows, lookAfterLost, planOfAfter } from './afterwards.js';
import type { SeenPlan } from './seen-plan.js';

const ref: PlanRef = { namespace: 'shop', name: 'ledger', uid: 'u-1' };
const seen: SeenPlan = {
  ...{ ref, generation: 1, observedGeneration: 1, phase: 'Completed', deletionRequested: false, held: false },
  lookedAfterUntilMs: null,
  campaign: null,
};

describe('planOfAfter', () => {
  it.each<[string, string, PlanRef | undefined]>([
    ['names the plan', afterWorkflowIdOf(ref), ref],
    ['names none of a migration', workflowIdOf(ref), undefined],
    ['names none of an id that only looks alike', `${afterWorkflowIdOf(ref)}/more`, undefined],
    ['names none of half an id', 'scc-after/shop/ledger', undefined],
  ])('%s', (_case, id, expected) => expect(planOfAfter(id)).toEqual(expected));
});

describe('lookAfterLost', () => {
  it.each<[string, SeenPlan | undefined, boolean]>([
    ['goes on for a completed plan', seen, true],
    ['does not for one that is gone', undefined, false],
    ['does not for another one of the name', { ...seen, ref: { ...ref, uid: 'u-2' } }, false],
    ['does not for one that is deleted', { ...seen, deletionRequested: true }, false],
    ['does not for one that runs', { ...seen, phase: 'Migrating' }, false],
  ])('%s', async (_case, plan, expected) => {
    const { done, afterwards } = temporal({ lost: [ref] });
    const begun = await lookAfterLost(afterwards, () => Promise.resolve(plan), { completed: [], nowMs: 0 });
    expect([begun, done]).toEqual(expected ? [[ref], ['again u-1']] : [[], []]);
  });

  const due = { ...seen, lookedAfterUntilMs: 1_000 };
  it.each<[string, SeenPlan, { unknown: boolean; nowMs?: number; now?: SeenPlan }, boolean]>([
    ['begins for a completed plan whose workflow Temporal has forgotten', due, { unknown: true }, true],
    ['does not where Temporal knows it', due, { unknown: false }, false],
    ['does not once it has been looked after for long enough', due, { unknown: true, nowMs: 1_000 }, false],
    ['does not where nothing is looked after', seen, { unknown: true }, false],
    [
      'does not for one that is deleted meanwhile',
      due,
      { unknown: true, now: { ...due, deletionRequested: true } },
      false,
    ],
  ])('%s', async (_case, plan, { unknown, nowMs = 999, now = plan }, expected) => {
    const { done, afterwards } = temporal({ unknown });
    const begun = await lookAfterLost(afterwards, () => Promise.resolve(now), { completed: [plan], nowMs });
    expect([begun, done]).toEqual(expected ? [[ref], ['begin u-1']] : [[], []]);
  });
});

/** Temporal with these workflows, and what was done to them. */
function temporal({ lost = [], unknown = false }: { lost?: PlanRef[]; unknown?: boolean }) {
  const done: string[] = [];
  const noted = (what: string) => (one: PlanRef) => Promise.resolve(void done.push(`${what} ${one.uid}`));
  const afterwards: AfterWorkflows = {
    lost: () => Promise.resolve(lost),
    again: noted('again'),
    isUnknown: () => Promise.resolve(unknown),
    begin: noted('begin'),
  };
  return { done, afterwards };
}
