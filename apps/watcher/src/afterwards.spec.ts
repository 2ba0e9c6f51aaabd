import { afterWorkflowIdOf, workflowIdOf } from '@scc/migration/contract';
import type { PlanRef } from '@scc/plan';
import { lookAfterLost, planOfAfter } from './afterwards.js';
import type { SeenPlan } from './seen-plan.js';

const ref: PlanRef = { namespace: 'shop', name: 'ledger', uid: 'u-1' };
const seen: SeenPlan = {
  ...{ ref, generation: 1, observedGeneration: 1, phase: 'Completed', deletionRequested: false, held: false },
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
    const done: PlanRef[] = [];
    const again = (one: PlanRef): Promise<void> => Promise.resolve(void done.push(one));
    const lost = (): Promise<PlanRef[]> => Promise.resolve([ref]);
    const begun = await lookAfterLost({ lost, again }, () => Promise.resolve(plan));
    expect([begun, done]).toEqual(expected ? [[ref], [ref]] : [[], []]);
  });
});
